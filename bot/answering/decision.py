"""What to do with a question: answer, say that we don't know, hand over… and why.

Covered: one turn at a time, from the query, what was retrieved, the mood and the history. The
order of the rules is the order of the code: a wish for a person wins over everything else.
Reasons are stable codes that the console, metrics and webhooks use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.types import Action, Decision, HistoryEntry, Intent, Mood, Query, Retrieval, Waiting


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the decision turns, as probabilities in [0, 1].

    Attributes:
        answer: the least answerability at which a question is answered.
        small: the least confidence at which a message is taken for smalltalk, thanks or abuse.
        out_of_scope: the least confidence of being about something else than the shop.
        policy: the least answerability at which an uncertain question about a policy is worth a
            person's time, since a wrong answer about a rule costs more than any other.
        worse: the rise of frustration from which on a customer counts as getting unhappier.
        worse_from: and the frustration it must have reached.
    """

    answer: float = 0.5
    small: float = 0.6
    out_of_scope: float = 0.6
    policy: float = 0.3
    worse: float = 0.2
    worse_from: float = 0.3


def decide(
    query: Query,
    retrieval: Retrieval,
    mood: Mood,
    history: Sequence[HistoryEntry],
    failed_before: bool,
    thresholds: Thresholds,
    waiting: Waiting | None = None,
) -> Decision:
    """The decision on one message.

    Args:
        failed_before: the turn before this one ended in "I don't know".
        waiting: the conversation waits for a person already. It is not handed over once more,
            unless the customer has become unhappy meanwhile: the bot answers what it can.
    """
    decision = _decide(query, retrieval, mood, history, failed_before, thresholds)
    if decision.action is not Action.HAND_OVER or waiting is None:
        return decision
    if mood.unhappy and not waiting.unhappy:
        return decision
    if decision.hits and query.intent is not Intent.WANTS_HUMAN:
        return Decision(Action.ANSWER, "answerable", retrieval.answerability, decision.hits)
    return Decision(Action.CLARIFY, "still_waiting", decision.confidence)


def _decide(
    query: Query,
    retrieval: Retrieval,
    mood: Mood,
    history: Sequence[HistoryEntry],
    failed_before: bool,
    thresholds: Thresholds,
) -> Decision:
    sure = query.intent_confidence
    known = retrieval.answerability
    hits = retrieval.hits if known >= thresholds.answer else ()

    def hand_over(reason: str, confidence: float) -> Decision:
        return Decision(Action.HAND_OVER, reason, confidence, hits)

    if query.intent is Intent.WANTS_HUMAN and sure >= thresholds.small:
        return Decision(Action.HAND_OVER, "asked_for_person", sure)
    if query.reserved:
        return Decision(Action.HAND_OVER, query.reserved, 1.0)
    if mood.unhappy:
        return hand_over("unhappy", mood.frustration)
    if (
        mood.label == "negative"
        and mood.trend >= thresholds.worse
        and mood.frustration >= thresholds.worse_from
    ):
        return hand_over("worsening", mood.frustration)
    if not query.search_text.strip():
        return Decision(Action.CLARIFY, "nothing_asked", 1.0)
    if query.intent is Intent.ABUSE and sure >= thresholds.small and not hits:
        return Decision(Action.REJECT, "abuse", sure)
    small = query.intent in (Intent.SMALLTALK, Intent.THANKS_BYE) and sure >= thresholds.small
    # "thanks, and how long does express take?" is a question all the same; what a follow-up finds
    # is due to the history, not to the "thanks".
    if small and (query.is_follow_up or known < max(thresholds.answer, 0.8)):
        return Decision(Action.SMALLTALK, str(query.intent), sure)
    if query.lang == "other" and query.is_follow_up:
        return Decision(Action.CLARIFY, "other_language", 1.0)
    if hits:
        return Decision(Action.ANSWER, "answerable", known, hits)
    if query.intent is Intent.OUT_OF_SCOPE and sure >= thresholds.out_of_scope:
        return Decision(Action.ABSTAIN, "out_of_scope", sure)
    if query.intent is Intent.ORDER_MATTER and sure >= thresholds.small:
        return Decision(Action.HAND_OVER, "order_matter", sure)
    if query.intent is Intent.COMPLAINT and sure >= thresholds.small:
        return Decision(Action.HAND_OVER, "complaint", sure)
    if _unsure_of_policy(query, retrieval, thresholds):
        return Decision(Action.HAND_OVER, "policy_unsure", 1.0 - known)
    if failed_before and history:
        return Decision(Action.HAND_OVER, "two_failed", 1.0 - known)
    return Decision(Action.ABSTAIN, "not_in_knowledge", 1.0 - known)


def _unsure_of_policy(query: Query, retrieval: Retrieval, thresholds: Thresholds) -> bool:
    asks = query.intent in (Intent.QUESTION, Intent.COMPLAINT)
    best = retrieval.hits[0].passage.kind if retrieval.hits else ""
    return asks and best == "policy" and retrieval.answerability >= thresholds.policy

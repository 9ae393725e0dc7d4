"""The decision: who asks for a person gets one, what is not known is not answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.answering.decision import Thresholds, decide
from bot.types import (
    Action,
    HistoryEntry,
    Hit,
    Intent,
    Mood,
    Passage,
    PassageKind,
    Query,
    Retrieval,
    Waiting,
)

HIT = Hit(Passage("p", "faq", "en", "Returns", "30 days"), 1.0)
KNOWN = Retrieval((HIT,), 0.9, "v1")
UNKNOWN = Retrieval((HIT,), 0.1, "v1")
QUESTION = Query("Can I return it?", "en", "Can I return it?", Intent.QUESTION, 0.9)
CALM, ANGRY = Mood("neutral"), Mood("negative", frustration=0.95, unhappy=True)
HISTORY = (HistoryEntry("customer", "hi"), HistoryEntry("bot", "hello"))
LIMITS = Thresholds(answer=0.5)


def retrieval(known: float, kind: PassageKind = "faq") -> Retrieval:
    passage = replace(HIT.passage, kind=kind)
    return Retrieval((replace(HIT, passage=passage),), known, "v1")


def action(query: Query, found: Retrieval, mood: Mood = CALM, failed: bool = False) -> str:
    decision = decide(query, found, mood, HISTORY, failed, LIMITS)
    return f"{decision.action}:{decision.reason}"


@pytest.mark.parametrize("found", [KNOWN, UNKNOWN])
def test_asking_for_a_person_wins_over_everything(found: Retrieval) -> None:
    query = replace(QUESTION, intent=Intent.WANTS_HUMAN)
    assert action(query, found, ANGRY) == "hand_over:asked_for_person"


def test_an_unhappy_customer_gets_a_person_and_the_answer_if_there_is_one() -> None:
    decision = decide(QUESTION, KNOWN, ANGRY, HISTORY, False, LIMITS)
    assert (decision.action, decision.reason) == (Action.HAND_OVER, "unhappy")
    assert decision.hits == (HIT,)
    assert decide(QUESTION, UNKNOWN, ANGRY, HISTORY, False, LIMITS).hits == ()


def test_what_is_known_is_answered_and_what_is_not_is_not() -> None:
    assert action(QUESTION, KNOWN) == "answer:answerable"
    assert action(QUESTION, UNKNOWN) == "abstain:not_in_knowledge"


def test_the_second_failure_in_a_row_hands_over() -> None:
    assert action(QUESTION, UNKNOWN, failed=True) == "hand_over:two_failed"
    assert action(QUESTION, KNOWN, failed=True) == "answer:answerable"


def test_a_matter_of_one_order_goes_to_a_person_unless_the_texts_answer_it() -> None:
    query = replace(QUESTION, intent=Intent.ORDER_MATTER)
    assert action(query, UNKNOWN) == "hand_over:order_matter"
    assert action(query, KNOWN) == "answer:answerable"


def test_small_talk_is_answered_as_such_but_not_when_a_question_hides_in_it() -> None:
    thanks = replace(QUESTION, intent=Intent.THANKS_BYE)
    assert action(thanks, UNKNOWN) == "smalltalk:thanks_bye"
    assert action(thanks, KNOWN) == "answer:answerable"


def test_an_unsure_intent_does_not_decide() -> None:
    query = replace(QUESTION, intent=Intent.ABUSE, intent_confidence=0.3)
    assert action(query, UNKNOWN) == "abstain:not_in_knowledge"


def test_nothing_asked_is_asked_back() -> None:
    assert action(replace(QUESTION, search_text="  "), UNKNOWN) == "clarify:nothing_asked"


def test_thanks_after_an_answer_is_thanks_whatever_the_history_finds() -> None:
    thanks = replace(QUESTION, intent=Intent.THANKS_BYE, is_follow_up=True)
    assert action(thanks, KNOWN) == "smalltalk:thanks_bye"


def test_another_language_is_not_completed_from_the_history() -> None:
    spanish = replace(QUESTION, lang="other", is_follow_up=True)
    assert action(spanish, KNOWN) == "clarify:other_language"


def test_a_reserved_topic_goes_to_people_before_anything_is_answered() -> None:
    query = replace(QUESTION, reserved="legal_threat")
    decision = decide(query, KNOWN, Mood(), (), False, Thresholds())
    assert (decision.action, decision.reason) == (Action.HAND_OVER, "legal_threat")


def test_a_customer_who_gets_unhappier_is_handed_over_before_they_are_angry() -> None:
    worse = Mood("negative", {}, frustration=0.35, trend=0.3)
    decision = decide(QUESTION, KNOWN, worse, (), False, Thresholds())
    assert (decision.action, decision.reason) == (Action.HAND_OVER, "worsening")
    calmer = replace(worse, trend=-0.3)
    assert decide(QUESTION, KNOWN, calmer, (), False, Thresholds()).action is Action.ANSWER


def test_a_doubt_about_a_policy_is_a_persons_matter() -> None:
    unsure = retrieval(0.4, kind="policy")
    decision = decide(QUESTION, unsure, Mood(), (), False, Thresholds(answer=0.5))
    assert (decision.action, decision.reason) == (Action.HAND_OVER, "policy_unsure")
    far = retrieval(0.1, kind="policy")
    assert decide(QUESTION, far, Mood(), (), False, Thresholds()).action is Action.ABSTAIN
    faq = retrieval(0.4)
    assert decide(QUESTION, faq, Mood(), (), False, Thresholds()).action is Action.ABSTAIN


@pytest.mark.parametrize(
    ("known", "unhappy", "was", "action", "reason"),
    [
        (0.1, False, False, Action.CLARIFY, "still_waiting"),
        (0.9, False, False, Action.CLARIFY, "still_waiting"),
        (0.9, True, False, Action.HAND_OVER, "unhappy"),
        (0.9, True, True, Action.ANSWER, "answerable"),
        (0.1, True, True, Action.CLARIFY, "still_waiting"),
    ],
)
def test_who_waits_already_is_not_handed_over_again(
    known: float, unhappy: bool, was: bool, action: Action, reason: str
) -> None:
    """Unless they have become unhappy meanwhile; what can be answered is answered."""
    waiting = Waiting(datetime(2026, 3, 1, tzinfo=UTC), "order_matter", was)
    mood = Mood("negative", {}, 0.9, unhappy=True) if unhappy else Mood()
    query = QUESTION if unhappy else replace(QUESTION, intent=Intent.WANTS_HUMAN)
    decision = decide(query, retrieval(known), mood, (), False, Thresholds(), waiting)
    assert (decision.action, decision.reason) == (action, reason)

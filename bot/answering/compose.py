"""From a decision to checked replies, one by one: quote, draft, or a prepared sentence.

Covered: which of these a decision calls for, the verbatim fallback when a draft fails, is late or
never comes, and what a customer of a third language is told. A sentence is yielded before the next
one is drafted. Not covered: the decision itself (`decision`), and storing the turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import structlog

from bot.answering.drafting import Draft, Drafter
from bot.answering.evidence import to_quote, worth_showing
from bot.answering.notices import to_script
from bot.answering.quoting import citations_of, nearest, quote
from bot.answering.wording import Wording
from bot.config import AnswerStyle
from bot.errors import GeneratorError
from bot.types import Action, Decision, HistoryEntry, Hit, Lang, Query, Reply, Verdict

log = structlog.get_logger(__name__)

_LEAD_IN = {
    "two_failed": "two_failed",
    "order_matter": "order_matter",
    "unhappy": "unhappy",
    "complaint": "unhappy",
    "worsening": "worsening",
    "policy_unsure": "policy_unsure",
    "legal_threat": "reserved",
    "safety": "reserved",
    "payment_dispute": "reserved",
}
"""Reasons of a handover that say something of their own before the common notice, and what."""


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes the replies of a turn.

    Attributes:
        drafter: writes where nothing can be quoted.
        wording: the prepared sentences.
        passages: how many of the hits count, best first.
        style: `quote`: the sentences of the shop's text that answer, where the reader has read them
            in the customer's language; the generator writes the rest. `draft`: the generator
            writes everything.
        quote_floor: a draft that declines is overruled by the shop's own text from this
            answerability on: small models learn to refuse before they learn to read.
    """

    drafter: Drafter
    wording: Wording
    passages: int = 3
    style: AnswerStyle = "quote"
    quote_floor: float = 0.8

    def compose(
        self, decision: Decision, query: Query, history: Sequence[HistoryEntry], draft: Draft
    ) -> Iterator[Reply]:
        """Replies in order; `draft` is filled with what led to them."""
        started = time.monotonic()
        for reply in self._replies(decision, query, history, draft):
            if not draft.replies:
                draft.first_reply_ms = 1000 * (time.monotonic() - started)
            draft.replies.append(reply)
            yield reply

    def _replies(
        self, decision: Decision, query: Query, history: Sequence[HistoryEntry], draft: Draft
    ) -> Iterator[Reply]:
        lang = spoken_to(query)
        if query.lang == "other" and decision.action is not Action.HAND_OVER:
            yield self.wording.notice("other_language", lang)
        if decision.action is Action.ANSWER:
            yield from self._answer(decision, query, history, draft)
            return
        if decision.action is Action.HAND_OVER:
            if decision.reason in _LEAD_IN:
                yield self.wording.notice(_LEAD_IN[decision.reason], lang)
            if decision.hits:
                yield from self._answer(decision, query, history, draft)
        yield self.wording.notice(notice_of(decision), lang)

    def _answer(
        self, decision: Decision, query: Query, history: Sequence[HistoryEntry], draft: Draft
    ) -> Iterator[Reply]:
        hits = worth_showing(decision.hits[: self.passages])
        lang = spoken_to(query)
        numbers = to_quote(hits, lang) if self.style == "quote" else ()
        if numbers:
            for number, reply in zip(numbers, quote(hits, numbers, lang), strict=True):
                draft.verdicts.append(Verdict(reply.text, (number,)))
                yield reply
        elif self.style == "quote" and query.lang == "other":
            # A draft would be a retelling in a language that neither the shop nor the customer
            # chose; a figure put to the wrong use in it would be noticed by nobody.
            yield from self._verbatim(hits, lang)
        else:
            yield from self._drafted(decision, hits, query, history, draft)

    def _drafted(
        self,
        decision: Decision,
        hits: Sequence[Hit],
        query: Query,
        history: Sequence[HistoryEntry],
        draft: Draft,
    ) -> Iterator[Reply]:
        """What of a draft may be said; the shop's own text where nothing may."""
        lang = spoken_to(query)
        released = False
        try:
            with closing(self.drafter.verdicts(hits, query, lang, history, draft)) as verdicts:
                for verdict in verdicts:
                    if not verdict.released:
                        log.info("sentence_blocked", problems=[p.code for p in verdict.problems])
                        continue
                    released = True
                    text = to_script(verdict.sentence, lang)
                    yield Reply(text, "sentence", citations_of(hits, verdict.cited))
        except GeneratorError as error:
            log.warning("draft_failed", error=error.message)
            draft.error = error.message
        if released:
            return
        if draft.declined and decision.confidence < self.quote_floor:
            # The generator read the passages and found nothing: say so rather than quote them.
            yield self.wording.notice("abstain", lang)
            return
        yield from self._verbatim(hits, lang, "related" if draft.declined else "verbatim")

    def _verbatim(
        self, hits: Sequence[Hit], lang: Lang, lead_in: str = "verbatim"
    ) -> Iterator[Reply]:
        """The shop's own text of the best hit, in the customer's language where there is one."""
        if not hits:
            yield self.wording.notice("abstain", lang)
            return
        yield self.wording.notice(lead_in, lang)
        yield from quote(hits, (nearest(hits, lang),), lang)


def notice_of(decision: Decision) -> str:
    """The prepared sentence that a decision ends with."""
    reason = decision.reason
    match decision.action:
        case Action.HAND_OVER:
            return "hand_over"
        case Action.SMALLTALK:
            return "thanks" if reason == "thanks_bye" else "greeting"
        case Action.CLARIFY:
            return "still_waiting" if reason == "still_waiting" else "clarify"
        case Action.REJECT:
            return reason
        case _:
            return "out_of_scope" if reason == "out_of_scope" else "abstain"


def spoken_to(query: Query) -> Lang:
    """The language in which a customer is answered: their own, or the page's if it is neither.

    Without a page that tells, whoever writes with Chinese characters (Japanese) reads Chinese
    better than English.
    """
    if query.lang != "other":
        return query.lang
    if query.page_lang not in (None, "other"):
        return query.page_lang
    return "zh-Hans" if any("\u3400" <= char <= "\u9fff" for char in query.text) else "en"

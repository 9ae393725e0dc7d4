"""From a decision to checked replies, one by one: draft, check, release, or the shop's own words.

Covered: quoting the sentences that answer, drafting with the generator where they cannot be quoted,
checking sentence by sentence, the verbatim fallback when a draft fails, is late or never comes,
prepared notices. A sentence is yielded before the next one is
drafted. Not covered: the decision itself, and storing the turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import structlog

from bot.answering.evidence import needed_places, quoted, shown, to_quote, worth_showing
from bot.answering.guard import check, says_none
from bot.answering.notices import to_script
from bot.answering.prompt import Source, answer_prompt
from bot.answering.sentences import sentences
from bot.errors import GeneratorError
from bot.handover.hours import ALWAYS_OPEN, OpeningHours
from bot.handover.policy import hourly_notice
from bot.protocols import Generator
from bot.types import (
    Action,
    Citation,
    Decision,
    HistoryEntry,
    Hit,
    Lang,
    Prompt,
    Query,
    Reply,
    Verdict,
)

log = structlog.get_logger(__name__)

_VERBATIM_BUDGET = 700
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
class Wording:
    """What the prepared sentences fill in."""

    shop_en: str
    shop_zh: str
    hours: OpeningHours = ALWAYS_OPEN
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def notice(self, name: str, lang: Lang) -> Reply:
        """A prepared sentence as a reply."""
        chinese = lang.startswith("zh")
        shop = self.shop_zh if chinese else self.shop_en
        text = hourly_notice(name, lang, self.hours, self.clock(), shop=shop)
        return Reply(text, "notice")


@dataclass
class Draft:
    """What happened while a reply was composed; filled as it goes, stored with the turn."""

    text: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    first_reply_ms: float = 0.0
    error: str = ""
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes the replies of a turn."""

    generator: Generator
    wording: Wording
    passages: int = 3
    max_tokens: int = 160
    deadline_s: float = 20.0
    style: Literal["quote", "draft"] = "quote"
    """`quote`: the sentences of the shop's text that answer, where the reader has read them in the
    customer's language; the generator writes the rest. `draft`: the generator writes everything."""
    quote_floor: float = 0.8
    """A draft that declines is overruled by the shop's own text from this answerability on: small
    models learn to refuse before they learn to read."""

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
        lang = query.lang
        if lang == "other" and decision.action is not Action.HAND_OVER:
            yield self.wording.notice("other_language", lang)
        if decision.action is Action.ANSWER:
            yield from self._answer(decision, query, history, draft)
        elif decision.action is Action.HAND_OVER:
            if decision.reason in _LEAD_IN:
                yield self.wording.notice(_LEAD_IN[decision.reason], lang)
            if decision.hits:
                yield from self._answer(decision, query, history, draft)
            yield self.wording.notice("hand_over", lang)
        elif decision.action is Action.SMALLTALK:
            name = "thanks" if decision.reason == "thanks_bye" else "greeting"
            yield self.wording.notice(name, lang)
        elif decision.action is Action.CLARIFY:
            waits = decision.reason == "still_waiting"
            yield self.wording.notice("still_waiting" if waits else "clarify", lang)
        elif decision.action is Action.REJECT:
            yield self.wording.notice(decision.reason, lang)
        else:
            name = "out_of_scope" if decision.reason == "out_of_scope" else "abstain"
            yield self.wording.notice(name, lang)

    def _answer(
        self, decision: Decision, query: Query, history: Sequence[HistoryEntry], draft: Draft
    ) -> Iterator[Reply]:
        hits = worth_showing(decision.hits[: self.passages])
        quotes = to_quote(hits, query.lang) if self.style == "quote" else ()
        if quotes:
            yield from quote(hits, quotes, query.lang, draft)
            return
        released = False
        try:
            for verdict in self._checked(hits, query, history, draft):
                draft.verdicts.append(verdict)
                if not verdict.released:
                    log.info("sentence_blocked", problems=[p.code for p in verdict.problems])
                    continue
                released = True
                yield Reply(
                    to_script(verdict.sentence, query.lang),
                    "sentence",
                    citations_of(hits, verdict.cited),
                )
        except GeneratorError as error:
            log.warning("draft_failed", error=error.message)
            draft.error = error.message
        if released:
            return
        if draft.declined and decision.confidence < self.quote_floor:
            # The generator read the passages and found nothing: say so rather than quote them.
            yield self.wording.notice("abstain", query.lang)
            return
        lead_in = "related" if draft.declined else "verbatim"
        yield from verbatim(hits, query.lang, self.wording, lead_in)

    def _checked(
        self, hits: Sequence[Hit], query: Query, history: Sequence[HistoryEntry], draft: Draft
    ) -> Iterator[Verdict]:
        sources = [Source(hit.passage.title, shown(hit)) for hit in hits]
        passages = [f"{hit.passage.title}\n{hit.passage.text}" for hit in hits]
        prompt = answer_prompt(query.text, query.lang, sources, history)
        pieces = self._until_deadline(prompt, draft)
        seen: set[str] = set()
        for sentence in sentences(pieces):
            verdict = check(sentence, passages, query.text)
            if verdict.sentence in seen or not verdict.sentence:
                continue  # small models repeat themselves
            seen.add(verdict.sentence)
            if says_none(sentence):
                draft.declined = True
                if not draft.verdicts:
                    continue  # a lone refusal becomes the prepared notice
            yield verdict

    def _until_deadline(self, prompt: Prompt, draft: Draft) -> Iterator[str]:
        started = time.monotonic()
        stream = self.generator.stream(prompt, max_tokens=self.max_tokens)
        try:
            for piece in stream:
                draft.text += piece
                yield piece
                if time.monotonic() - started > self.deadline_s:
                    raise GeneratorError(f"the draft took longer than {self.deadline_s:g} s")
        finally:
            close = getattr(stream, "close", None)
            if close:
                close()


def citations_of(hits: Sequence[Hit], numbers: Sequence[int]) -> tuple[Citation, ...]:
    """The cited hits; `numbers` are 1-based positions."""
    return tuple(
        Citation(
            number=number,
            passage_id=hits[number - 1].passage.passage_id,
            version=hits[number - 1].passage.version,
            title=hits[number - 1].passage.title,
            text=hits[number - 1].passage.text,
            kind=hits[number - 1].passage.kind,
            evidence=needed_places(hits[number - 1]),
        )
        for number in numbers
    )


def quote(hits: Sequence[Hit], numbers: Sequence[int], lang: Lang, draft: Draft) -> Iterator[Reply]:
    """What of the hits at these 1-based positions answers, in the shop's own words."""
    for number in numbers:
        text = to_script(quoted(hits[number - 1], _VERBATIM_BUDGET), lang)
        draft.verdicts.append(Verdict(text, (number,)))
        yield Reply(text, "verbatim", citations_of(hits, (number,)))


def verbatim(
    hits: Sequence[Hit], lang: Lang, wording: Wording, lead_in: str = "verbatim"
) -> Iterator[Reply]:
    """The shop's own text of the best hit, in the customer's language where there is one."""
    if not hits:
        yield wording.notice("abstain", lang)
        return
    chinese = lang.startswith("zh")
    number = next(
        (
            number
            for number, hit in enumerate(hits, start=1)
            if hit.passage.lang.startswith("zh") == chinese
        ),
        1,
    )
    yield wording.notice(lead_in, lang)
    text = quoted(hits[number - 1], _VERBATIM_BUDGET)
    yield Reply(to_script(text, lang), "verbatim", citations_of(hits, (number,)))

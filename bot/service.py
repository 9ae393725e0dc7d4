"""One conversation turn, readable aloud: understand, read the mood, search, decide, compose, store.

Covered: the order of the stages, their timings, the turn as data, what happens when one fails: the
customer gets a prepared sentence, the turn keeps the error. Not covered: channels and the queue.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from bot.answering.compose import Composer
from bot.answering.decision import Thresholds, decide
from bot.answering.drafting import Draft
from bot.observing import OnTurn, nobody
from bot.protocols import MoodReader, Retriever, TurnStore, Understand
from bot.types import (
    Action,
    Decision,
    Intent,
    Message,
    Mood,
    Query,
    Reply,
    Retrieval,
    Turn,
)

log = structlog.get_logger(__name__)

_NOTHING = Retrieval((), 0.0, "")


@dataclass
class _Clock:
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings_ms[name] = round(1000 * (time.perf_counter() - started), 2)


@dataclass
class _Progress:
    """A turn in the making."""

    message: Message
    query: Query
    retrieval: Retrieval = _NOTHING
    mood: Mood = field(default_factory=Mood)
    decision: Decision = field(default_factory=lambda: Decision(Action.REJECT, "failure"))
    draft: Draft = field(default_factory=Draft)
    clock: _Clock = field(default_factory=_Clock)
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Service:
    """Answers messages. Built once, in `bot.build`; safe to share between threads."""

    understand: Understand
    mood: MoodReader
    retriever: Retriever
    composer: Composer
    store: TurnStore
    thresholds: Thresholds
    versions: Mapping[str, str]
    max_chars: int = 4000
    on_turn: OnTurn = nobody

    def answer(self, message: Message) -> Iterator[Reply]:
        """Checked replies, one by one; the turn is stored when the last one is out.

        A caller that closes the iterator early frees the generator; what was said so far is
        stored all the same.
        """
        message = _with_id(message)
        if self.store.is_with_agent(message.conversation_id):
            self.store.save(self._silent(message))
            return
        progress = self._begin(message)
        try:
            yield from self._work(progress)
        finally:
            turn = self._turn(progress)
            self.store.save(turn)
            self.on_turn(turn)

    def answer_turn(self, message: Message) -> Turn:
        """The whole turn at once, not stored: for channels that store it with their own rows."""
        message = _with_id(message)
        if self.store.is_with_agent(message.conversation_id):
            return self._silent(message)
        progress = self._begin(message)
        for _ in self._work(progress):
            pass
        turn = self._turn(progress)
        self.on_turn(turn)
        return turn

    def _begin(self, message: Message) -> _Progress:
        lang = message.interface_lang or "en"
        return _Progress(message, Query(message.text[: self.max_chars], lang, ""))

    def _work(self, progress: _Progress) -> Iterator[Reply]:
        try:
            yield from self._stages(progress)
        except GeneratorExit:
            log.info("customer_left", conversation=progress.message.conversation_id)
            raise
        except Exception as error:
            # The customer gets a prepared sentence; the exception goes to the log and the turn.
            log.exception("turn_failed", conversation=progress.message.conversation_id)
            progress.draft.error = f"{type(error).__name__}: {error}"
            progress.decision = Decision(Action.HAND_OVER, "failure")
            for name in ("failure", "hand_over"):
                reply = self.composer.wording.notice(name, progress.query.lang)
                progress.draft.replies.append(reply)
                yield reply

    def _stages(self, progress: _Progress) -> Iterator[Reply]:
        message, clock = progress.message, progress.clock
        history = self.store.history(message.conversation_id)
        if len(message.text) > self.max_chars:
            shortened = replace(message, text=message.text[:500])
            progress.query = replace(self.understand(shortened, ()), search_text="")
            progress.decision = Decision(Action.CLARIFY, "too_long", 1.0)
            reply = self.composer.wording.notice("too_long", progress.query.lang)
            progress.draft.replies.append(reply)
            yield reply
            return
        with clock.stage("understand"):
            progress.query = self.understand(message, history)
        with clock.stage("mood"):
            progress.mood = self.mood.read(message, history)
        if progress.query.search_text.strip():
            with clock.stage("retrieve"):
                progress.retrieval = self.retriever.search(progress.query)
        progress.decision = decide(
            progress.query,
            progress.retrieval,
            progress.mood,
            history,
            self.store.failed_before(message.conversation_id),
            self.thresholds,
            self.store.waiting(message.conversation_id),
        )
        with clock.stage("compose"):
            yield from self.composer.compose(
                progress.decision, progress.query, history, progress.draft
            )
        if progress.draft.declined and not any(r.citations for r in progress.draft.replies):
            progress.decision = replace(progress.decision, action=Action.ABSTAIN, reason="declined")

    def _turn(self, progress: _Progress) -> Turn:
        timings = dict(progress.clock.timings_ms)
        timings["first_reply"] = round(progress.draft.first_reply_ms, 2)
        timings["total"] = round(1000 * (time.perf_counter() - progress.started), 2)
        return Turn(
            turn_id=progress.message.message_id,
            conversation_id=progress.message.conversation_id,
            message=progress.message,
            query=progress.query,
            retrieval=progress.retrieval,
            mood=progress.mood,
            decision=progress.decision,
            draft=progress.draft.text,
            verdicts=tuple(progress.draft.verdicts),
            replies=tuple(progress.draft.replies),
            timings_ms=timings,
            versions={**self.versions, "index": progress.retrieval.index_version},
            created_at=datetime.now(UTC),
            error=progress.draft.error,
        )

    def _silent(self, message: Message) -> Turn:
        """A turn in which a person has the word: the message is kept, nothing is said."""
        query = Query(message.text, message.interface_lang or "en", "", Intent.QUESTION)
        progress = _Progress(message, query)
        progress.decision = Decision(Action.SILENT, "with_agent", 1.0)
        return self._turn(progress)


def _with_id(message: Message) -> Message:
    message_id = message.message_id or uuid.uuid4().hex
    received = message.received_at or datetime.now(UTC)
    return replace(message, message_id=message_id, received_at=received)

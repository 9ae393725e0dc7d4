"""From an event in the inbox to a turn and what it sends: the work on one claimed row.

Covered: bursts of messages become one question, silence while a person has the conversation,
what to do when no turn can be made. Turn, replies and the end of the event are stored in one
transaction, so that a crash at any instant repeats either all of it or nothing. Not covered:
sending (`bot.channels.delivery`), claiming (`bot.channels.worker`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import structlog

from bot.channels.webhooks.adapter import Adapter, ChannelEvent
from bot.channels.webhooks.wording import attachments_notice, broken_notice
from bot.errors import StoreError
from bot.store.codec import load
from bot.store.queue import SqlQueue
from bot.store.queue_records import Elsewhere, ExternalRef, Following, InboxItem, Outgoing
from bot.types import Action, Decision, Message, Mood, Query, Reply, Retrieval, Turn

log = structlog.get_logger(__name__)

AnswerTurn = Callable[[Message], Turn]
"""Produces the whole turn, not stored. It is given a message with an id and text."""

FAILURES_BEFORE_PERSON: Final = 3
"""After so many attempts that raised an error a person is asked."""

DEATHS_BEFORE_PERSON: Final = 6
"""After so many attempts of which nobody heard again a person is asked. More than of the failures:
a process is seldom killed by what a customer wrote."""

BURST_PATIENCE: Final = 4
"""A customer who never pauses is answered after so many quiet times."""


@dataclass(frozen=True, slots=True)
class _Burst:
    """Messages to answer together, in the order the system numbered them."""

    events: tuple[ChannelEvent, ...]
    absorbed: tuple[Following, ...]
    first_at: datetime
    newest_at: datetime
    person_follows: bool

    @property
    def last(self) -> ChannelEvent:
        return self.events[-1]


@dataclass(frozen=True)
class Conversing:
    """Works events; safe to use from many threads, but for one conversation one at a time.

    Attributes:
        queue: inbox and outbox.
        answer_turn: answers.
        adapters: by name.
        is_with_agent: whether a person has a conversation.
        client: for typing indicators.
        quiet_s: a pause of this length ends a burst.
        wake_inbox: look again in so many seconds.
        wake_outbox: there is something to send.
    """

    queue: SqlQueue
    answer_turn: AnswerTurn
    adapters: Mapping[str, Adapter]
    is_with_agent: Callable[[str], bool]
    client: httpx.Client
    quiet_s: float
    wake_inbox: Callable[[float], None]
    wake_outbox: Callable[[], None]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def work(self, item: InboxItem) -> None:
        """Work one event to its end. Raises nothing but what the database raises.

        Raises:
            StoreError: the database failed; the event stays claimed until its lease ends.
        """
        adapter = self.adapters[item.event.source]
        try:
            event = load(ChannelEvent, item.event.payload)
            if event.kind == "customer_message":
                self._hear(item, event, adapter)
            else:
                self.queue.complete(item, elsewhere=_elsewhere(event, adapter.name))
        except StoreError as error:
            log.warning("event_failed", conversation=item.event.conversation_key, error=str(error))
            self.queue.fail(item, error.message)
        except Exception as error:
            # Its text may quote the customer; the operator's log gets the trace, the row the kind.
            log.exception("event_failed", conversation=item.event.conversation_key)
            self.queue.fail(item, type(error).__name__)

    def _hear(self, item: InboxItem, event: ChannelEvent, adapter: Adapter) -> None:
        burst = self._burst(item, event)
        wait_s = self._wait_s(burst) if event.may_answer and not burst.person_follows else 0.0
        if wait_s > 0:
            self.queue.put_off(item, wait_s)
            self.wake_inbox(wait_s)
            return
        message = _message(burst, adapter.name)
        if not event.may_answer or burst.person_follows or self._with_person(event):
            self._keep(item, burst, message)
        elif item.lease.attempt > DEATHS_BEFORE_PERSON:
            self._ask_person(item, burst, message, adapter)
        else:
            self._answer(item, burst, message, adapter)

    def _answer(self, item: InboxItem, burst: _Burst, message: Message, adapter: Adapter) -> None:
        conversation_id = message.conversation_id
        self._show_typing(adapter, conversation_id)
        try:
            turn = self._turn(burst, message)
        except Exception as error:
            adapter.typing(conversation_id, on=False, client=self.client)
            if item.lease.attempt < FAILURES_BEFORE_PERSON or isinstance(error, StoreError):
                raise
            log.exception("turn_failed", conversation=conversation_id)
            self._ask_person(item, burst, message, adapter)
            return
        if self._burst(item, burst.events[0]).person_follows:
            # Somebody was faster. What the bot would have said is not part of the conversation.
            adapter.typing(conversation_id, on=False, client=self.client)
            self._keep(item, burst, message)
            return
        out = adapter.outgoing(turn, burst.last.message_id)
        if not out:
            adapter.typing(conversation_id, on=False, client=self.client)
        if self._complete(item, burst, turn=turn, out=out):
            log.info("turn_stored", conversation=conversation_id, action=turn.decision.action.value)

    def _turn(self, burst: _Burst, message: Message) -> Turn:
        if any(event.text for event in burst.events):
            return self.answer_turn(message)
        decision = Decision(Action.CLARIFY, "attachments_only", 1.0)
        notice = attachments_notice(message.interface_lang)
        return _prepared_turn(message, decision, notice, self.clock())

    def _keep(self, item: InboxItem, burst: _Burst, message: Message) -> None:
        """Store what the customer said; the bot keeps silent."""
        self._complete(item, burst, message=message)

    def _ask_person(
        self, item: InboxItem, burst: _Burst, message: Message, adapter: Adapter
    ) -> None:
        log.error("event_given_to_person", conversation=message.conversation_id)
        decision = Decision(Action.HAND_OVER, "failure", 1.0)
        notice = broken_notice(message.interface_lang)
        turn = _prepared_turn(message, decision, notice, self.clock())
        turn = replace(turn, error=f"no answer in {item.lease.attempt} attempts")
        out = adapter.outgoing(turn, burst.last.message_id)
        self._complete(item, burst, turn=turn, out=out)

    def _complete(
        self,
        item: InboxItem,
        burst: _Burst,
        *,
        turn: Turn | None = None,
        message: Message | None = None,
        out: Sequence[Outgoing] = (),
    ) -> bool:
        event = burst.last
        done = self.queue.complete(
            item,
            turn=turn,
            message=message,
            out=out,
            external=ExternalRef(event.account_ref, event.conversation_ref),
            absorbed=burst.absorbed,
        )
        if not done:
            log.warning("lease_lost", conversation=event.conversation_id)
        elif out:
            self.wake_outbox()
        return done

    def _burst(self, item: InboxItem, event: ChannelEvent) -> _Burst:
        """The event and the messages right behind it, as far as they may be answered together."""
        events, absorbed = [event], []
        first_at = item.event.received_at or self.clock()
        newest_at = first_at
        person_follows, together = False, True
        for follower in self.queue.following(item):
            behind = load(ChannelEvent, follower.event.payload)
            if behind.kind != "customer_message":
                person_follows = behind.kind in ("taken_over", "opened")
            together = (
                together
                and behind.kind == "customer_message"
                and behind.may_answer == event.may_answer
            )
            if together:
                events.append(behind)
                absorbed.append(follower)
                newest_at = max(newest_at, follower.event.received_at or first_at)
        ordered = sorted(events, key=_place_in_burst)
        return _Burst(tuple(ordered), tuple(absorbed), first_at, newest_at, person_follows)

    def _wait_s(self, burst: _Burst) -> float:
        quiet = timedelta(seconds=self.quiet_s)
        until = min(burst.newest_at + quiet, burst.first_at + BURST_PATIENCE * quiet)
        return (until - self.clock()).total_seconds()

    def _with_person(self, event: ChannelEvent) -> bool:
        return self.is_with_agent(event.conversation_id)

    def _show_typing(self, adapter: Adapter, conversation_id: str) -> None:
        # In a thread: a slow system must not delay the answer.
        threading.Thread(
            target=adapter.typing,
            args=(conversation_id, True, self.client),
            name="typing",
            daemon=True,
        ).start()


def _place_in_burst(event: ChannelEvent) -> tuple[int, int]:
    """By the time of writing, where the system tells it, and by number, where it is one."""
    return event.sent_ms, int(event.message_id) if event.message_id.isdecimal() else 0


def _message(burst: _Burst, channel: str) -> Message:
    last = burst.last
    text = "\n".join(event.text for event in burst.events if event.text)
    attachments = sum(event.attachments for event in burst.events)
    return Message(
        conversation_id=last.conversation_id,
        text=text or f"[{attachments} × attachment 附件]",
        channel=channel,
        customer_id=last.customer_id,
        message_id=f"{last.conversation_id}:m{last.message_id}",
        interface_lang=last.lang,
        received_at=burst.first_at,
    )


def _elsewhere(event: ChannelEvent, channel: str) -> Elsewhere:
    if event.kind == "customer_message":
        raise TypeError("a customer's message is nobody's doing elsewhere")
    return Elsewhere(
        event.kind,
        event.conversation_id,
        channel,
        agent=event.agent,
        text=event.text,
        message_id=f"{event.conversation_id}:m{event.message_id}" if event.message_id else "",
    )


def _prepared_turn(message: Message, decision: Decision, text: str, now: datetime) -> Turn:
    """A turn in which no model had a part."""
    return Turn(
        turn_id=message.message_id,
        conversation_id=message.conversation_id,
        message=message,
        query=Query(message.text, message.interface_lang or "other", ""),
        retrieval=Retrieval((), 0.0, ""),
        mood=Mood(),
        decision=decision,
        draft="",
        verdicts=(),
        replies=(Reply(text, "notice"),),
        timings_ms={},
        versions={},
        created_at=now,
    )

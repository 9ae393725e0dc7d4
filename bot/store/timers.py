"""Timers over customers who are owed an answer or a person: claimed when due, put off, run out.

Covered: any number of processes may work them; what a timer does happens in one transaction, and a
process killed in between leaves a timer that is due again after its lease. Not covered: when a
timer runs out and what is said then (`bot.handover.policy`, `bot.channels.escalation`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from bot.handover.states import Event, Status
from bot.store.columns import utc_now
from bot.store.events import publish
from bot.store.handover_tables import handovers, timers
from bot.store.queue_records import Outgoing
from bot.store.queue_rows import write_outgoing
from bot.store.standing import Opening, happen, standing_of
from bot.store.tables import conversations
from bot.store.transactions import reading, writing
from bot.store.utterances import locked, write_utterance
from bot.types import Lang

LEASE_S = 30.0
NO_ANSWER = "no_answer"
"""Reason of a handover because a message was left without any reply."""


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that a worker holds until `held_until`.

    `since` is when it started or last ran out; `fired` counts how often it did. A fresh one is due
    at once, so that somebody looks when it ought to run out.
    """

    conversation_id: str
    channel: str
    lang: Lang
    status: Status
    unhappy: bool
    reason: str
    since: datetime
    fired: int
    held_until: datetime


class SqlTimers:
    """Timers in SQL; safe to use from many threads and processes."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def claim(self, limit: int = 20, lease_s: float = LEASE_S) -> tuple[DueTimer, ...]:
        """The timers that are due, oldest first; nobody else gets them for `lease_s` seconds."""
        now = self._clock()
        due = (
            select(timers.c.conversation_id)
            .where(timers.c.due_at <= now)
            .order_by(timers.c.due_at)
            .limit(max(0, limit))
        )
        with reading(self._engine) as connection:
            names = connection.execute(due).scalars().all()
        if not names:
            return ()
        held_until = now + timedelta(seconds=lease_s)
        with writing(self._engine) as connection:
            found = (_claim(connection, name, now, held_until) for name in names)
            return tuple(timer for timer in found if timer is not None)

    def put_off(self, timer: DueTimer, due_at: datetime) -> bool:
        """Let it run out at `due_at`. False if it has changed since it was claimed."""
        with writing(self._engine) as connection:
            return _rewind(connection, timer, due_at=due_at)

    def run_out(
        self, timer: DueTimer, next_due: datetime, text: str = "", out: Sequence[Outgoing] = ()
    ) -> bool:
        """Escalate: the conversation waits for people, urgently, and the timer starts again.

        Args:
            timer: claimed.
            next_due: when it runs out next.
            text: what the customer is told; nothing when empty.
            out: what connected systems are sent, the text among it.

        Returns:
            False if the conversation has changed since the timer was claimed: nothing was done.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            row = locked(connection, timer.conversation_id)
            if row is None or not standing_of(connection, row).timed:
                return False
            if not _rewind(connection, timer):
                return False
            opening = Opening(NO_ANSWER)
            happen(connection, row, [Event.TIMER], now, opening=opening)
            connection.execute(
                update(timers)
                .where(timers.c.conversation_id == row.id)
                .values(started_at=now, due_at=next_due, fired=timer.fired + 1)
            )
            connection.execute(
                update(handovers)
                .where(handovers.c.conversation_id == row.id, handovers.c.closed_at.is_(None))
                .values(escalations=handovers.c.escalations + 1)
            )
            if write_utterance(connection, row.id, "bot", text, at=now):
                connection.execute(
                    update(conversations)
                    .where(conversations.c.id == row.id)
                    .values(last_at=max(row.last_at, now))
                )
            for one in out:
                write_outgoing(connection, one, now)
            publish("conversation.escalated", _payload(timer, now), connection)
        return True


def _claim(
    connection: Connection, conversation_id: str, now: datetime, held_until: datetime
) -> DueTimer | None:
    row = locked(connection, conversation_id)
    mine = timers.c.conversation_id == conversation_id
    timer = connection.execute(
        select(timers).where(mine, timers.c.due_at <= now).with_for_update()
    ).one_or_none()
    if row is None or timer is None:
        return None
    connection.execute(update(timers).where(mine).values(due_at=held_until))
    return DueTimer(
        conversation_id=row.id,
        channel=row.channel,
        lang=row.lang,
        status=row.status,
        unhappy=row.unhappy,
        reason=row.handover_reason if row.status == "waiting" else NO_ANSWER,
        since=timer.started_at,
        fired=timer.fired,
        held_until=held_until,
    )


def _rewind(connection: Connection, timer: DueTimer, **values: object) -> bool:
    statement = (
        update(timers)
        .where(
            timers.c.conversation_id == timer.conversation_id,
            timers.c.due_at == timer.held_until,
        )
        .values(**(values or {"due_at": timer.held_until}))
    )
    return connection.execute(statement).rowcount == 1


def _payload(timer: DueTimer, now: datetime) -> dict[str, object]:
    return {
        "conversation_id": timer.conversation_id,
        "channel": timer.channel,
        "lang": timer.lang,
        "reason": timer.reason,
        "unhappy": timer.unhappy,
        "escalations": timer.fired + 1,
        "waiting_s": round((now - timer.since).total_seconds()),
    }

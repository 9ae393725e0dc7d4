"""What other systems are told of: events, written in the transaction that makes them true.

Covered: publishing to everybody who subscribes, reading, replaying by hand. Not covered: sending
(`bot.channels.webhooks.events`), which events a turn makes (`bot.store.turn_events`).

An event is stored once; a row of the outbox per subscriber refers to it, so that erasing a
customer's events also takes them out of what is still to be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from bot.errors import InputError
from bot.store.codec import dump, to_json
from bot.store.columns import utc_now
from bot.store.link_tables import events
from bot.store.queue_records import Outgoing
from bot.store.queue_rows import write_outgoing
from bot.store.subscribers import all_subscribers, names_that_want
from bot.store.tables import outbox
from bot.store.transactions import reading, writing

KINDS: Final = (
    "turn.answered",
    "conversation.handoff",
    "conversation.escalated",
    "conversation.resolved",
    "customer.unhappy",
    "knowledge.gap",
)
CHANNEL: Final = "events"
"""Their channel in the outbox."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `data` is a JSON object as text."""

    event_id: str
    kind: str
    conversation_id: str
    data: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a row of the outbox refers to."""

    event_id: str
    subscriber: str


def publish(kind: str, payload: Mapping[str, object], transaction: Connection) -> None:
    """Tell every subscriber that wants to know: `bot.protocols.PublishEvent`.

    When nobody wants to know, nothing is stored.

    Args:
        kind: one of `KINDS`.
        payload: plain JSON values, `conversation_id` among them.
        transaction: the one that makes the event true.

    Raises:
        ValueError: no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of event")
    wanting = names_that_want(transaction, kind)
    if not wanting:
        return
    now, event_id = utc_now(), f"msg_{uuid4().hex}"
    values = {
        "event_id": event_id,
        "kind": kind,
        "conversation_id": str(payload.get("conversation_id", "")),
        "data": to_json(dict(payload)),
        "created_at": now,
    }
    transaction.execute(insert(events).values(**values))
    for name in wanting:
        write_outgoing(transaction, _outgoing(event_id, name, kind), now)


class SqlEvents:
    """Events in SQL."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def get(self, event_id: str) -> Event | None:
        """One event; None if it was erased or never was."""
        with reading(self._engine) as connection:
            row = connection.execute(select(events).where(events.c.event_id == event_id))
            found = row.one_or_none()
        return None if found is None else _of_row(found)

    def latest(self, limit: int = 20, kind: str = "") -> tuple[Event, ...]:
        """The newest events, newest first, of one kind if one is named."""
        query = select(events).order_by(events.c.created_at.desc(), events.c.event_id)
        if kind:
            query = query.where(events.c.kind == kind)
        with reading(self._engine) as connection:
            return tuple(map(_of_row, connection.execute(query.limit(max(0, limit)))))

    def replay(
        self,
        *,
        event_ids: Sequence[str] = (),
        since: datetime | None = None,
        subscriber: str = "",
    ) -> int:
        """Send events again, under the ids they had; how many deliveries.

        Args:
            event_ids: these.
            since: and all that are not older.
            subscriber: to this one; to all that are enabled when empty.

        Raises:
            InputError: an event or the subscriber is not known.
        """
        now, again = self._clock(), 0
        with writing(self._engine) as connection:
            chosen = _chosen(connection, event_ids, since)
            names = _receivers(connection, subscriber)
            for event in chosen:
                for one in names:
                    if one.wants(event.kind):
                        _send_again(connection, event, one.name, now)
                        again += 1
        return again

    def purge(self, older_than: timedelta) -> int:
        """Delete events that are older; how many. What was not sent of them yet is dropped."""
        before = self._clock() - older_than
        with writing(self._engine) as connection:
            return connection.execute(delete(events).where(events.c.created_at < before)).rowcount


def _chosen(
    connection: Connection, event_ids: Sequence[str], since: datetime | None
) -> tuple[Event, ...]:
    wanted = tuple(dict.fromkeys(event_ids))
    found = connection.execute(select(events).where(events.c.event_id.in_(wanted)))
    chosen = {row.event_id: _of_row(row) for row in found}
    missing = [event_id for event_id in wanted if event_id not in chosen]
    if missing:
        raise InputError(
            f"there is no event {missing[0]!r}", fix="`shopkeeper events list` shows the newest"
        )
    if since is not None:
        query = select(events).where(events.c.created_at >= since).order_by(events.c.created_at)
        chosen |= {row.event_id: _of_row(row) for row in connection.execute(query)}
    return tuple(chosen.values())


def _receivers(connection: Connection, subscriber: str) -> list[Any]:
    known = [one for one in all_subscribers(connection) if subscriber in ("", one.name)]
    if subscriber and not known:
        raise InputError(
            f"there is no subscriber {subscriber!r}",
            fix="`shopkeeper events subscribers` lists them",
        )
    if subscriber and known[0].disabled_because:
        raise InputError(
            f"the subscriber {subscriber!r} is disabled: {known[0].disabled_because}",
            fix=f"run `shopkeeper events enable {subscriber}` first",
        )
    return known


def _send_again(connection: Connection, event: Event, name: str, now: datetime) -> None:
    outgoing = _outgoing(event.event_id, name, event.kind)
    if write_outgoing(connection, outgoing, now):
        return
    connection.execute(
        update(outbox)
        .where(outbox.c.idempotency_key == outgoing.key, outbox.c.status != "working")
        .values(status="pending", attempts=0, next_attempt_at=now, finished_at=None, error="")
    )


def _outgoing(event_id: str, subscriber: str, kind: str) -> Outgoing:
    # No conversation: an endpoint that is down must not hold up what comes after.
    payload = dump(Delivery(event_id, subscriber))
    return Outgoing(f"{event_id}:{subscriber}", CHANNEL, "", "event", kind, payload)


def _of_row(row: Row[Any]) -> Event:
    return Event(row.event_id, row.kind, row.conversation_id, row.data, row.created_at)

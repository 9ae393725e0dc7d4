"""What connected systems tell us, stored many to a commit: events, and echoes of what we sent.

Covered: an event is stored once, in the order of arrival within its conversation; an echo confirms
what is in the outbox. Not covered: working the events (`bot.store.queue`), HTTP
(`bot.channels.webhooks.router`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from bot.store import queue_rows
from bot.store.codec import to_json
from bot.store.columns import as_utc, clean_key, clean_text
from bot.store.queue_records import Inbound
from bot.store.rows import insert_each_unless_there
from bot.store.tables import inbox
from bot.store.together import Together

_LOCK_IN_ORDER = text(
    "SELECT pg_advisory_xact_lock(one.key) FROM"
    " (SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest(:names) AS name ORDER BY 1) one"
).bindparams(bindparam("names", type_=ARRAY(Text)))
"""In one order for everybody: two batches that need the same locks do not wait for each other."""


@dataclass(frozen=True, slots=True)
class _Event:
    source: str
    dedupe_key: str
    conversation_key: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Echo:
    key: str
    external_id: str
    at: datetime


class Arrivals:
    """Writes for the edge, which waits for them without a thread. Safe to use from any thread."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._together: Together[_Event | _Echo, bool] = Together(engine, _write, _durable)

    def event(self, event: Inbound, delay_s: float) -> Future[bool]:
        """Store an event; False for one that was received before. See `SqlQueue.receive`."""
        return self._together.submit(self._event(event, delay_s))

    def awaitable_event(self, event: Inbound, delay_s: float) -> asyncio.Future[bool]:
        """The same in an event loop."""
        return self._together.awaitable(self._event(event, delay_s))

    def echo(self, key: str, external_id: str) -> Future[bool]:
        """Confirm what was sent under `key`; False if that was known, or is not ours."""
        return self._together.submit(_Echo(key, external_id, self._clock()))

    def awaitable_echo(self, key: str, external_id: str) -> asyncio.Future[bool]:
        """The same in an event loop."""
        return self._together.awaitable(_Echo(key, external_id, self._clock()))

    def _event(self, event: Inbound, delay_s: float) -> _Event:
        now = self._clock()
        values = {
            "source": event.source,
            "dedupe_key": event.dedupe_key,
            "conversation_key": event.conversation_key,
            "payload": event.payload,
            "headers": to_json(dict(event.headers)),
            "received_at": now if event.received_at is None else as_utc(event.received_at),
            "next_attempt_at": now + timedelta(seconds=delay_s),
        }
        stored = (clean_key(event.source), clean_key(event.dedupe_key))
        return _Event(*stored, event.conversation_key, values)


def _durable(arrivals: Sequence[_Event | _Echo]) -> bool:
    """An echo that is lost with the power leaves a delivery in doubt, which is looked into."""
    return any(isinstance(one, _Event) for one in arrivals)


def _write(connection: Connection, arrivals: Sequence[_Event | _Echo]) -> list[bool]:
    new = _store(connection, [one for one in arrivals if isinstance(one, _Event)])
    told = []
    for one in arrivals:
        if isinstance(one, _Echo):
            told.append(queue_rows.confirm(connection, one.key, one.external_id, one.at))
            continue
        told.append((one.source, one.dedupe_key) in new)
        # The second of two equal ones is a repetition.
        new.discard((one.source, one.dedupe_key))
    return told


def _store(connection: Connection, events: Sequence[_Event]) -> set[tuple[str, str]]:
    """Insert those that are new, in their order; their keys.

    Events of a conversation are stored one after the other: PostgreSQL gives out row numbers
    before the commit, and a later number must not be seen, and worked, before an earlier one.
    """
    if not events:
        return set()
    if connection.dialect.name == "postgresql":
        # Those of no conversation too: two batches that hold the same two events would deadlock.
        names = {
            clean_text(f"{one.source}:{one.conversation_key or one.dedupe_key}") for one in events
        }
        connection.execute(_LOCK_IN_ORDER, {"names": sorted(names)})
    rows = insert_each_unless_there(
        connection, inbox, [one.values for one in events], (inbox.c.source, inbox.c.dedupe_key)
    )
    return {(row.source, row.dedupe_key) for row in rows}

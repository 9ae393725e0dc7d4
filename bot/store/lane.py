"""How rows of a box are claimed, finished, put back and given up: the same for both boxes.

Covered: leases, order within a conversation, back-off, dead rows. Each method is part of a
transaction. Not covered: what is in a row (`bot.store.queue`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Connection,
    Integer,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from bot.privacy.finding import mask
from bot.store.columns import UtcDateTime
from bot.store.queue_records import BoxStats, Lease

OPEN = ("pending", "working")
FINISHED = ("done", "discarded")
MAX_ERROR_CHARS = 2000


STANDARD_WAITS_S: Final = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Seconds between the attempts that Standard Webhooks 1.0.0 recommends: ten over three days."""

PATIENT_WAITS_S: Final = (2, 5, 15, 60, *STANDARD_WAITS_S[1:])
"""The same with more attempts in the first minutes, while somebody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of so many seconds after each failure, a tenth more or less by chance.

    After one attempt more than there are waits a row is dead until somebody asks for it again.
    """

    waits_s: tuple[float, ...] = PATIENT_WAITS_S
    chance: Callable[[], float] = random.random

    @property
    def attempts(self) -> int:
        """How often a row is tried."""
        return len(self.waits_s) + 1

    def wait_s(self, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th failure (from 1)."""
        wait_s = self.waits_s[min(attempt, len(self.waits_s)) - 1]
        return wait_s * (0.9 + self.chance() / 5)


class Lane:
    """One box.

    Args:
        table: its rows.
        scope: the column that tells channels apart (`source` or `channel`).
        backoff: when a failed row is tried again.
        backoffs: the same for channels that want another one.
    """

    def __init__(
        self,
        table: Table,
        scope: str,
        backoff: Backoff,
        backoffs: Mapping[str, Backoff] | None = None,
    ) -> None:
        self._table = table
        self._scope = scope
        self._backoff = backoff
        self._backoffs = dict(backoffs or {})
        self._updates: dict[tuple[tuple[str, ...], bool], Any] = {}

    def claim(
        self,
        connection: Connection,
        now: datetime,
        worker: str,
        *,
        limit: int,
        lease: timedelta,
        scopes: Sequence[str] = (),
    ) -> list[tuple[Row[Any], Lease]]:
        """The oldest rows that are due, at most one per conversation, now leased to `worker`."""
        claimed = []
        which = {
            "now": now,
            "scopes": list(scopes),
            "everywhere": not scopes,
            "most": max(0, limit),
        }
        for row in connection.execute(self._due, which).all():
            if row.attempts >= self._backoff_of(getattr(row, self._scope)).attempts:
                # Whoever worked on it died with it each time.
                reason = row.error or f"{row.attempts} workers stopped while they worked on it"
                self._change(connection, row.id, status="dead", error=reason, finished_at=now)
                continue
            held = Lease(row.id, worker, row.attempts + 1, now + lease)
            self._change(
                connection,
                row.id,
                status="working",
                lease_owner=worker,
                lease_until=held.until,
                attempts=held.attempt,
            )
            claimed.append((row, held))
        return claimed

    def renew(self, connection: Connection, lease: Lease, until: datetime) -> bool:
        """Prolong the lease; False if another worker has the row by now."""
        return self._change_held(connection, lease, lease_until=until)

    def release(self, connection: Connection, now: datetime, is_gone: Callable[[str], bool]) -> int:
        """End the leases of workers of which `is_gone` says that they are dead; how many."""
        table = self._table.c
        held = (_open(self._table.name), table.status == "working", table.lease_until > now)
        owners = connection.execute(select(table.lease_owner).where(*held).distinct()).scalars()
        gone = [owner for owner in owners if is_gone(owner)]
        statement = update(self._table).where(*held, table.lease_owner.in_(gone))
        return connection.execute(statement.values(lease_until=now)).rowcount if gone else 0

    def note(self, connection: Connection, lease: Lease, error: str) -> bool:
        """Leave a remark on the row; False if another worker has it by now."""
        return self._change_held(connection, lease, error=error[:MAX_ERROR_CHARS])

    def put_off(self, connection: Connection, lease: Lease, until: datetime) -> bool:
        """Give the row back as if it had not been claimed, due at `until`."""
        return self._change_held(
            connection,
            lease,
            status="pending",
            next_attempt_at=until,
            lease_until=None,
            attempts=lease.attempt - 1,
        )

    def finish(
        self, connection: Connection, lease: Lease, now: datetime, status: str, **values: object
    ) -> bool:
        """Close the row as `done` or `discarded`; False if another worker has it by now."""
        return self._change_held(
            connection, lease, status=status, finished_at=now, lease_until=None, **values
        )

    def fail(
        self,
        connection: Connection,
        lease: Lease,
        now: datetime,
        error: str,
        *,
        scope: str,
        permanent: bool,
        retry_after_s: float | None,
    ) -> bool:
        """Put the row back to be tried later, or give it up; False if it is another worker's."""
        backoff = self._backoff_of(scope)
        values: dict[str, Any] = {"error": mask(error)[:MAX_ERROR_CHARS], "lease_until": None}
        if permanent or lease.attempt >= backoff.attempts:
            values |= {"status": "dead", "finished_at": now}
        else:
            wait_s = max(backoff.wait_s(lease.attempt), retry_after_s or 0.0)
            values |= {"status": "pending", "next_attempt_at": now + timedelta(seconds=wait_s)}
        return self._change_held(connection, lease, **values)

    def requeue_dead(self, connection: Connection, now: datetime, scopes: Sequence[str]) -> int:
        """Give dead rows all their attempts again; how many."""
        statement = (
            update(self._table)
            .where(self._table.c.status == "dead", *self._within(scopes))
            .values(status="pending", attempts=0, next_attempt_at=now, finished_at=None)
        )
        return connection.execute(statement).rowcount

    def purge(self, connection: Connection, finished_before: datetime) -> int:
        """Delete rows that ended well before that moment; how many. Dead ones stay."""
        statement = delete(self._table).where(
            self._table.c.status.in_(FINISHED), self._table.c.finished_at < finished_before
        )
        return connection.execute(statement).rowcount

    def stats(self, connection: Connection, now: datetime, since: str) -> BoxStats:
        """Rows by status; `since` is the column that tells when a row came in."""
        table = self._table.c
        query = select(table.status, func.count(), func.min(table[since])).group_by(table.status)
        counts = {"pending": 0, "working": 0, "done": 0, "discarded": 0, "dead": 0}
        oldest = now
        for status, count, first in connection.execute(query):
            counts[status] = count
            oldest = min(oldest, first) if status in OPEN else oldest
        return BoxStats(**counts, oldest_open_s=(now - oldest).total_seconds())

    def _backoff_of(self, scope: str) -> Backoff:
        return self._backoffs.get(scope, self._backoff)

    @cached_property
    def _due(self) -> Any:
        """The rows to claim. Made once, as all statements here that run for every row: making one
        takes longer than the database takes to carry it out, and keeps all other threads waiting.
        """
        table = self._table.c
        earlier = self._table.alias("earlier")
        now = bindparam("now", type_=UtcDateTime)
        blocked = exists().where(
            table.conversation_key != "",
            earlier.c.conversation_key == table.conversation_key,
            earlier.c[self._scope] == table[self._scope],
            earlier.c.id < table.id,
            _open("earlier"),
        )
        due = or_(
            and_(table.status == "pending", table.next_attempt_at <= now),
            and_(table.status == "working", table.lease_until <= now),
        )
        within = table[self._scope].in_(bindparam("scopes", expanding=True))
        return (
            select(self._table)
            .where(_open(self._table.name), due, ~blocked)
            .where(or_(bindparam("everywhere", type_=Boolean), within))
            .order_by(table.id)
            .limit(bindparam("most", type_=Integer))
            .with_for_update(skip_locked=True, of=self._table)
        )

    def _within(self, scopes: Sequence[str]) -> list[Any]:
        return [self._table.c[self._scope].in_(scopes)] if scopes else []

    def _change_held(self, connection: Connection, lease: Lease, **values: object) -> bool:
        statement = self._updating(tuple(values), held=True)
        whose = {"its_worker": lease.worker, "its_attempt": lease.attempt}
        found = connection.execute(statement, {**_named(values), "its_id": lease.row_id, **whose})
        return found.rowcount == 1

    def _change(self, connection: Connection, row_id: int, **values: object) -> None:
        statement = self._updating(tuple(values), held=False)
        connection.execute(statement, {**_named(values), "its_id": row_id})

    def _updating(self, names: tuple[str, ...], *, held: bool) -> Any:
        """Sets these columns of one row, if it is held by whoever says so."""
        known = self._updates.get((names, held))
        if known is not None:
            return known
        table = self._table.c
        where = [table.id == bindparam("its_id")]
        if held:
            where += [
                table.status == "working",
                table.lease_owner == bindparam("its_worker"),
                table.attempts == bindparam("its_attempt"),
            ]
        columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        statement = update(self._table).where(*where).values(**columns)
        self._updates[names, held] = statement
        return statement


def _named(values: Mapping[str, object]) -> dict[str, object]:
    return {f"new_{name}": value for name, value in values.items()}


def _open(table: str) -> Any:
    """Rows to be worked. Spelled out, not bound: only then do the databases see that the small
    indexes over such rows will do."""
    return text(f"{table}.status IN ('pending', 'working')")

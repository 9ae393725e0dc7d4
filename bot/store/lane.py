"""How rows of a box are claimed, finished, put back and given up: the same for both boxes.

Covered: leases, order within a conversation, back-off, dead rows. Each method is part of a
transaction. Not covered: what is in a row (`bot.store.queue`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from bot.store.queue_records import BoxStats, Lease

OPEN = ("pending", "working")
FINISHED = ("done", "discarded")
MAX_ERROR_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of `first_s` seconds, doubled each time up to `longest_s`, half of it by chance.

    After `attempts` tries a row is dead until somebody asks for it again.
    """

    first_s: float = 2.0
    longest_s: float = 3600.0
    attempts: int = 8
    chance: Callable[[], float] = random.random

    def wait_s(self, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th failure (from 1)."""
        # The exponent is bounded because a float is.
        longest = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 60))
        return longest * (0.5 + self.chance() / 2)


class Lane:
    """One box. `scope` is the column that tells channels apart (`source` or `channel`)."""

    def __init__(self, table: Table, scope: str, backoff: Backoff) -> None:
        self._table = table
        self._scope = scope
        self._backoff = backoff

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
        for row in connection.execute(self._due(now, limit, scopes)).all():
            if row.attempts >= self._backoff.attempts:
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
        permanent: bool,
        retry_after_s: float | None,
    ) -> bool:
        """Put the row back to be tried later, or give it up; False if it is another worker's."""
        values: dict[str, Any] = {"error": error[:MAX_ERROR_CHARS], "lease_until": None}
        if permanent or lease.attempt >= self._backoff.attempts:
            values |= {"status": "dead", "finished_at": now}
        else:
            wait_s = max(self._backoff.wait_s(lease.attempt), retry_after_s or 0.0)
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

    def _due(self, now: datetime, limit: int, scopes: Sequence[str]) -> Any:
        table = self._table.c
        earlier = self._table.alias("earlier")
        blocked = exists().where(
            table.conversation_key != "",
            earlier.c.conversation_key == table.conversation_key,
            earlier.c[self._scope] == table[self._scope],
            earlier.c.id < table.id,
            earlier.c.status.in_(OPEN),
        )
        due = or_(
            and_(table.status == "pending", table.next_attempt_at <= now),
            and_(table.status == "working", table.lease_until <= now),
        )
        return (
            select(self._table)
            .where(due, ~blocked, *self._within(scopes))
            .order_by(table.id)
            .limit(max(0, limit))
            .with_for_update(skip_locked=True, of=self._table)
        )

    def _within(self, scopes: Sequence[str]) -> list[Any]:
        return [self._table.c[self._scope].in_(scopes)] if scopes else []

    def _held(self, lease: Lease) -> list[Any]:
        table = self._table.c
        return [
            table.id == lease.row_id,
            table.status == "working",
            table.lease_owner == lease.worker,
            table.attempts == lease.attempt,
        ]

    def _change_held(self, connection: Connection, lease: Lease, **values: object) -> bool:
        statement = update(self._table).where(*self._held(lease)).values(**values)
        return connection.execute(statement).rowcount == 1

    def _change(self, connection: Connection, row_id: int, **values: object) -> None:
        connection.execute(update(self._table).where(self._table.c.id == row_id).values(**values))

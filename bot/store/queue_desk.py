"""Inbox and outbox as an operator sees them: what waits, what was given up and why, try it again.

Covered: listing rows, one row whole, replaying and dropping what was given up. Not covered: working
rows (`bot.store.queue`), erasing a customer's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, Row, Table, select, update

from bot.store.columns import utc_now
from bot.store.queue_records import Box
from bot.store.rows import chunks
from bot.store.tables import inbox, outbox
from bot.store.transactions import reading, writing

RowStatus = Literal["pending", "working", "done", "discarded", "dead"]
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One row of a box.

    Attributes:
        box: which.
        row_id: its number, growing within the box.
        system: where it came from, or where it goes.
        key: what makes it happen once.
        conversation_id: ours; empty for what belongs to none.
        kind: of an outgoing thing; empty in the inbox.
        status: what became of it.
        attempts: how often it was tried.
        came_at: when it was stored.
        due_at: not tried before.
        worker: who works on it, or did last.
        lease_until: when another worker takes it over; None unless it is being worked.
        finished_at: when it was done, dropped or given up.
        error: what went wrong last, without anything a customer wrote.
        content: the event, or what is to be said: personal data.
    """

    box: Box
    row_id: int
    system: str
    key: str
    conversation_id: str
    kind: str
    status: RowStatus
    attempts: int
    came_at: datetime
    due_at: datetime
    worker: str
    lease_until: datetime | None
    finished_at: datetime | None
    error: str
    content: str


class QueueDesk:
    """What an operator does with the queue; safe beside any number of workers."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def rows(
        self,
        box: Box,
        status: RowStatus | None = None,
        system: str = "",
        limit: int = 50,
        after: int = 0,
    ) -> tuple[QueueRow, ...]:
        """Rows by number, oldest first.

        Args:
            box: which.
            status: only those; all when None.
            system: only of this one; of all when empty.
            limit: how many at most, up to 10,000.
            after: only above this number.
        """
        table = _table(box)
        query = select(table).where(table.c.id > after).order_by(table.c.id)
        if status is not None:
            query = query.where(table.c.status == status)
        if system:
            query = query.where(_system(table) == system)
        with reading(self._engine) as connection:
            found = connection.execute(query.limit(max(0, min(limit, MAX_ROWS))))
            return tuple(_row(box, row) for row in found)

    def row(self, box: Box, row_id: int) -> QueueRow | None:
        """One row, or None if there is none of this number."""
        table = _table(box)
        with reading(self._engine) as connection:
            found = connection.execute(select(table).where(table.c.id == row_id)).one_or_none()
        return None if found is None else _row(box, found)

    def replay(self, box: Box, row_ids: Sequence[int]) -> int:
        """Give these dead rows all their attempts again, due at once; how many were dead.

        The last error stays on the row until it is done: an outgoing thing that may have arrived
        is looked for at the other side before it is sent again.
        """
        now = self._clock()
        return self._change(
            box, row_ids, status="pending", attempts=0, next_attempt_at=now, finished_at=None
        )

    def drop(self, box: Box, row_ids: Sequence[int], reason: str) -> int:
        """Close these dead rows for good; how many were dead. `reason` is kept before the error."""
        table = _table(box)
        error = (reason[:200] + ": ") + table.c.error
        return self._change(
            box, row_ids, status="discarded", finished_at=self._clock(), error=error
        )

    def _change(self, box: Box, row_ids: Sequence[int], **values: Any) -> int:
        table = _table(box)
        changed = 0
        with writing(self._engine) as connection:
            for some in chunks(list(row_ids)):
                # Only dead ones: a row that a worker holds is none of the operator's.
                which = (table.c.id.in_(some), table.c.status == "dead")
                changed += connection.execute(update(table).where(*which).values(values)).rowcount
        return changed


def _table(box: Box) -> Table:
    return inbox if box == "inbox" else outbox


def _system(table: Table) -> Any:
    return table.c.source if table is inbox else table.c.channel


def _row(box: Box, row: Row[Any]) -> QueueRow:
    incoming = box == "inbox"
    return QueueRow(
        box=box,
        row_id=row.id,
        system=row.source if incoming else row.channel,
        key=row.dedupe_key if incoming else row.idempotency_key,
        conversation_id=row.conversation_key,
        kind="" if incoming else row.kind,
        status=row.status,
        attempts=row.attempts,
        came_at=row.received_at if incoming else row.created_at,
        due_at=row.next_attempt_at,
        worker=row.lease_owner,
        lease_until=row.lease_until if row.status == "working" else None,
        finished_at=row.finished_at,
        error=row.error,
        content=row.payload if incoming else row.text,
    )

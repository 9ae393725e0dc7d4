"""What a monitoring system asks of the database: how much waits, and for how long.

Covered: both boxes of the queue, customers who wait for a person. Not covered: counting what
happened (`bot.channels.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from bot.store.columns import utc_now
from bot.store.queue import SqlQueue
from bot.store.queue_records import QueueStats
from bot.store.tables import conversations
from bot.store.transactions import reading


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state at one moment; ages in seconds, 0 when nothing waits."""

    queue: QueueStats
    handoffs_unanswered: int
    oldest_handoff_s: float


def read_gauges(engine: Engine, clock: Callable[[], datetime] = utc_now) -> Gauges:
    """Look now.

    Raises:
        StoreError: the database failed.
    """
    table = conversations.c
    query = select(func.count(), func.min(table.handover_at)).where(table.status == "waiting")
    with reading(engine) as connection:
        waiting, oldest = connection.execute(query).one()
    age_s = 0.0 if oldest is None else max(0.0, (clock() - oldest).total_seconds())
    return Gauges(SqlQueue(engine).stats(), waiting, age_s)

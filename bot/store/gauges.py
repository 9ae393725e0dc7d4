"""What a monitoring system asks of the database: how much waits, and for how long.

Covered: both boxes of the queue, customers who wait for a person. Not covered: counting what
happened (`bot.channels.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from bot.store.columns import utc_now
from bot.store.handovers import HandoverFigures, SqlHandovers
from bot.store.queue import SqlQueue
from bot.store.queue_records import QueueStats


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state at one moment: of both boxes, and of the customers handed over."""

    queue: QueueStats
    handovers: HandoverFigures


def read_gauges(engine: Engine, clock: Callable[[], datetime] = utc_now) -> Gauges:
    """Look now.

    Raises:
        StoreError: the database failed.
    """
    return Gauges(SqlQueue(engine).stats(), SqlHandovers(engine, clock).figures())

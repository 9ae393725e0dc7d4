"""What the server does once a day by itself: erase what is older than the shop keeps.

Covered: a thread that looks every hour whether today's run is due; of several processes on one
database one does it. Events and finished queue rows go after a month although conversations are
kept for ever: they are copies, and a busy shop makes a million of them. Not covered: what is erased
with a conversation (`bot.store.retention`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from bot.channels.periodic import Periodic
from bot.store.events import SqlEvents
from bot.store.queue import SqlQueue
from bot.store.retention import apply_retention, claim_daily_run

log = structlog.get_logger(__name__)

ACTOR = "job:retention"
FIRST_LOOK_S = 60.0
EVERY_S = 3600.0
COPIES_KEPT = timedelta(days=30)
"""Longer than any sender repeats an event, and than anything is tried again by itself."""


class Housekeeping(Periodic):
    """Use it as a context manager.

    Args:
        engine: the database.
        days: how long conversations are kept; 0 for ever.
        exports: the folder of export files.
        first_look_s: seconds from the start to the first look.
        every_s: seconds between looks.
    """

    def __init__(
        self,
        engine: Engine,
        days: int,
        exports: Path,
        first_look_s: float = FIRST_LOOK_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._engine = engine
        self._days = days
        self._exports = exports
        super().__init__("housekeeping", self.look, every_s, first_look_s)

    def look(self) -> bool:
        """Do today's run if it is due and nobody else does it; whether it was done."""
        if not claim_daily_run(self._engine):
            return False
        events = SqlEvents(self._engine).purge(COPIES_KEPT)
        rows = SqlQueue(self._engine).purge(COPIES_KEPT)
        conversations = 0
        if self._days > 0:
            report = apply_retention(self._engine, self._days, actor=ACTOR, exports=self._exports)
            conversations, rows = report.conversations, rows + report.queue_rows
        log.info("retention_done", conversations=conversations, queue_rows=rows, events=events)
        return True

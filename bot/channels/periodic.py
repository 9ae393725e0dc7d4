"""A thread that does one thing again and again until it is told to stop.

Covered: pauses, going on after an error, which is logged. Not covered: work that several processes
share out among themselves (`bot.channels.pump`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger(__name__)

_LONGEST_STOP_S = 10.0


class Periodic:
    """Use it as a context manager.

    Args:
        name: of the thread; an error is logged as `<name>_failed`.
        work: what is done.
        every_s: seconds between two rounds.
        first_s: seconds before the first one; `every_s` if not given.
    """

    def __init__(
        self, name: str, work: Callable[[], object], every_s: float, first_s: float | None = None
    ) -> None:
        self._name = name
        self._work = work
        self._pauses = (every_s if first_s is None else first_s, every_s)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        pause, every = self._pauses
        while not self._stop.wait(pause):
            pause = every
            try:
                self._work()
            except Exception:
                # The next round takes in what this one has left.
                log.exception(f"{self._name}_failed")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.ident:
            self._thread.join(_LONGEST_STOP_S)

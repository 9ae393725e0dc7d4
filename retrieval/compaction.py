"""When edits are joined into the large segment, and the thread that does it.

Covered: at once while all of it is small, in the background when it is large, one at a time, at a
low priority and on one core, so that questions do not notice; stopping. Not covered: joining itself
(`retrieval.edits`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from retrieval.edits import compact
from retrieval.index import HybridIndex

log = structlog.get_logger(__name__)

_NICE = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """When edits are joined.

    Up to `small` passages in all it is done with every edit, which takes a fraction of a second;
    above it in the background, when edits and replaced passages reach `edits` and `share` of all.
    """

    small: int = 2_000
    edits: int = 1_000
    share: float = 0.05

    def at_once(self, index: HybridIndex) -> bool:
        """Whether to join before anybody searches."""
        return bool(_edits(index)) and len(index.passages) <= self.small

    def due(self, index: HybridIndex) -> bool:
        """Whether to join in the background."""
        return _edits(index) >= max(1, self.edits, self.share * len(index.base))


def _edits(index: HybridIndex) -> int:
    return len(index.delta) + int(index.dead.sum())


class _StoppedError(Exception):
    """The thread was told to end."""


class Compaction:
    """Joins an index in the background and hands the result over."""

    def __init__(self, done: Callable[[HybridIndex, HybridIndex], None]) -> None:
        """`done` is called in the thread with what was joined and the joined index."""
        self._done = done
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether an index is being joined now."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, index: HybridIndex) -> None:
        """Join `index`, unless the one before is not finished."""
        if self.running or self._stop.is_set():
            return
        self._thread = threading.Thread(
            target=self._work, args=(index,), name="compaction", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Until the running one is finished."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Stop at the next step of the work, and wait for that."""
        self._stop.set()
        self.wait()

    def _work(self, index: HybridIndex) -> None:
        if sys.platform == "linux":  # where threads have a priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            joined = compact(index, self._check, threads=1)
            self._check()
            self._done(index, joined)
        except _StoppedError:
            return
        except Exception:  # the edits stay beside the base; the next edit tries again
            log.exception("edits not joined into the index")

    def _check(self, *_: int) -> None:
        if self._stop.is_set():
            raise _StoppedError

"""A dispatcher that claims rows of a box and works them in threads, until it is told to stop.

Covered: as many at once as there are threads, waking up, renewing leases while work goes on,
surviving a database that is away, a stop that waits and then gives back. Not covered: what is
claimed and what is done with it.

A lease is short and renewed, so that the work of a killed process is taken over soon; it is not
renewed for ever, so that work that hangs is taken over too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger(__name__)

LONGEST_PAUSE_S: Final = 15.0
FAILURES_TILL_ILL: Final = 2


@dataclass(frozen=True)
class PumpWork(Generic[T]):
    """What a pump does. Each of these may raise; the pump logs it and goes on.

    Attributes:
        claim: up to so many items, leased.
        work: one item to its end, in a thread of its own.
        renew: prolong an item's lease; False when somebody else has it.
        give_back: release an item that could not be finished before the stop.
    """

    claim: Callable[[int], Sequence[T]]
    work: Callable[[T], None]
    renew: Callable[[T], bool]
    give_back: Callable[[T], object]


@dataclass
class _Job(Generic[T]):
    item: T
    started: float
    renewed: float
    ours: bool = True


class Pump(Generic[T]):
    """One box, one dispatcher thread, up to `threads` workers.

    Args:
        name: for threads and logs.
        work: what to do.
        threads: items worked at the same time.
        lease_s: how long a claim lasts without renewal.
        longest_s: an item is not renewed beyond this age.
        idle_s: how often to look when nothing has woken the pump (other processes may write too).
    """

    def __init__(
        self,
        name: str,
        work: PumpWork[T],
        *,
        threads: int,
        lease_s: float,
        longest_s: float,
        idle_s: float,
    ) -> None:
        self._name = name
        self._do = work
        self._threads = threads
        self._renew_every_s = lease_s / 3
        self._longest_s = longest_s
        self._idle_s = idle_s
        self._changed = threading.Condition()
        self._jobs: list[_Job[T]] = []
        self._look_at = 0.0
        self._stopping = False
        self._failures = 0
        self._dispatcher = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._dispatcher.start()

    @property
    def well(self) -> bool:
        """Whether the dispatcher lives and got at the box when it last tried."""
        return self._dispatcher.is_alive() and self._failures < FAILURES_TILL_ILL

    def claim_no_more(self) -> None:
        """Begin to stop. Neither blocks nor locks: a signal handler may call it."""
        self._stopping = True

    def wake(self, after_s: float = 0.0) -> None:
        """Look for work in `after_s` seconds, or earlier. From any thread; does not block."""
        with self._changed:
            self._look_at = min(self._look_at, time.monotonic() + after_s)
            self._changed.notify_all()

    def stop(self, timeout_s: float) -> None:
        """Claim no more, wait for what is being worked, give back what takes too long. Blocks."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if not self._dispatcher.ident:
            return
        until = time.monotonic() + timeout_s
        with self._changed:
            while self._jobs and time.monotonic() < until:
                self._changed.wait(until - time.monotonic())
            left = list(self._jobs)
        for job in left:
            self._safely("give_back", self._do.give_back, job.item)
        self._dispatcher.join(self._renew_every_s + 1)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopping and not self._jobs:
                    return
                free = 0 if self._stopping else self._threads - len(self._jobs)
                # Whatever happens from here on wakes us again.
                self._look_at = time.monotonic() + self._idle_s
            if free > 0 and self._claim(free):
                continue
            self._renew()
            with self._changed:
                pause = min(self._look_at - time.monotonic(), self._renew_every_s)
                if pause > 0:
                    self._changed.wait(pause)

    def _claim(self, free: int) -> bool:
        """Start work on what is due. True when there may be more at once."""
        try:
            items = self._do.claim(free)
        except Exception:
            self._failures += 1
            pause = min(LONGEST_PAUSE_S, 0.5 * 2 ** min(self._failures, 10))
            log.exception("queue_claim_failed", pump=self._name, retry_in_s=pause)
            with self._changed:
                self._look_at = time.monotonic() + pause
            return False
        self._failures = 0
        for item in items:
            self._begin(item)
        return bool(items)

    def _begin(self, item: T) -> None:
        now = time.monotonic()
        job = _Job(item, now, now)
        with self._changed:
            self._jobs.append(job)
        threading.Thread(
            target=self._work, args=(job,), name=f"{self._name}-work", daemon=True
        ).start()

    def _work(self, job: _Job[T]) -> None:
        self._safely("work", self._do.work, job.item)
        with self._changed:
            self._jobs.remove(job)
            self._look_at = 0.0
            self._changed.notify_all()

    def _renew(self) -> None:
        now = time.monotonic()
        with self._changed:
            due = [
                job
                for job in self._jobs
                if job.ours
                and now - job.renewed >= self._renew_every_s
                and now - job.started < self._longest_s
            ]
        for job in due:
            job.renewed = now
            held = self._safely("renew", self._do.renew, job.item)
            if held is False:
                job.ours = False
                log.warning("queue_lease_lost", pump=self._name)

    def _safely(self, what: str, do: Callable[[T], object], item: T) -> object:
        try:
            return do(item)
        except Exception:
            # The row keeps its lease and is taken up again when that ends.
            log.exception("queue_work_failed", pump=self._name, step=what)
            return None

"""Slowing down whoever guesses passwords.

Covered: failed sign-ins of this process, counted per name at an address, per address, and per
name. Not covered: several processes (each counts for itself), a firewall's work.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_S = 15 * 60.0
MAX_KEYS = 10_000


@dataclass
class Lockout:
    """Counts failures in a sliding window of 15 minutes; safe to use from many threads.

    One person at one address has few tries; a name from everywhere has many, so that nobody can
    keep a colleague out by guessing at the name from one address.
    """

    clock: Callable[[], float] = time.monotonic
    per_pair: int = 5
    per_address: int = 20
    per_name: int = 100
    _failures: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def locked_for(self, name: str, address: str) -> float:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        with self._lock:
            now = self.clock()
            return max(
                (self._wait(key, limit, now) for key, limit in self._keys(name, address)),
                default=0.0,
            )

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        with self._lock:
            now = self.clock()
            if len(self._failures) >= MAX_KEYS:
                self._forget(now)
            for key, limit in self._keys(name, address):
                self._failures.setdefault(key, deque(maxlen=limit)).append(now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this person at this address."""
        with self._lock:
            self._failures.pop(self._keys(name, address)[0][0], None)

    def _keys(self, name: str, address: str) -> tuple[tuple[str, int], ...]:
        name = name.strip().casefold()[:200]
        return (
            (f"pair\0{name}\0{address}", self.per_pair),
            (f"address\0{address}", self.per_address),
            (f"name\0{name}", self.per_name),
        )

    def _wait(self, key: str, limit: int, now: float) -> float:
        failures = self._failures.get(key)
        if failures is None or len(failures) < limit:
            return 0.0
        return max(0.0, failures[0] + WINDOW_S - now)

    def _forget(self, now: float) -> None:
        """Drop what is out of the window; if that is not enough, the oldest half."""
        recent = {key: times for key, times in self._failures.items() if times[-1] > now - WINDOW_S}
        if len(recent) >= MAX_KEYS:
            newest = sorted(recent, key=lambda key: recent[key][-1])[MAX_KEYS // 2 :]
            recent = {key: recent[key] for key in newest}
        self._failures = recent

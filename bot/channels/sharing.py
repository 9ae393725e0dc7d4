"""Several server processes hold one limit together: each tells what it let through, once a second.

Covered: customers', addresses' and the shop's rates of questions. Each process decides at once by
what it knows, so that no question waits for the database, and hears within a second what the others
let through (approximate distributed counting, as in Raghavan et al., "Cloud control with distributed
rate limiting", 2007, with a database in place of gossip). Until then it may let through what is left
of the bucket: in all at most one bucket per process, once, and not the N-fold rate for ever. Not
covered: requests per address (`bot.channels.admission`), which guard this process, not the shop.
"""

from __future__ import annotations

import time
from typing import Final

import structlog

from bot.channels.limits import CustomerLimits
from bot.channels.periodic import Periodic
from bot.errors import StoreError
from bot.store.rates import SqlRates

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0


class Sharing(Periodic):
    """Use it as a context manager.

    Args:
        limits: this process's.
        rates: where processes meet.
        every_s: seconds between two exchanges.
    """

    def __init__(self, limits: CustomerLimits, rates: SqlRates, every_s: float = EVERY_S) -> None:
        self._limits = limits
        self._rates = rates
        self._well = True
        super().__init__("sharing", self.exchange, every_s)

    def exchange(self) -> None:
        """Tell and hear once. When the database is away each process counts alone meanwhile."""
        for name, limiter in self._limits.shared():
            told = limiter.spent()
            if not told:
                continue
            spent_s = {
                f"{name}/{at}/{key}": count * pace_s
                for key, count in told.items()
                for at, pace_s in enumerate(limiter.paces_s)
            }
            now = time.time()
            try:
                dues = self._rates.exchange(spent_s, now)
            except StoreError as error:
                limiter.take_back(told)
                if self._well:
                    log.warning("rates_not_shared", error=error.message, fix=error.fix)
                self._well = False
                return
            self._well = True
            for key in told:
                paces = enumerate(limiter.paces_s)
                limiter.learn(key, [dues[f"{name}/{at}/{key}"] - now for at, _ in paces])

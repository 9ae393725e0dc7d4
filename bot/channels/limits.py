"""How often somebody may ask: rates per customer, per address and for the whole shop.

Covered: the generic cell rate algorithm (GCRA; ITU-T I.371, annex A): `20/minute` lets 20 requests
through at once and then one every three seconds, and says exactly when the next one may come. One
number is kept per customer or address, for at most `MAX_KEYS` of each. Counted in this process, at
once; what several processes let through is added up by `bot.channels.sharing`. Not covered: how many
requests run at the same time (`bot.channels.admission`, `bot.channels.gate`), guessing at passwords (`bot.console.lockout`,
which counts in the database).
"""

from __future__ import annotations

import ipaddress
import math
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.channels.gate import OverloadedError
from bot.config import Settings
from bot.errors import ConfigError

MAX_KEYS: Final = 50_000
SHARED_FROM: Final = 0.1
"""A bucket is other processes' concern when it is filled to a tenth."""
_SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE: Final = re.compile(r"(\d{1,9})\s*/\s*(second|minute|hour|day)s?")


class TooManyError(OverloadedError):
    """Somebody asks too often. `whose` limit it is: customer, address or shop."""

    def __init__(self, whose: str, wait_s: float) -> None:
        super().__init__(max(1, math.ceil(wait_s)))
        self.whose = whose


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, all of them again after `period_s` seconds."""

    burst: int
    period_s: float


def parse_rates(setting: str, text: str) -> tuple[Rate, ...]:
    """Rates of a setting like `20/minute, 200/hour`; none when it is empty.

    Raises:
        ConfigError: names the setting and what would be accepted.
    """
    rates = []
    for part in filter(None, (part.strip() for part in re.split("[,;]", text))):
        found = _RATE.fullmatch(part)
        if found is None or int(found[1]) == 0:
            raise ConfigError(
                f"{setting} holds {part[:40]!r}, which is no rate",
                fix="write e.g. 20/minute, or 20/minute, 200/hour; empty for no limit",
            )
        rates.append(Rate(int(found[1]), _SECONDS[found[2]]))
    return tuple(rates)


class RateLimiter:
    """Several rates for many keys; a request passes when all of them let it.

    Args:
        rates: none means that everything passes.
        clock: seconds that only grow.
        max_keys: the key that was used least lately is forgotten beyond this number.
    """

    def __init__(
        self,
        rates: Sequence[Rate],
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._rates = tuple(rates)
        self._clock = clock
        self._max_keys = max_keys
        # When each rate's bucket will be empty again ("theoretical arrival time" of GCRA).
        self._due: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._spent: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Count a request; 0 when it passes, else seconds until one would. Refusals cost nothing."""
        if not self._rates:
            return 0.0
        with self._lock:
            now = self._clock()
            due = self._due.get(key, (now,) * len(self._rates))
            after = tuple(
                max(now, at) + rate.period_s / rate.burst
                for at, rate in zip(due, self._rates, strict=True)
            )
            wait = max(
                at - now - rate.period_s for at, rate in zip(after, self._rates, strict=True)
            )
            # A rounding error of a float must not refuse what is due at this very moment.
            if wait > 1e-6:
                return wait
            self._due[key] = after
            self._due.move_to_end(key)
            if len(self._due) > self._max_keys:
                forgotten, _ = self._due.popitem(last=False)
                self._spent.pop(forgotten, None)
            self._spent[key] += 1
            return 0.0

    @property
    def paces_s(self) -> tuple[float, ...]:
        """For each rate, the seconds that one request takes up of its bucket."""
        return tuple(rate.period_s / rate.burst for rate in self._rates)

    def spent(self) -> dict[str, int]:
        """Requests let through since this was last asked, by key, where others should know.

        A bucket that is nearly empty is no concern of theirs yet, and most are.
        """
        with self._lock:
            now = self._clock()
            told = {key: count for key, count in self._spent.items() if self._matters(key, now)}
            gone = [key for key in self._spent if all(at <= now for at in self._due[key])]
            for key in (*told, *gone):
                self._spent.pop(key, None)
            return told

    def take_back(self, told: Mapping[str, int]) -> None:
        """Nobody heard of it: tell it the next time."""
        with self._lock:
            self._spent.update({key: count for key, count in told.items() if key in self._due})

    def learn(self, key: str, left_s: Sequence[float]) -> None:
        """By what all processes let through, a bucket is empty in so many seconds, by rate."""
        with self._lock:
            now = self._clock()
            if key in self._due:
                both = zip(self._due[key], left_s, strict=True)
                self._due[key] = tuple(max(at, now + left) for at, left in both)

    def _matters(self, key: str, now: float) -> bool:
        both = zip(self._due[key], self._rates, strict=True)
        return any(at - now > rate.period_s * SHARED_FROM for at, rate in both)

    def __len__(self) -> int:
        return len(self._due)


class CustomerLimits:
    """What a question must pass before it waits for the generator."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        def limiter(name: str) -> RateLimiter:
            rates = parse_rates(f"SHOPKEEPER_{name.upper()}", getattr(settings, name))
            return RateLimiter(rates, clock)

        self._customer = limiter("rate_per_customer")
        self._address = limiter("rate_per_address")
        self._shop = limiter("rate_per_shop")

    def shared(self) -> tuple[tuple[str, RateLimiter], ...]:
        """What processes hold together, by name."""
        return (("customer", self._customer), ("address", self._address), ("shop", self._shop))

    def admit(self, customer: str, address: str) -> None:
        """Let one question through.

        Args:
            customer: whatever tells customers apart; empty for one who cannot be told.
            address: where the request comes from; empty when it speaks for many, with a key.

        Raises:
            TooManyError: one of the limits is reached.
        """
        asked = (
            ("address", self._address, network_of(address)),
            ("customer", self._customer, customer),
            ("shop", self._shop, "shop"),
        )
        for whose, limiter, key in asked:
            wait_s = limiter.take(key) if key else 0.0
            if wait_s > 0:
                raise TooManyError(whose, wait_s)


def network_of(address: str) -> str:
    """What is counted as one address: an IPv4 address, or the /64 of an IPv6 address.

    >>> network_of("2001:db8::1:2:3:4"), network_of("::ffff:192.0.2.7"), network_of("testclient")
    ('2001:db8::/64', '192.0.2.7', 'testclient')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))

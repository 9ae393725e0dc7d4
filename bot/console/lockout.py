"""Slowing down whoever guesses passwords.

Covered: attempts to sign in, counted per name at an address, per address and per name, in the
database: processes and hosts count together, and many attempts at once are no way around. Not
covered: counting itself (`bot.store.attempts`), a firewall's work.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.channels.limits import network_of
from bot.store.attempts import Attempt, SqlAttempts

WINDOW: Final = timedelta(minutes=15)
PER_PAIR: Final = 5
PER_ADDRESS: Final = 20
PER_NAME: Final = 100


class Lockout:
    """Counts attempts in a sliding window of 15 minutes.

    One person at one address has few tries; a name from everywhere has many, so that nobody can
    keep a colleague out by guessing at the name from one address.
    """

    def __init__(self, attempts: SqlAttempts) -> None:
        self._attempts = attempts

    def attempt(self, name: str, address: str) -> Attempt:
        """Count an attempt before it is made, unless there were too many."""
        pair, by_address, by_name = _subjects(name, address)
        limits = {pair: PER_PAIR, by_address: PER_ADDRESS, by_name: PER_NAME}
        return self._attempts.attempt(limits, WINDOW)

    def succeeded(self, name: str, address: str, attempt: Attempt) -> None:
        """Forget this attempt, and the failures of this person at this address."""
        self._attempts.take_back(attempt)
        self._attempts.forget(_subjects(name, address)[:1])

    def unlock(self, name: str = "") -> int:
        """Let a name try again from anywhere that is not itself locked; everybody without one."""
        return self._attempts.forget([_by_name(name)]) if name else self._attempts.forget_all()


def _subjects(name: str, address: str) -> tuple[str, str, str]:
    name, network = _folded(name), network_of(address)
    return f"pair\0{name}\0{network}", f"address\0{network}", _by_name(name)


def _by_name(name: str) -> str:
    return f"name\0{_folded(name)}"


def _folded(name: str) -> str:
    return name.strip().casefold()[:200]

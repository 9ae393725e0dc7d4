"""Attempts in a sliding window, counted in the database: all processes and hosts count together.

Covered: an attempt is counted before it is made, in one transaction with the look at the earlier
ones, so that many at once are no way around the limit. Not covered: what is counted and how much
is too much (`bot.console.lockout`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, text

from bot.store.access_tables import sign_in_attempts
from bot.store.columns import utc_now
from bot.store.rows import chunks
from bot.store.transactions import writing


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the hashes it was counted under, when, and seconds to wait if it may not be."""

    counted: tuple[str, ...]
    at: datetime
    wait_s: float = 0.0


class SqlAttempts:
    """Attempts in SQL; subjects are kept as hashes. `clock` gives the time, timezone-aware."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def attempt(self, limits: Mapping[str, int], window: timedelta) -> Attempt:
        """Count an attempt of every subject, unless one of them has had its fill.

        Args:
            limits: attempts allowed per subject within the window.
            window: how long an attempt counts.

        Returns:
            Whether it was counted and may be made, and if not, how long to wait.
        """
        now = self._clock()
        subjects = {_hashed(subject): limit for subject, limit in limits.items()}
        with writing(self._engine) as connection:
            _serialise(connection, sorted(subjects))
            connection.execute(
                delete(sign_in_attempts).where(sign_in_attempts.c.at <= now - window)
            )
            waits = [
                _wait_s(connection, subject, limit, now, window)
                for subject, limit in subjects.items()
            ]
            if max(waits, default=0.0) > 0:
                return Attempt((), now, max(waits))
            rows = [{"subject": subject, "at": now} for subject in subjects]
            connection.execute(insert(sign_in_attempts), rows)
        return Attempt(tuple(subjects), now)

    def take_back(self, attempt: Attempt) -> None:
        """This attempt does not count after all."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(sign_in_attempts).where(
                    sign_in_attempts.c.subject.in_(attempt.counted),
                    sign_in_attempts.c.at == attempt.at,
                )
            )

    def forget(self, subjects: Sequence[str]) -> int:
        """Forget the attempts of these subjects; how many there were."""
        forgotten = 0
        with writing(self._engine) as connection:
            for some in chunks([_hashed(subject) for subject in subjects]):
                statement = delete(sign_in_attempts).where(sign_in_attempts.c.subject.in_(some))
                forgotten += connection.execute(statement).rowcount
        return forgotten

    def forget_all(self) -> int:
        """Forget every attempt; how many there were."""
        with writing(self._engine) as connection:
            return connection.execute(delete(sign_in_attempts)).rowcount


def _wait_s(
    connection: Connection, subject: str, limit: int, now: datetime, window: timedelta
) -> float:
    """Seconds until the `limit`-th newest attempt leaves the window."""
    query = (
        select(sign_in_attempts.c.at)
        .where(sign_in_attempts.c.subject == subject, sign_in_attempts.c.at > now - window)
        .order_by(sign_in_attempts.c.at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    at = connection.execute(query).scalar_one_or_none()
    return 0.0 if at is None else max(0.001, (at + window - now).total_seconds())


def _serialise(connection: Connection, subjects: Sequence[str]) -> None:
    """SQLite has one writer anyway; PostgreSQL waits per subject, in one order for everybody."""
    if connection.dialect.name != "postgresql":
        return
    for subject in subjects:
        number = int.from_bytes(bytes.fromhex(subject)[:8], signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": number})


def _hashed(subject: str) -> str:
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()

"""Attempts to sign in are counted for all processes together, whatever comes at the same time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from bot.console.lockout import PER_ADDRESS, PER_NAME, PER_PAIR, WINDOW, Lockout
from bot.store.access_tables import sign_in_attempts
from bot.store.attempts import SqlAttempts

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 22, tzinfo=UTC)
OTHER_PROCESS = """
import sys
from bot.console.lockout import Lockout
from bot.store.attempts import SqlAttempts
from bot.store.engine import open_engine
lockout = Lockout(SqlAttempts(open_engine(sys.argv[1])))
print([lockout.attempt("anna", "10.0.0.1").wait_s > 0 for _ in range(4)])
"""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


def lockout_at(engine: Engine, clock: Clock | None = None) -> Lockout:
    return Lockout(SqlAttempts(engine, clock or Clock()))


def test_it_forgets_after_its_window(engine: Engine) -> None:
    clock = Clock()
    lockout = lockout_at(engine, clock)
    for _ in range(PER_PAIR):
        assert lockout.attempt("anna", "10.0.0.1").wait_s == 0
    locked = lockout.attempt("ANNA ", "10.0.0.1")
    assert 0 < locked.wait_s <= WINDOW.total_seconds()
    assert lockout.attempt("anna", "10.0.0.2").wait_s == 0
    clock.now += timedelta(seconds=locked.wait_s - 1)
    assert lockout.attempt("anna", "10.0.0.1").wait_s > 0
    clock.now += timedelta(seconds=2)
    assert lockout.attempt("anna", "10.0.0.1").wait_s == 0


def test_one_address_cannot_try_many_names(engine: Engine) -> None:
    lockout = lockout_at(engine)
    for number in range(PER_ADDRESS):
        assert lockout.attempt(f"name{number}", "2001:db8::1").wait_s == 0
    assert lockout.attempt("anna", "2001:db8::ffff").wait_s > 0, "the same /64"
    assert lockout.attempt("anna", "2001:db8:0:1::1").wait_s == 0


def test_a_name_is_guarded_against_many_addresses(engine: Engine) -> None:
    lockout = lockout_at(engine)
    waits = [lockout.attempt("anna", f"10.0.{n}.1").wait_s for n in range(PER_NAME + 1)]
    assert [wait > 0 for wait in waits] == [False] * PER_NAME + [True]
    assert lockout.unlock("anna") > 0
    assert lockout.attempt("anna", "10.1.1.1").wait_s == 0


def test_success_forgives_the_person_but_not_the_address(engine: Engine) -> None:
    lockout = lockout_at(engine)
    for _ in range(PER_PAIR - 1):
        lockout.attempt("anna", "a")
    lockout.succeeded("anna", "a", lockout.attempt("anna", "a"))
    assert lockout.attempt("anna", "a").wait_s == 0
    with engine.connect() as connection:
        subjects = connection.execute(
            select(sign_in_attempts.c.subject, func.count()).group_by("subject")
        ).all()
    assert sorted(count for _, count in subjects) == [1, PER_PAIR, PER_PAIR]


def test_processes_count_together(engine: Engine, database_url: str) -> None:
    lockout = Lockout(SqlAttempts(engine))
    for _ in range(3):
        assert lockout.attempt("anna", "10.0.0.1").wait_s == 0
    other = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, database_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == "[False, False, True, True]"
    assert lockout.attempt("anna", "10.0.0.1").wait_s > 0


def test_many_attempts_at_once_are_no_way_around(engine: Engine) -> None:
    lockout = Lockout(SqlAttempts(engine))
    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(lambda _: lockout.attempt("anna", "10.0.0.1").wait_s, range(24)))
    assert sum(wait == 0 for wait in waits) == PER_PAIR


def test_neither_names_nor_addresses_are_stored_and_old_rows_go(engine: Engine) -> None:
    clock = Clock()
    lockout = lockout_at(engine, clock)
    for number in range(30):
        lockout.attempt(f"anna{number}", f"10.0.0.{number}")
    with engine.connect() as connection:
        held = str(connection.execute(text("SELECT * FROM sign_in_attempts")).all())
    assert "anna" not in held
    assert "10.0.0" not in held
    clock.now += WINDOW
    lockout.attempt("li", "a")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(sign_in_attempts)).scalar() == 3

"""Sessions, and sign-ins that come all at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, text

from bot.errors import InputError
from bot.store import agents as agents_module
from bot.store.agents import HASHES_AT_ONCE, SignInBusyError, SqlAgents
from bot.store.sessions import SESSION, SqlSessions

PASSWORD = "correct horse"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class CountingHasher(PasswordHasher):
    """Argon2 that counts how many run at the same time, and waits until told."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def verify(self, *args: object, **options: object) -> bool:  # type: ignore[override]
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(60)
        with self._lock:
            self.running -= 1
        return super().verify(*args, **options)  # type: ignore[arg-type]


def test_a_flood_of_sign_ins_takes_the_memory_of_two(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents_module, "HASH_WAIT_S", 0.3)
    hasher = CountingHasher()
    agents = SqlAgents(sqlite_engine, hasher)
    agents.create("anna", PASSWORD, "admin")

    def sign_in(_: int) -> str:
        try:
            return "in" if agents.verify("anna", PASSWORD) else "out"
        except SignInBusyError:
            hasher.go.set()
            return "busy"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(sign_in, range(8)))
    assert hasher.most == HASHES_AT_ONCE
    assert outcomes.count("in") >= HASHES_AT_ONCE
    assert "busy" in outcomes
    assert agents.verify("anna", PASSWORD) is not None, "the places are free again"


def test_sessions_end_by_time_by_hand_and_with_the_person(engine: Engine) -> None:
    now = [datetime(2026, 11, 22, tzinfo=UTC)]
    agents = SqlAgents(engine, QUICK)
    agents.create("boss", PASSWORD, "admin")
    agents.create("anna", PASSWORD)
    sessions = SqlSessions(engine, lambda: now[0])
    first, second = sessions.begin("anna"), sessions.begin("anna")
    found = sessions.agent(first)
    assert found is not None
    assert found.name == "anna"
    sessions.end(first)
    assert sessions.agent(first) is None
    assert sessions.agent(second) is not None
    agents.disable("anna")
    assert sessions.agent(second) is None
    agents.enable("anna")
    third = sessions.begin("anna")
    agents.set_password("anna", PASSWORD + "2")
    assert sessions.agent(third) is None
    fourth = sessions.begin("anna")
    now[0] += SESSION
    assert sessions.agent(fourth) is None
    now[0] += timedelta(seconds=1)
    assert sessions.end_all("anna") == 1


def test_a_token_is_not_in_the_database(engine: Engine) -> None:
    SqlAgents(engine, QUICK).create("anna", PASSWORD)
    token = SqlSessions(engine).begin("anna")
    with engine.connect() as connection:
        assert token not in str(connection.execute(text("SELECT * FROM console_sessions")).all())


def test_somebody_is_always_left_to_manage_the_others(engine: Engine) -> None:
    agents = SqlAgents(engine, QUICK)
    agents.create("boss", PASSWORD, "admin")
    agents.create("anna", PASSWORD)
    for forbidden in (lambda: agents.disable("boss"), lambda: agents.set_role("boss", "agent")):
        with pytest.raises(InputError, match="last admin"):
            forbidden()
    found = agents.get("boss")
    assert found is not None
    assert (found.role, found.disabled) == ("admin", False)
    agents.set_role("anna", "admin")
    agents.disable("boss")

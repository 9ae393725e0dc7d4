"""Who may sign in, and the shop's few stored values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, text

from bot.errors import InputError
from bot.store.sql import SqlAgents, SqlSettings
from bot.store.transactions import reading

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"


@pytest.fixture
def agents(engine: Engine) -> SqlAgents:
    found = SqlAgents(engine, QUICK)
    found.create("anna", PASSWORD, "admin")
    return found


def test_the_right_password_lets_in(agents: SqlAgents) -> None:
    agent = agents.verify(" anna ", PASSWORD)
    assert agent is not None
    assert (agent.name, agent.role, agent.disabled) == ("anna", "admin", False)
    assert agents.get("anna") == agent


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong horse"),
        ("anna", ""),
        ("anna", PASSWORD + "x"),
        ("anna", "\ud83d\x00"),
        ("anna", "x" * 100_000),
        ("nobody", PASSWORD),
        ("", ""),
    ],
)
def test_anything_else_does_not(agents: SqlAgents, name: str, password: str) -> None:
    assert agents.verify(name, password) is None


def test_passwords_are_not_in_the_database(agents: SqlAgents, engine: Engine) -> None:
    with reading(engine) as connection:
        stored = connection.execute(text("SELECT password_hash FROM agents")).scalar_one()
    assert PASSWORD not in stored
    assert stored.startswith("$argon2id$")


def test_a_disabled_agent_stays_out_until_enabled(agents: SqlAgents) -> None:
    agents.disable("anna")
    assert agents.verify("anna", PASSWORD) is None
    assert [agent.disabled for agent in agents.list()] == [True]
    agents.enable("anna")
    assert agents.verify("anna", PASSWORD) is not None


def test_a_new_password_replaces_the_old(agents: SqlAgents) -> None:
    agents.set_password("anna", "another horse")
    assert agents.verify("anna", PASSWORD) is None
    assert agents.verify("anna", "another horse") is not None


def test_a_password_typed_on_another_keyboard_is_the_same(agents: SqlAgents) -> None:
    agents.create("Zoë", "Jalapen\u0303o pass")
    assert agents.verify("Zoe\u0308", "Jalape\u00f1o pass") is not None


def test_stronger_settings_reach_old_passwords_at_the_next_sign_in(
    agents: SqlAgents, engine: Engine
) -> None:
    stronger = SqlAgents(engine, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert stronger.verify("anna", PASSWORD) is not None
    with reading(engine) as connection:
        stored = connection.execute(text("SELECT password_hash FROM agents")).scalar_one()
    assert "m=16,t=2" in stored
    assert agents.verify("anna", PASSWORD) is not None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "\x00", "anna"])
def test_a_name_must_be_visible_short_and_new(agents: SqlAgents, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be a name|is taken"):
        agents.create(name, PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1001])
def test_a_password_has_a_least_and_a_greatest_length(agents: SqlAgents, password: str) -> None:
    with pytest.raises(InputError, match="use 8 to 1000"):
        agents.create("ben", password)
    with pytest.raises(InputError, match="use 8 to 1000"):
        agents.set_password("anna", password)


def test_an_unknown_role_or_agent_is_refused(agents: SqlAgents) -> None:
    with pytest.raises(InputError, match="no role 'king'"):
        agents.create("ben", PASSWORD, "king")  # type: ignore[arg-type]
    for change in (agents.disable, agents.enable):
        with pytest.raises(InputError, match="no agent 'ben'"):
            change("ben")


def test_settings_keep_the_latest_value(engine: Engine) -> None:
    settings = SqlSettings(engine)
    assert settings.get("greeting") == ""
    assert settings.get("greeting", "hi") == "hi"
    settings.set("greeting", "你好")
    settings.set("greeting", "您好 👋")
    assert settings.get("greeting") == "您好 👋"


def test_of_many_first_values_one_stays(engine: Engine) -> None:
    settings = SqlSettings(engine)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda n: settings.set_once("key", f"made by {n}"), range(8)))
    assert found == {settings.get("key")}

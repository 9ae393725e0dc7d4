"""Keys of programs: made once, kept as hashes, checked on every request of a shop that demands one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from bot.channels.app import create_app
from bot.errors import InputError
from bot.store.api_keys import SqlApiKeys
from tests.channels.fakes import Shop, open_shop

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def strict(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shop, TestClient]]:
    """A shop that demands keys."""
    folder = tmp_path_factory.mktemp("strict")
    shutil.copy(migrated_sqlite, folder / "shop.db")
    shop = open_shop(folder, api_keys="required", rate_per_address="2/hour")
    with TestClient(create_app(shop.parts)) as client:
        yield shop, client
    shop.engine.dispose()


def ask(client: TestClient, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post("/api/v1/messages", json={"text": "hello"}, headers=headers).status_code


def test_a_shop_that_demands_keys_answers_nobody_without(strict: tuple[Shop, TestClient]) -> None:
    shop, client = strict
    keys = shop.parts.access.api_keys
    _, good = keys.create("erp", ["messages"])
    gone, revoked = keys.create("old", ["messages"])
    keys.revoke(gone.key_id)
    _, other = keys.create("prometheus", ["metrics"])
    assert ask(client, good) == 200
    assert ask(client) == 401
    assert ask(client, revoked) == 401
    assert ask(client, good[:-1] + ("a" if good[-1] != "a" else "b")) == 401
    assert ask(client, other) == 403
    refused = client.post("/api/v1/messages", json={"text": "x"}, headers={"Accept-Language": "zh"})
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "API 密钥" in refused.json()["detail"]
    vote = client.post("/api/v1/feedback", json={"turn_id": "x", "value": "up"})
    assert vote.status_code == 401


def test_a_key_asks_for_many_customers_from_one_address(strict: tuple[Shop, TestClient]) -> None:
    shop, client = strict
    _, key = shop.parts.access.api_keys.create("erp", ["messages"])
    assert [ask(client, key) for _ in range(5)] == [200] * 5


def test_the_documented_api_names_its_keys(strict: tuple[Shop, TestClient]) -> None:
    document = strict[1].get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert document["paths"]["/api/v1/messages"]["post"]["security"] == [{"ApiKey": []}]


def test_where_no_key_is_demanded_a_wrong_one_is_refused_all_the_same(
    client: TestClient, shop: Shop
) -> None:
    assert ask(client) == 200
    assert ask(client, "shk_000000000000_" + "x" * 43) == 401
    assert ask(client, "a proxy's own token") == 200


@pytest.fixture
def keys(engine: Engine) -> SqlApiKeys:
    return SqlApiKeys(engine, lambda: NOW)


def test_a_key_is_shown_once_and_kept_as_a_hash(keys: SqlApiKeys, engine: Engine) -> None:
    key, whole = keys.create("erp", ["messages", "metrics"])
    secret = whole.split("_", 2)[2]
    with engine.connect() as connection:
        held = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert key.key_id in held
    assert secret not in held
    assert keys.verify(whole) is not None
    assert keys.list()[0].last_used_at == NOW


def test_a_key_ends_when_it_was_said_to_end(engine: Engine) -> None:
    now = [NOW]
    keys = SqlApiKeys(engine, lambda: now[0])
    _, whole = keys.create("erp", ["messages"], timedelta(days=1))
    assert keys.verify(whole) is not None
    now[0] += timedelta(days=1)
    assert keys.verify(whole) is None


@given(presented=st.text(max_size=80))
def test_nothing_that_is_no_key_gets_in(presented: str, sqlite_keys: SqlApiKeys) -> None:
    assert sqlite_keys.verify(presented) is None
    assert sqlite_keys.verify(f"shk_000000000000_{presented}") is None


@pytest.fixture(scope="module")
def sqlite_keys(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqlApiKeys]:
    folder = tmp_path_factory.mktemp("keys")
    shutil.copy(migrated_sqlite, folder / "shop.db")
    shop = open_shop(folder)
    shop.parts.access.api_keys.create("erp", ["messages"])
    yield shop.parts.access.api_keys
    shop.engine.dispose()


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", ["messages"], 1), ("x", [], 1), ("x", ["everything"], 1), ("x", ["messages"], 0)],
)
def test_a_wrong_key_is_refused_with_the_fix(
    keys: SqlApiKeys, name: str, scopes: list[str], days: int
) -> None:
    with pytest.raises(InputError) as refused:
        keys.create(name, scopes, timedelta(days=days))
    assert refused.value.fix


def test_an_unknown_key_cannot_be_revoked(keys: SqlApiKeys) -> None:
    with pytest.raises(InputError, match="nothere"):
        keys.revoke("nothere")

"""Export and erasure by the API: for keys with the scope `privacy` only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from starlette.testclient import TestClient

from bot.channels import problems
from bot.channels.housekeeping import Housekeeping
from bot.channels.privacy_api import privacy_router
from bot.store.audit import AuditFilter, SqlAudit
from bot.store.columns import utc_now
from bot.store.events import SqlEvents, publish
from bot.store.link_tables import events as events_table
from bot.store.queue import SqlQueue
from bot.store.queue_records import Inbound
from bot.store.subscribers import SqlSubscribers
from bot.store.turns import SqlTurnStore
from tests.channels.fakes import Shop, open_shop
from tests.privacy.filled import MARKER, fill, stored_with
from tests.store.samples import NOON, a_turn

WHO = {"customer_id": f"chatwoot:1:{MARKER}"}


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Iterator[Shop]:
    opened = open_shop(tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def client(shop: Shop) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(privacy_router(shop.engine, shop.parts))
    with TestClient(app) as opened:
        yield opened


def _same(moment: datetime) -> datetime:
    return moment


def bearer(shop: Shop, *scopes: str) -> dict[str, str]:
    _, whole = shop.parts.access.api_keys.create("erp", scopes)
    return {"Authorization": f"Bearer {whole}"}


@pytest.mark.parametrize("path", ["export", "erase"])
def test_without_the_right_key_nothing_is_told_or_done(
    client: TestClient, shop: Shop, tmp_path: Path, path: str
) -> None:
    fill(shop.engine, tmp_path / "exports")
    address = f"/api/v1/privacy/{path}"
    assert client.post(address, json=WHO).status_code == 401
    other = bearer(shop, "messages", "knowledge")
    answer = client.post(address, json=WHO, headers=other)
    assert (answer.status_code, MARKER in answer.text) == (403, False)
    assert "messages" in stored_with(shop.engine, MARKER)


def test_a_customer_is_exported_then_erased(client: TestClient, shop: Shop, tmp_path: Path) -> None:
    fill(shop.engine, tmp_path / "exports")
    key = bearer(shop, "privacy")
    exported = client.post("/api/v1/privacy/export", json=WHO, headers=key)
    assert exported.headers["cache-control"] == "no-store"
    assert len(exported.json()["conversations"]) == 3
    erased = client.post("/api/v1/privacy/erase", json=WHO, headers=key)
    assert erased.status_code == 200
    assert erased.json()["conversations"] == 3
    assert erased.json()["rows"]["turns"] == 7
    assert stored_with(shop.engine, MARKER) == set()
    told = SqlAudit(shop.engine).entries(AuditFilter(action="customer."))
    assert [one.action for one in told] == ["customer.erase", "customer.export"]
    assert all(one.actor.startswith("api:") for one in told)


def test_nobody_named_is_refused(client: TestClient, shop: Shop) -> None:
    key = bearer(shop, "privacy")
    for body in ({}, {"channel": "web"}, {"customer_id": ""}, {"everybody": True}, []):
        assert client.post("/api/v1/privacy/erase", json=body, headers=key).status_code == 422


def test_the_server_erases_once_a_day_what_is_too_old(shop: Shop, tmp_path: Path) -> None:
    turns = SqlTurnStore(shop.engine)
    turns.save(a_turn("old", at=NOON.replace(year=2019)))
    keeper = Housekeeping(shop.engine, 30, tmp_path / "exports")
    other_process = Housekeeping(shop.engine, 30, tmp_path / "exports")
    assert keeper.look()
    assert turns.history("old") == ()
    assert not other_process.look()
    assert not Housekeeping(shop.engine, 0, tmp_path).look()


def test_events_and_finished_queue_rows_go_after_a_month_although_conversations_are_kept(
    shop: Shop, tmp_path: Path
) -> None:
    turns, events = SqlTurnStore(shop.engine), SqlEvents(shop.engine)
    turns.save(a_turn("old", at=NOON.replace(year=2019)))
    SqlSubscribers(shop.engine).add("crm", "https://crm.example/hook", ["whsec_" + 32 * "A"])
    now = utc_now()
    for days in (31, 29):
        then = now - timedelta(days=days)
        queue = SqlQueue(shop.engine, clock=partial(_same, then))
        queue.receive(Inbound("chatwoot", f"k{days}", "old", "{}"))
        (item,) = queue.claim_inbox("worker")
        assert queue.complete(item)
        with shop.engine.begin() as connection:
            publish("knowledge.gap", {"conversation_id": "old"}, connection)
            newest = events_table.c.created_at > now
            connection.execute(update(events_table).where(newest).values(created_at=then))
    assert Housekeeping(shop.engine, 0, tmp_path).look()
    assert turns.history("old") != ()
    assert SqlQueue(shop.engine).stats().inbox.done == 1
    assert [now - one.created_at for one in events.latest()] == [timedelta(days=29)]


def test_housekeeping_starts_and_stops_with_the_server(shop: Shop, tmp_path: Path) -> None:
    turns = SqlTurnStore(shop.engine)
    turns.save(a_turn("old", at=NOON.replace(year=2019)))
    with Housekeeping(shop.engine, 30, tmp_path, first_look_s=0.01) as keeper:
        keeper._thread.join(0.1)
        for _ in range(200):
            if turns.history("old") == ():
                break
            keeper._thread.join(0.05)
    assert turns.history("old") == ()
    assert not keeper._thread.is_alive()

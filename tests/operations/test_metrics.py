"""Metrics count what happened and tell what waits; readiness tells the truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from bot.channels.app import create_app
from bot.channels.metrics import Metrics
from bot.channels.webhooks.pipeline import WebhookCounts
from bot.observing import all_of
from bot.readiness import database_checks, generator_check, index_check
from bot.store.gauges import read_gauges
from bot.store.queue import SqlQueue
from bot.store.queue_records import Inbound
from bot.types import Action, Message, Mood, Problem, Reply, Turn, Verdict
from tests.channels.fakes import Script, Shop, make_turn, open_shop

HANDED = Reply("A colleague will answer here.", "notice")


@pytest.fixture
def serve(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Any]:
    """A shop with these settings, its metrics, a client."""
    with ExitStack() as stack:

        def open_(**settings: Any) -> tuple[Shop, Metrics, TestClient]:
            shutil.copy(migrated_sqlite, tmp_path / "shop.db")
            shop = open_shop(tmp_path, **settings)
            stack.callback(shop.engine.dispose)
            metrics = Metrics(CollectorRegistry(), lambda: read_gauges(shop.engine))
            app = create_app(shop.parts, metrics=metrics)
            return shop, metrics, stack.enter_context(TestClient(app))

        yield open_


def sample(body: str, name: str, **labels: str) -> float | None:
    """One value of a page of metrics."""
    for family in text_string_to_metric_families(body):
        for one in family.samples:
            if one.name == name and labels.items() <= one.labels.items():
                return one.value
    return None


def turn_of(text_: str, script: Script) -> Turn:
    message = Message("c1", text_, "web", message_id=f"m-{text_}")
    return make_turn(message, script, script.replies)


def test_turns_stages_and_guard_blocks_are_counted(serve: Any) -> None:
    _, metrics, client = serve(metrics="on")
    bad = Verdict("30 days", (1,), (Problem("unsupported_number", "30"),))
    metrics.turn(turn_of("a", Script(verdicts=[bad, bad])))
    metrics.turn(turn_of("b", Script((HANDED,), Action.HAND_OVER, "unhappy")))
    body = client.get("/metrics").text
    assert sample(body, "shopkeeper_turns_total", action="answer", channel="web") == 1
    assert sample(body, "shopkeeper_turns_total", action="hand_over", reason="unhappy") == 1
    assert sample(body, "shopkeeper_guard_blocks_total", problem="unsupported_number") == 2
    assert sample(body, "shopkeeper_stage_seconds_count", stage="total") == 2
    assert sample(body, "shopkeeper_stage_seconds_sum", stage="retrieve") == pytest.approx(0.062)


def test_what_waits_is_looked_up_when_asked(serve: Any) -> None:
    shop, _, client = serve(metrics="on")
    SqlQueue(shop.engine).receive(Inbound("chatwoot", "d1", "chatwoot:1:1", "{}"))
    for number, mood in enumerate((Mood("neutral"), Mood("negative", unhappy=True), Mood())):
        script = Script((HANDED,), Action.HAND_OVER, "asked_for_person", mood)
        message = Message(f"c{number}", "a person, please", "web", message_id=f"m{number}")
        shop.store.save(make_turn(message, script, script.replies))
    shop.parts.conversations.take_over("c2", "anna")
    body = client.get("/metrics").text
    assert sample(body, "shopkeeper_queue_rows", box="inbox", status="pending") == 1
    assert sample(body, "shopkeeper_queue_rows", box="outbox", status="dead") == 0
    age = sample(body, "shopkeeper_queue_oldest_seconds", box="inbox")
    assert age is not None
    assert age >= 0
    assert sample(body, "shopkeeper_handoffs_unanswered") == 2
    assert sample(body, "shopkeeper_handoffs_unhappy") == 1
    assert sample(body, "shopkeeper_handoffs_escalated") == 0
    assert sample(body, "shopkeeper_handoffs_with_agents") == 1
    assert sample(body, "shopkeeper_database_readable") == 1


def test_webhook_failures_are_counted_by_cause(serve: Any) -> None:
    _, metrics, client = serve(metrics="on")
    counts = WebhookCounts()
    metrics.registry.register(counts.registry)
    counts.request("chatwoot", "bad_signature")
    counts.delivery("chatwoot", "refused")
    body = client.get("/metrics").text
    assert sample(body, "shopkeeper_webhook_requests_total", outcome="bad_signature") == 1
    assert sample(body, "shopkeeper_deliveries_total", outcome="refused") == 1


def test_requests_are_counted_by_route_never_by_path(serve: Any) -> None:
    _, _, client = serve(metrics="on")
    client.get("/healthz")
    client.get("/console/c/somebodys-id", follow_redirects=False)
    client.get("/somebodys-secret-path")
    client.post("/api/v1/messages", json={"text": "hello"})
    body = client.get("/metrics").text
    assert sample(body, "shopkeeper_http_requests_total", route="/healthz", status="200") == 1
    assert sample(body, "shopkeeper_http_requests_total", route="/api/v1/messages") == 1
    assert "somebodys" not in body


def test_metrics_are_off_open_or_behind_a_key(serve: Any) -> None:
    assert serve()[2].get("/metrics").status_code == 404
    shop, _, client = serve(metrics="key")
    _, right = shop.parts.access.api_keys.create("prometheus", ["metrics"])
    _, other = shop.parts.access.api_keys.create("erp", ["messages"])
    statuses = [
        client.get("/metrics", headers={"Authorization": f"Bearer {key}"} if key else {})
        for key in ("", other, right)
    ]
    assert [answer.status_code for answer in statuses] == [401, 403, 200]


def test_a_database_that_is_away_is_told_and_the_counters_stay(serve: Any) -> None:
    shop, metrics, client = serve(metrics="on")
    metrics.turn(turn_of("a", Script()))
    shop.engine.dispose()
    (shop.parts.settings.home / "shop.db").write_bytes(b"no database at all" * 100)
    body = client.get("/metrics").text
    assert sample(body, "shopkeeper_database_readable") == 0
    assert sample(body, "shopkeeper_turns_total", action="answer") == 1


def test_a_watcher_that_fails_disturbs_neither_the_turn_nor_the_others() -> None:
    seen: list[str] = []

    def broken(_turn: Turn) -> None:
        raise RuntimeError("no")

    all_of(broken, lambda turn: seen.append(turn.turn_id))(turn_of("a", Script()))
    assert seen == ["m-a"]


def test_readiness_tells_when_tables_are_not_those_of_this_program(engine: Engine) -> None:
    assert [check.ok for check in database_checks(engine)] == [True, True]
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    database, migrations = database_checks(engine)
    assert (database.ok, migrations.ok) == (True, False)
    assert "0001" in migrations.detail


def test_readiness_tells_when_the_database_is_gone(sqlite_engine: Engine) -> None:
    sqlite_engine.dispose()
    place = Path(str(sqlite_engine.url.database))
    place.write_bytes(b"no database at all" * 100)
    checks = database_checks(sqlite_engine)
    assert not any(check.ok for check in checks)
    assert str(place) not in str(checks), "strangers may read this"


def test_readiness_tells_when_the_index_or_the_generator_is_missing() -> None:
    assert not index_check(None).ok
    assert not generator_check(None).ok


def test_readyz_asks_what_serves_now(serve: Any) -> None:
    shop, metrics, _ = serve()
    ill = replace(shop.parts, readiness=lambda: database_checks(shop.engine)[:1] * 0)
    with TestClient(create_app(ill, metrics=metrics)) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").json() == {"status": "ok"}

"""What gets in: requests at the same time, per address, bodies that never end, forged addresses."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from bot.channels import admission
from bot.channels.app import create_app
from tests.channels.fakes import Script, Shop, open_shop
from tests.e2e.live import serving

Serve = Callable[..., tuple[Shop, TestClient]]


@pytest.fixture
def serve(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Serve]:
    """A shop with these settings, and a client of its application."""
    with ExitStack() as stack:

        def open_(**settings: Any) -> tuple[Shop, TestClient]:
            shutil.copy(migrated_sqlite, tmp_path / "shop.db")
            shop = open_shop(tmp_path, **settings)
            stack.callback(shop.engine.dispose)
            return shop, stack.enter_context(TestClient(create_app(shop.parts)))

        yield open_


@contextmanager
def live(tmp_path: Path, migrated_sqlite: Path, **settings: Any) -> Iterator[tuple[Shop, str]]:
    """The application on a real port."""
    shutil.copy(migrated_sqlite, tmp_path / "shop.db")
    shop = open_shop(tmp_path, **settings)
    with serving(create_app(shop.parts)) as address:
        yield shop, address
    shop.engine.dispose()


def ask(client: Any, text: str = "hello", **headers: str) -> Any:
    """Send one question."""
    return client.post("/api/v1/messages", json={"text": text}, headers=headers)


def chat_notice(client: TestClient, text: str) -> str:
    """What the chat page tells a customer who sends `text`, as Gradio's own client would."""
    (page,) = client.get("/config").json()["dependencies"]
    sent = {"text": text, "conversation_id": "a" * 32, "lang": "en", "ticket": "t"}
    body = {"data": [], "fn_index": page["id"], "session_hash": "s1", "event_data": sent}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    return client.get("/gradio_api/queue/data", params={"session_hash": "s1"}).text


@pytest.mark.parametrize(
    ("lang", "told"), [("en", "Please wait"), ("zh-CN", "请等待")], ids=["en", "zh"]
)
def test_too_many_questions_are_told_when_to_come_back(serve: Serve, lang: str, told: str) -> None:
    shop, client = serve(rate_per_address="2/minute")
    headers = {"Accept-Language": lang}
    assert [ask(client, **headers).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(client, **headers)
    assert refused.json()["type"] == "too-many"
    assert told in refused.json()["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert len(shop.answer.calls) == 2


def test_one_conversation_has_its_own_limit(serve: Serve) -> None:
    _, client = serve(rate_per_customer="1/hour")
    sent = {"text": "hello", "conversation_id": "c1"}
    assert client.post("/api/v1/messages", json=sent).status_code == 200
    assert client.post("/api/v1/messages", json=sent).status_code == 429
    other = sent | {"conversation_id": "c2"}
    assert client.post("/api/v1/messages", json=other).status_code == 200


def test_the_chat_page_is_limited_by_the_same_counter(serve: Serve) -> None:
    _, client = serve(rate_per_address="1/minute")
    assert ask(client).status_code == 200
    assert "Please wait" in chat_notice(client, "hello")


def test_requests_of_one_address_are_limited_but_files_and_health_are_not(serve: Serve) -> None:
    _, client = serve(requests_per_address="3/hour")
    statuses = [client.get("/console/login").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    for path in ("/healthz", "/chat-static/chat.js", "/console/static/console.css"):
        assert client.get(path).status_code == 200
    assert client.get("/").status_code == 429


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(serve: Serve) -> None:
    """A forged header is no way around the limit, and the log says whose proxy is unknown."""
    _, client = serve(rate_per_address="1/minute")
    with capture_logs() as logs:
        statuses = [
            ask(client, **{"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(3)
        ]
    assert statuses == [200, 429, 429]
    ignored = [line for line in logs if line["event"] == "forwarded_header_ignored"]
    assert len(ignored) == 1
    assert "SHOPKEEPER_TRUSTED_PROXIES" in ignored[0]["fix"]


def test_behind_a_trusted_proxy_customers_count_one_by_one(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    rules = {"rate_per_address": "1/minute", "trusted_proxies": "127.0.0.1"}
    with (
        live(tmp_path, migrated_sqlite, **rules) as (_, address),
        httpx.Client(base_url=address) as client,
    ):
        first = {"X-Forwarded-For": "203.0.113.1"}
        assert ask(client, **first).status_code == 200
        assert ask(client, **first).status_code == 429
        assert ask(client, **{"X-Forwarded-For": "203.0.113.2"}).status_code == 200
        # What the customer claimed stands left of what the proxy saw.
        forged = {"X-Forwarded-For": "203.0.113.99, 203.0.113.1"}
        assert ask(client, **forged).status_code == 429
        login = client.get("/console/login", headers={"X-Forwarded-Proto": "https"})
        assert "secure" in login.headers["set-cookie"].lower()
        assert login.headers["strict-transport-security"]


def test_requests_at_the_same_time_are_bounded_and_the_rest_is_told(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    go = threading.Event()
    rules = {"requests_at_once_per_address": 3, "workers": 8}
    with live(tmp_path, migrated_sqlite, **rules) as (shop, address):
        shop.answer.default = Script(before=lambda: go.wait(60))
        statuses: list[int] = []

        def one() -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                statuses.append(ask(client).status_code)

        threads = [threading.Thread(target=one) for _ in range(3)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 60
        while shop.answer.open < 3 and time.monotonic() < until:
            time.sleep(0.01)
        with httpx.Client(base_url=address) as client:
            refused = ask(client)
            assert refused.status_code == 429
            assert refused.headers["retry-after"]
            assert client.get("/healthz").status_code == 200
        go.set()
        for thread in threads:
            thread.join(60)
        assert statuses == [200, 200, 200]
        with httpx.Client(base_url=address) as client:
            assert ask(client).status_code == 200, "the places are free again"


def test_a_body_that_never_ends_is_cut_off(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BODY_TIMEOUT_S", 0.5)
    with live(tmp_path, migrated_sqlite) as (shop, address):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(
                b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000\r\n\r\n{"
            )
            answer = raw.recv(4096)
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert shop.answer.calls == []


def test_an_answer_may_take_longer_than_a_body(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BODY_TIMEOUT_S", 1.0)
    with live(tmp_path, migrated_sqlite) as (shop, address):
        shop.answer.default = Script(before=lambda: time.sleep(1.2))
        with httpx.Client(base_url=address, timeout=60) as client:
            streamed = client.post(
                "/api/v1/messages",
                json={"text": "hello"},
                headers={"Accept": "text/event-stream"},
            )
    assert "event: done" in streamed.text
    assert json.loads(streamed.text.split("data: ")[-1])["turn_id"]

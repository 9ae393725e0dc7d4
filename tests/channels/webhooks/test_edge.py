"""The edge over real HTTP: what strangers send, replays, limits, overload, logs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from bot.channels.webhooks import router as router_module
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.pipeline import MAX_BODY_BYTES, Pipeline
from bot.store.queue import SqlQueue
from bot.store.transactions import writing
from tests.channels.webhooks.chatwoot_peer import SECRET, TOKEN, ChatwootPeer, PeerMessage
from tests.channels.webhooks.support import serving

WORDS = "my parcel never came"


@pytest.fixture
def pipeline(engine: Engine) -> Pipeline:
    adapters = {"chatwoot": Chatwoot("http://127.0.0.1:9", TOKEN, SECRET)}
    return Pipeline(adapters, SqlQueue(engine), quiet_s=0.0)


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with serving(pipeline) as url, httpx.Client(base_url=url, timeout=10) as opened:
        yield opened


@pytest.fixture
def sender() -> ChatwootPeer:
    """Signs; sends nothing by itself."""
    return ChatwootPeer()


def body_of(sender: ChatwootPeer, number: int = 4711, text: str = WORDS) -> bytes:
    message = PeerMessage(number, text, "incoming", sender={"id": 9, "name": "Li Lei"})
    event = sender.message_event(sender.conversation(), message)
    return json.dumps(event, ensure_ascii=False).encode()


def post(client: httpx.Client, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return client.post("/webhooks/chatwoot", content=body, headers=headers)


def pending(pipeline: Pipeline) -> int:
    return pipeline.queue.stats().inbox.pending


def test_a_good_request_is_stored_once_however_often_it_comes(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    body = body_of(sender)
    first = sender.sign(body)
    assert post(client, body, first).status_code == 200
    assert post(client, body, first).status_code == 200, "replayed as it was"
    assert post(client, body, sender.sign(body)).status_code == 200, "repeated by the sender"
    assert pending(pipeline) == 1
    assert pipeline.counts.events("chatwoot", "duplicate") == 2


def test_a_replayed_change_of_status_does_nothing(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    """The delivery's id is not signed: whoever replays a request may well change it."""
    conversation = sender.conversation_data(sender.conversation())
    body = json.dumps(conversation | {"event": "conversation_resolved", "status": "resolved"})
    headers = sender.sign(body.encode())
    for delivery in ("one", "two"):
        sent = post(client, body.encode(), headers | {"X-Chatwoot-Delivery": delivery})
        assert sent.status_code == 200
    assert pending(pipeline) == 1


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        (lambda body, headers: (body, {}), 401, "no_signature"),
        (lambda body, headers: (body + b"\n", headers), 401, "bad_signature"),
        (lambda body, headers: (body[:-5], headers), 401, "bad_signature"),
        (
            lambda body, headers: (json.dumps(json.loads(body)).encode(), headers),
            401,
            "bad_signature",
        ),
        (
            lambda body, headers: (body, headers | {"X-Chatwoot-Timestamp": "1780000000"}),
            401,
            "bad_signature",
        ),
    ],
)
def test_forged_and_altered_requests_are_refused(
    pipeline: Pipeline,
    client: httpx.Client,
    sender: ChatwootPeer,
    change: object,
    status: int,
    error: str,
) -> None:
    body = body_of(sender, text="退货")
    sent, headers = change(body, sender.sign(body))  # type: ignore[operator]
    answer = post(client, sent, headers)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert pending(pipeline) == 0
    assert pipeline.counts.requests("chatwoot", error) == 1


@pytest.mark.parametrize(("late_s", "error"), [(-400, "too_old"), (400, "in_the_future")])
def test_requests_out_of_time_are_refused(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer, late_s: int, error: str
) -> None:
    body = body_of(sender)
    answer = post(client, body, sender.sign(body, int(time.time()) + late_s))
    assert (answer.status_code, answer.json()) == (401, {"error": error})
    assert pending(pipeline) == 0


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_too_large_is_refused(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer, streamed: bool
) -> None:
    body = body_of(sender, text="退" * (MAX_BODY_BYTES // 3 + 1))
    headers = sender.sign(body)
    content = iter([body[:100_000], body[100_000:]]) if streamed else body
    answer = client.post("/webhooks/chatwoot", content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"error": "too_large"})
    assert pending(pipeline) == 0


def test_a_signed_body_that_makes_no_sense_is_a_bad_request(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    for body in (b"not json", b'{"event":"message_created","id":"x"}'):
        assert post(client, body, sender.sign(body)).status_code == 400
    assert pending(pipeline) == 0


def test_systems_that_are_not_connected_do_not_exist(client: httpx.Client) -> None:
    assert client.post("/webhooks/shopify", content=b"{}").status_code == 404
    assert client.get("/webhooks/chatwoot").status_code == 405


def test_a_sender_that_stops_in_the_middle_is_let_go(
    client: httpx.Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router_module, "READ_TIMEOUT_S", 0.2)
    url = client.base_url
    with socket.create_connection((url.host, url.port or 80), 10) as line:
        line.sendall(
            b"POST /webhooks/chatwoot HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        )
        assert b"400" in line.recv(1000).split(b"\r\n")[0]
    assert pipeline.counts.requests("chatwoot", "cut_off") == 1


def test_a_database_that_fails_means_try_again(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer, engine: Engine
) -> None:
    body = body_of(sender)
    _rename(engine, "inbox", "elsewhere")
    answer = post(client, body, sender.sign(body))
    assert (answer.status_code, answer.headers["retry-after"]) == (500, "3")
    _rename(engine, "elsewhere", "inbox")
    assert post(client, body, sender.sign(body)).status_code == 200
    assert pending(pipeline) == 1


def _rename(engine: Engine, table: str, to: str) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {to}")


def test_a_database_that_hangs_means_try_again_and_too_many_waiting_means_later(
    pipeline: Pipeline,
    client: httpx.Client,
    sender: ChatwootPeer,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_module, "STORE_TIMEOUT_S", 1.0)
    monkeypatch.setattr(router_module, "WAITING_REQUESTS", 2)

    def send(number: int) -> int:
        body = body_of(sender, number)
        return post(client, body, sender.sign(body)).status_code

    with ThreadPoolExecutor(4) as pool, writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE inbox IN EXCLUSIVE MODE")
        statuses = list(pool.map(send, range(1, 5)))
    assert sorted(statuses) == [429, 429, 500, 500]
    monkeypatch.undo()
    # What timed out may have been stored or not; repeated it is there once.
    assert [send(number) for number in range(1, 5)] == [200] * 4
    assert pending(pipeline) == 4


def test_the_acknowledgement_does_not_wait_for_whoever_works(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    """Nothing works the queue here, and still every request is acknowledged."""
    for number in range(1, 21):
        body = body_of(sender, number)
        assert post(client, body, sender.sign(body)).status_code == 200
    assert pending(pipeline) == 20


def test_logs_hold_neither_words_nor_names_nor_secrets(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    good, forged = body_of(sender), body_of(sender, 4712)
    bad = json.dumps(json.loads(good) | {"private": WORDS}).encode()
    with structlog.testing.capture_logs() as logs:
        post(client, good, sender.sign(good))
        post(client, good, sender.sign(good))
        post(client, forged, {})
        post(client, bad, sender.sign(bad))
    assert {entry["event"] for entry in logs} >= {
        "webhook_received",
        "webhook_duplicate",
        "webhook_refused",
    }
    for word in (WORDS, "Li Lei", SECRET, TOKEN):
        assert word not in repr(logs)


def test_old_events_can_be_purged(
    pipeline: Pipeline, client: httpx.Client, sender: ChatwootPeer
) -> None:
    body = body_of(sender)
    post(client, body, sender.sign(body))
    (item,) = pipeline.queue.claim_inbox("w")
    assert pipeline.queue.complete(item)
    assert pipeline.queue.purge(timedelta(0)) == 1

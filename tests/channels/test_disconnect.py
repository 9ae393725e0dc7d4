"""A customer who goes away frees the generator: over a real socket, in the middle of a stream."""

from __future__ import annotations

import json
import socket
import threading
from urllib.parse import urlsplit

import pytest

from bot.channels import http
from bot.channels.app import create_app
from tests.channels.fakes import ENGLISH, Script, Shop
from tests.e2e.live import serving

BODY = json.dumps({"text": "hi"}).encode()
REQUEST = (
    b"POST /api/v1/messages HTTP/1.1\r\nHost: shop\r\nAccept: text/event-stream\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        piece = connection.recv(4096)
        assert piece, f"the stream ended after {seen!r}"
        seen += piece
    return seen


def test_hanging_up_closes_the_answer(shop: Shop) -> None:
    go = threading.Semaphore(1)
    drafted: list[bool] = []
    shop.answer.default = Script(ENGLISH * 700, before=lambda: drafted.append(go.acquire()))
    with serving(create_app(shop.parts)) as address:
        where = urlsplit(address)
        with socket.create_connection((str(where.hostname), int(where.port or 0)), 10) as client:
            client.sendall(REQUEST)
            read_until(client, b"event: sentence")
        # The server hears of it a little later; until then sentences go on being drafted.
        for _ in range(600):
            go.release()
            if shop.answer.freed.acquire(timeout=0.1):
                break
        assert shop.answer.open == 0
        assert len(drafted) < 700


def test_a_slow_answer_sends_heartbeats(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEARTBEAT_S", 0.05)
    go = threading.Event()
    shop.answer.default = Script(ENGLISH[:1], before=go.wait)
    with serving(create_app(shop.parts)) as address:
        where = urlsplit(address)
        with socket.create_connection((str(where.hostname), int(where.port or 0)), 10) as client:
            client.sendall(REQUEST)
            read_until(client, b": ping")
            go.set()
            read_until(client, b"event: done")


def test_too_many_at_once_are_asked_to_come_back(shop: Shop) -> None:
    go = threading.Event()
    shop.answer.default = Script(ENGLISH[:1], before=go.wait)
    plain = REQUEST.replace(b"Accept: text/event-stream\r\n", b"")
    with serving(create_app(shop.parts)) as address:
        where = (str(urlsplit(address).hostname), int(urlsplit(address).port or 0))
        waiting = [socket.create_connection(where, 10) for _ in range(10)]
        try:
            for connection in waiting:
                connection.sendall(REQUEST)
                read_until(connection, b"event: started")
            with socket.create_connection(where, 10) as client:
                client.sendall(plain)
                refused = read_until(client, b"request_id")
            assert b"429" in refused.split(b"\r\n")[0]
            assert b"retry-after" in refused.lower()
        finally:
            go.set()
            for connection in waiting:
                read_until(connection, b"event: done")
                connection.close()

"""SIGTERM under load: what is being answered is finished or given back, nothing is said twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
from sqlalchemy import Engine, func, select

from bot.store.tables import inbox, outbox
from tests.channels.webhooks.chatwoot_peer import running_peer
from tests.channels.webhooks.support import wait_for
from tests.operations.process import server_process


def rows(engine: Engine, status: str) -> int:
    """Rows of both boxes in this state."""
    with engine.connect() as connection:
        return sum(
            connection.execute(
                select(func.count()).select_from(box).where(box.c.status == status)
            ).scalar_one()
            for box in (inbox, outbox)
        )


def test_sigterm_under_load_finishes_or_requeues(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path
) -> None:
    questions = {number: f"question {number}" for number in range(100, 112)}
    answered: list[int] = []

    def ask(url: str) -> None:
        sent = {"text": "hello from the page"}
        answered.append(httpx.post(f"{url}/api/v1/messages", json=sent, timeout=60).status_code)

    with running_peer() as peer:
        with server_process(tmp_path, sqlite_url, peer.url, 2.0) as server:
            peer.webhook_url = f"{server.url}/webhooks/chatwoot"
            for number, text in questions.items():
                peer.customer_says(text, number)
            wait_for(lambda: rows(sqlite_engine, "working") > 0, "work to begin", 60)
            page = threading.Thread(target=ask, args=(server.url,))
            page.start()
            wait_for(lambda: "hello from the page" in server.log, "the page's question", 60)
            began = time.monotonic()
            assert server.terminate() == 0, server.log
            took = time.monotonic() - began
            page.join(90)
            assert answered == [200], "what was being answered was finished"
            assert took < 60
            assert rows(sqlite_engine, "working") == 0, "no lease is left to run out"
            assert "Traceback" not in server.log
            left = [n for n in questions if not peer.conversation(n).said_by_bot()]
            assert left, "there was more work than could be done in time"
        with server_process(tmp_path, sqlite_url, peer.url, 0.0) as server:
            peer.webhook_url = f"{server.url}/webhooks/chatwoot"
            wait_for(
                lambda: all(peer.conversation(n).said_by_bot() for n in questions), "answers", 120
            )
            assert server.terminate() == 0
        said = {n: peer.conversation(n).said_by_bot() for n in questions}
    assert all(len(replies) == 1 for replies in said.values()), said


def test_an_open_page_does_not_hold_up_the_end(sqlite_url: str, tmp_path: Path) -> None:
    """A browser tab keeps a stream open for as long as it lives."""
    with server_process(tmp_path, sqlite_url) as server, httpx.Client(timeout=60) as client:
        beat = f"{server.url}/gradio_api/heartbeat/session1"
        with client.stream("GET", beat) as stream:
            assert stream.status_code == 200
            assert server.terminate() == 0
        assert "graceful shutdown exceeded" not in server.log, "nothing had to be cut off"

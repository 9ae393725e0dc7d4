"""A worker is killed with SIGKILL, another one takes over: nothing is lost, nothing said twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from tests.channels.webhooks.chatwoot_peer import ChatwootPeer, PeerConversation, PeerMessage
from tests.channels.webhooks.support import Shop, stays, wait_for

ROOT = Path(__file__).parents[3]


class WorkerProcess:
    """`worker_process` as a child; its output line by line."""

    def __init__(self, database_url: str, peer: ChatwootPeer, answer_s: float) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.channels.webhooks.worker_process"),
                *(database_url, peer.url, str(answer_s)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(lambda: "ready" in self.lines, "the worker process", 60)

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(iter(lambda: self._line(), ""))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def worker_process(
    database_url: str, peer: ChatwootPeer, answer_s: float = 0.0
) -> Iterator[WorkerProcess]:
    process = WorkerProcess(database_url, peer, answer_s)
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def edge(engine: Engine, peer: ChatwootPeer) -> Iterator[Shop]:
    """The edge alone, in this process; it lives on when a worker dies."""
    with Shop(engine, peer, worker=False).running(peer) as shop:
        yield shop


def one_reply(peer: ChatwootPeer, shop: Shop) -> bool:
    """The question is answered, once, and nothing is left to do."""
    wait_for(lambda: peer.conversation().said_by_bot() != [], "the reply")
    wait_for(shop.settled, "both boxes to be empty")
    return stays(lambda: len(peer.conversation().said_by_bot()) == 1)


def test_killed_while_it_made_the_answer(
    engine: Engine, database_url: str, peer: ChatwootPeer
) -> None:
    with edge(engine, peer) as shop:
        with worker_process(database_url, peer, answer_s=60) as first:
            peer.customer_says("hello")
            wait_for(lambda: "answering hello" in first.lines)
        assert peer.conversation().said_by_bot() == []
        with worker_process(database_url, peer):
            assert one_reply(peer, shop)


def test_killed_before_the_reply_left(
    engine: Engine, database_url: str, peer: ChatwootPeer
) -> None:
    reached, release = threading.Event(), threading.Event()

    def hold(_conversation: PeerConversation) -> None:
        reached.set()
        release.wait(60)

    peer.before_show = hold
    with edge(engine, peer) as shop:
        with worker_process(database_url, peer):
            peer.customer_says("hello")
            assert reached.wait(60)
        release.set()
        with worker_process(database_url, peer):
            assert one_reply(peer, shop)


def test_killed_after_the_reply_arrived(
    engine: Engine, database_url: str, peer: ChatwootPeer
) -> None:
    """The worst instant: Chatwoot has the reply, we do not know; its echo is lost as well."""
    reached, release = threading.Event(), threading.Event()

    def hold(_message: PeerMessage) -> bool:
        reached.set()
        release.wait(60)
        return False

    peer.after_post = hold
    with edge(engine, peer) as shop:
        with worker_process(database_url, peer):
            peer.customer_says("hello")
            wait_for(lambda: shop.rows("inbox", "done") == 1)
            peer.webhook_url = ""
            assert reached.wait(60)
        release.set()
        assert shop.rows("outbox", "working") == 1
        with worker_process(database_url, peer):
            assert one_reply(peer, shop)
    assert shop.rows("outbox", "done") == 1


def test_killed_at_random_instants(engine: Engine, database_url: str, peer: ChatwootPeer) -> None:
    chance = random.Random(20261122)
    questions = {number: f"question {number}" for number in range(100, 112)}
    with edge(engine, peer) as shop:
        asked = iter(questions.items())
        for _ in range(4):
            with worker_process(database_url, peer, answer_s=0.02):
                for number, text in [next(asked) for _ in range(3)]:
                    peer.customer_says(text, number)
                time.sleep(chance.uniform(0.0, 0.6))
        with worker_process(database_url, peer):
            wait_for(
                lambda: all(peer.conversation(number).said_by_bot() for number in questions),
                "all replies",
                30,
            )
            wait_for(shop.settled)
    answers = {number: peer.conversation(number).said_by_bot() for number in questions}
    assert answers == {
        number: [f"re: {text}\n\nSource: Returns"] for number, text in questions.items()
    }
    assert shop.rows("outbox", "dead") == shop.rows("inbox", "dead") == 0

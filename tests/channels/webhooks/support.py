"""What the webhook tests share: turns, a scripted answerer, a server on loopback, waiting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, func, select

from bot.channels.webhooks.adapter import Adapter
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.pipeline import Pipeline
from bot.channels.webhooks.router import webhook_router
from bot.channels.worker import Worker, WorkerSettings
from bot.outgoing import OutgoingRules
from bot.store.lane import Backoff
from bot.store.queue import SqlQueue
from bot.store.tables import inbox, outbox
from bot.store.turns import SqlTurnStore
from bot.types import (
    Action,
    Citation,
    Decision,
    Hit,
    Message,
    Mood,
    Passage,
    Query,
    Reply,
    Retrieval,
    Turn,
)
from tests.channels.webhooks.chatwoot_peer import SECRET, TOKEN, ChatwootPeer

RETURNS = Passage("faq-returns", "faq", "en", "Returns", "You can return shoes within 30 days.")
QUICK = WorkerSettings(quiet_s=0.0, lease_s=2.0, idle_s=0.05, read_timeout_s=3.0)
LOOPBACK = OutgoingRules.of("127.0.0.0/8")
IMPATIENT = Backoff((0.05, 0.1, *(0.2,) * 27))


def a_turn(
    message: Message,
    reply: str = "You can return shoes within 30 days.",
    *,
    action: Action = Action.ANSWER,
    reason: str = "answerable",
    mood: Mood | None = None,
) -> Turn:
    """A complete turn on `message`."""
    cited = (
        Citation(1, RETURNS.passage_id, 1, RETURNS.title, RETURNS.text, "faq")
        if action is Action.ANSWER
        else None
    )
    return Turn(
        turn_id=message.message_id,
        conversation_id=message.conversation_id,
        message=message,
        query=Query(message.text, "en", message.text),
        retrieval=Retrieval((Hit(RETURNS, 0.9),), 0.9, "idx-1"),
        mood=mood or Mood("neutral", {}, 0.1),
        decision=Decision(action, reason, 0.9),
        draft=reply,
        verdicts=(),
        replies=(Reply(reply, "sentence", (cited,) if cited else ()),) if reply else (),
        timings_ms={"total": 1.0},
        versions={},
        created_at=datetime.now(UTC),
    )


class ScriptedAnswerer:
    """Answers as told and remembers what it was asked; safe to call from many threads."""

    def __init__(self, answer: Callable[[Message], Turn] | None = None) -> None:
        self.asked: list[Message] = []
        self.answer = answer or _repeat

    def __call__(self, message: Message) -> Turn:
        self.asked.append(message)
        return self.answer(message)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.asked]


def _repeat(message: Message) -> Turn:
    return a_turn(message, f"re: {message.text}", action=Action.SMALLTALK)


class Shop:
    """The bot's side, running: edge on loopback, worker, database."""

    def __init__(
        self,
        engine: Engine,
        peer: ChatwootPeer,
        answerer: ScriptedAnswerer | None = None,
        settings: WorkerSettings = QUICK,
        *,
        worker: bool = True,
    ) -> None:
        self.engine = engine
        self.queue = SqlQueue(engine, IMPATIENT)
        self.turns = SqlTurnStore(engine)
        self.answerer = answerer or ScriptedAnswerer()
        self.adapters: dict[str, Adapter] = {"chatwoot": Chatwoot(peer.url, TOKEN, SECRET)}
        self.worker = Worker(
            self.queue, self.answerer, self.adapters, self.turns.is_with_agent, settings, LOOPBACK
        )
        self.pipeline = Pipeline(
            self.adapters, self.queue, self.worker.wake, quiet_s=settings.quiet_s
        )
        self._with_worker = worker

    @contextmanager
    def running(self, peer: ChatwootPeer) -> Iterator[Shop]:
        with serving(self.pipeline) as url:
            peer.webhook_url = f"{url}/webhooks/chatwoot"
            if self._with_worker:
                self.worker.start()
            try:
                yield self
            finally:
                peer.webhook_url = ""
                self.worker.stop(5.0)

    def settled(self) -> bool:
        """Whether nothing is left to do in either box."""
        stats = self.queue.stats()
        open_rows = (
            stats.inbox.pending + stats.inbox.working + stats.outbox.pending + stats.outbox.working
        )
        return open_rows == 0

    def rows(self, box: str, status: str) -> int:
        table = inbox if box == "inbox" else outbox
        query = select(func.count()).select_from(table).where(table.c.status == status)
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())


@contextmanager
def running_shop(
    engine: Engine,
    peer: ChatwootPeer,
    answerer: ScriptedAnswerer | None = None,
    settings: WorkerSettings = QUICK,
) -> Iterator[Shop]:
    """A shop connected to `peer`."""
    with Shop(engine, peer, answerer, settings).running(peer) as shop:
        yield shop


@contextmanager
def serving(pipeline: Pipeline) -> Iterator[str]:
    """The edge on loopback; its URL."""
    app = FastAPI()
    app.include_router(webhook_router(pipeline))
    with served(app) as url:
        yield url


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    wait_for(lambda: server.started, "the server to start")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def wait_for(condition: Callable[[], bool], what: str = "", timeout_s: float = 60.0) -> None:
    """Poll until `condition` holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"timed out waiting for {what or 'the condition'}")
        time.sleep(0.01)


def stays(condition: Callable[[], bool], for_s: float = 0.4) -> bool:
    """Whether `condition` holds all the time."""
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        if not condition():
            return False
        time.sleep(0.02)
    return True

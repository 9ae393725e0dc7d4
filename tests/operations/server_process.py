"""The whole edge in a process of its own, to be ended by signals: pages, API, Chatwoot, worker.

Arguments: database URL, folder, Chatwoot peer's URL, seconds that an answer takes, port file.
Settings come from the environment as always. Only the answers are scripted; the first question
that says "crash" fails with the shop's secrets in its message.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry

from bot.channels.app import create_app
from bot.channels.metrics import Metrics
from bot.channels.parts import AppParts
from bot.channels.server import Server, orderly_end
from bot.channels.webhooks.assembly import build_webhooks
from bot.config import load_settings
from bot.logs import configure, log_crashes, secrets_in
from bot.readiness import database_checks
from bot.store.access import Access
from bot.store.engine import migrate, open_engine
from bot.store.gauges import read_gauges
from bot.store.knowledge import SqlKnowledgeStore
from bot.store.queries import ConsoleQueries
from bot.store.queue import SqlQueue
from bot.store.sql import SqlAgents, SqlConversations, SqlFeedback
from bot.store.turns import SqlTurnStore
from bot.types import Message, Reply, Turn
from tests.channels.webhooks.support import a_turn

log = structlog.get_logger(__name__)


def main(database_url: str, home: str, peer: str, answer_s: float, port_file: str) -> None:
    settings = load_settings(
        home=Path(home), database_url=database_url, chatwoot_url=peer, webhook_quiet_s=0.0
    )
    configure("DEBUG", json=True, secrets=(*settings.secrets, *secrets_in(os.environ)))
    log_crashes()
    with orderly_end(), socket.create_server(("127.0.0.1", 0)) as listener:
        engine = open_engine(settings.sqlalchemy_url)
        migrate(engine)
        turns = SqlTurnStore(engine)

        def answer_turn(message: Message) -> Turn:
            if "crash" in message.text:
                raise RuntimeError(" ".join(settings.secrets) + repr(dict(os.environ)))
            log.info("answering", asked=message.text)
            time.sleep(answer_s)
            return a_turn(message, f"re: {message.text}")

        def answer(message: Message) -> Iterator[Reply]:
            turn = answer_turn(message)
            yield from turn.replies
            turns.save(turn)

        queue = SqlQueue(engine)
        webhooks = build_webhooks(settings, queue, answer_turn, turns.is_with_agent)
        metrics = Metrics(CollectorRegistry(), lambda: read_gauges(engine))
        metrics.registry.register(webhooks.counts.registry)
        parts = AppParts(
            settings=settings,
            answer=answer,
            readiness=lambda: [*database_checks(engine), *webhooks.worker.readiness()],
            queries=ConsoleQueries(engine),
            feedback=SqlFeedback(engine),
            conversations=SqlConversations(engine),
            agents=SqlAgents(engine, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
            knowledge=SqlKnowledgeStore(engine),
            access=Access.of(engine),
            session_secret="a secret for tests, 32 characters long",
        )
        with webhooks.worker:
            app = create_app(parts, [webhooks.router], metrics)
            app.state.on_stop = [webhooks.worker.claim_no_more]
            Path(port_file).write_text(str(listener.getsockname()[1]), "ascii")
            Server(app).run(sockets=[listener])
        engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]), sys.argv[5])

"""`python -m bench.edge_server`: the shop's web edge as a process of its own, to be loaded and killed.

Three kinds: `edge` is the webhook routes and the worker, answers scripted; `whole` adds the pages,
the API and the console (it needs the encoder); `real` is `whole` with the shop's own generator. A scripted answer repeats what
the customer wrote, after `--answer-ms`, asleep or (`--busy`) with all cores at work as a generator
would have them. Everything else comes from SHOPKEEPER_… variables, as in production.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import numpy as np
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware

from bot.build import Shop
from bot.channels import problems
from bot.channels.edge import Edge
from bot.channels.server import take_short_turns
from bot.channels.webhooks.assembly import build_webhooks
from bot.channels.worker import WorkerSettings
from bot.config import Settings, load_settings
from bot.logs import configure
from bot.service import Service
from bot.store.sql import migrate, open_engine
from bot.types import Action, Decision, Message, Mood, Query, Reply, Retrieval, Turn


@dataclass(frozen=True)
class Scripted:
    """Answers with what was asked, so that the other side can tell what was answered."""

    answer_ms: float
    busy: bool
    on_turn: object = None
    """Who is told of turns in the whole application; scripted ones are nobody's concern."""

    def answer_turn(self, message: Message) -> Turn:
        """The turn, after the time that a generator would take."""
        self._take_time()
        return Turn(
            turn_id=message.message_id,
            conversation_id=message.conversation_id,
            message=message,
            query=Query(message.text, "en", message.text),
            retrieval=Retrieval((), 0.9, "bench"),
            mood=Mood(),
            decision=Decision(Action.ANSWER, "answerable", 0.9),
            draft="",
            verdicts=(),
            replies=(Reply(f"re: {message.text}", "notice"),),
            timings_ms={"total": self.answer_ms},
            versions={"generator": "scripted"},
            created_at=datetime.now(UTC),
        )

    def answer(self, message: Message) -> Iterator[Reply]:
        """The same for the chat page, not stored."""
        yield from self.answer_turn(message).replies

    def _take_time(self) -> None:
        until = time.perf_counter() + self.answer_ms / 1000
        matrix = np.ones((400, 400), np.float32)
        while (left := until - time.perf_counter()) > 0:
            if self.busy:
                # On all cores and without the interpreter's lock, like a model.
                matrix = np.tanh(matrix @ matrix)
            else:
                time.sleep(left)


@contextmanager
def edge_alone(settings: Settings, script: Scripted, lease_s: float) -> Iterator[FastAPI]:
    """Routes of connected systems and their worker, nothing else."""
    engine = open_engine(settings.sqlalchemy_url)
    migrate(engine)
    shop = Shop(settings, engine)
    use = WorkerSettings(
        answer_threads=settings.workers, quiet_s=settings.webhook_quiet_s, lease_s=lease_s
    )
    webhooks = build_webhooks(
        settings, shop.queue, script.answer_turn, shop.turns.is_with_agent, use=use
    )
    app = FastAPI(middleware=[Middleware(Edge, max_body_bytes=256 * 1024)])
    problems.install(app)
    app.include_router(webhooks.router)
    with webhooks.worker:
        yield app
    shop.close()


@contextmanager
def whole_app(settings: Settings, script: Scripted | None) -> Iterator[FastAPI]:
    """What `shopkeeper serve` serves; without a script with the shop's models."""
    from bot.build import open_shop
    from bot.channels.serving import assemble

    with open_shop(settings, generator=script is None) as shop:
        service = shop.service() if script is None else cast(Service, script)
        with assemble(shop, service) as app:
            yield app


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["edge", "whole", "real"], default="edge")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer-ms", type=float, default=0.0)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--lease-s", type=float, default=WorkerSettings().lease_s)
    arguments = parser.parse_args()
    settings = load_settings()
    configure(settings.log_level)
    take_short_turns()
    script = Scripted(arguments.answer_ms, arguments.busy)
    if arguments.kind == "edge":
        opened = edge_alone(settings, script, arguments.lease_s)
    else:
        opened = whole_app(settings, script if arguments.kind == "whole" else None)
    with opened as app:
        uvicorn.run(
            app, host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False
        )


if __name__ == "__main__":
    main()

"""A worker in a process of its own, to be killed. Arguments: database URL, peer URL, seconds that
an answer takes. Prints `ready`, then `answering TEXT` for every message it is asked."""

from __future__ import annotations

import logging
import sys
import time

import structlog

from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.worker import Worker, WorkerSettings
from bot.store.engine import open_engine
from bot.store.queue import SqlQueue
from bot.store.turns import SqlTurnStore
from bot.types import Message, Turn
from tests.channels.webhooks.chatwoot_peer import SECRET, TOKEN
from tests.channels.webhooks.support import IMPATIENT, LOOPBACK, a_turn


def main(database_url: str, peer_url: str, answer_s: float) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    engine = open_engine(database_url)

    def answer(message: Message) -> Turn:
        print("answering", message.text, flush=True)
        time.sleep(answer_s)
        return a_turn(message, f"re: {message.text}")

    worker = Worker(
        SqlQueue(engine, IMPATIENT),
        answer,
        {"chatwoot": Chatwoot(peer_url, TOKEN, SECRET)},
        SqlTurnStore(engine).is_with_agent,
        WorkerSettings(quiet_s=0.0, lease_s=0.6, idle_s=0.03),
        LOOPBACK,
    )
    worker.start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))

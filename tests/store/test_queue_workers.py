"""Many workers on one queue: threads, processes, and some that are killed half way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine

from bot.store.queue import SqlQueue
from bot.store.sql import SqlConversations, SqlTurnStore
from tests.store.samples import a_turn, event, reply


def _work(queue: SqlQueue, worker: str, barrier: Barrier) -> list[tuple[str, str]]:
    barrier.wait()
    done, idle = [], 0
    while idle < 20:
        items = queue.claim_inbox(worker, limit=3)
        idle = 0 if items else idle + 1
        for item in items:
            conversation, key = item.event.conversation_key, item.event.dedupe_key
            queue.complete(
                item, turn=a_turn(conversation, key, turn_id=key), out=[reply(key, conversation)]
            )
            done.append((conversation, key))
    return done


def test_workers_at_once_never_get_the_same_event_and_keep_each_conversation_in_order(
    engine: Engine,
) -> None:
    queue = SqlQueue(engine)
    for number in range(60):
        queue.receive(event(f"{number:03}", f"c{number % 5}"))
    barrier = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(_work, queue, f"w{n}", barrier) for n in range(4)]
    done = Counter(key for worked in waiting for _, key in worked.result())
    assert done == Counter(f"{number:03}" for number in range(60))
    for number in range(5):
        said = SqlTurnStore(engine).history(f"c{number}", limit=100)
        questions = [entry.text for entry in said if entry.speaker == "customer"]
        assert questions == sorted(questions)
        assert len(questions) == 12
    assert queue.stats().outbox.pending == 60


WORKER = """
import os, sys
from sqlalchemy import event
from bot.store.queue import SqlQueue
from bot.store.queue_records import Outgoing
from bot.store.sql import open_engine
from tests.store.samples import a_turn
engine = open_engine(sys.argv[1])
queue = SqlQueue(engine)
(item,) = queue.claim_inbox("victim", lease_s=0.01)
def die(connection, cursor, statement, *rest):
    if statement.startswith(sys.argv[2]): os._exit(9)
event.listen(engine, "after_cursor_execute", die)
queue.complete(item, turn=a_turn("c", turn_id="t"), out=[Outgoing("r", "x", "c", "reply", "text")])
"""


@pytest.mark.parametrize("moment", ["UPDATE inbox", "INSERT INTO turns", "INSERT INTO outbox"])
def test_a_worker_killed_at_any_moment_loses_nothing_and_answers_nothing_twice(
    database_url: str, engine: Engine, moment: str
) -> None:
    queue = SqlQueue(engine)
    queue.receive(event("k"))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", WORKER, database_url, moment]
    assert subprocess.run(command, env=environment, check=False).returncode == 9
    assert SqlTurnStore(engine).history("c") == ()
    assert queue.stats().outbox.pending == 0
    (item,) = queue.claim_inbox("heir")
    assert queue.complete(item, turn=a_turn("c", turn_id="t"), out=[reply("r")]) is True
    assert len(SqlTurnStore(engine).history("c")) == 2
    assert queue.stats().outbox.pending == 1


def test_two_processes_share_the_work(database_url: str, engine: Engine) -> None:
    queue = SqlQueue(engine)
    for number in range(30):
        queue.receive(event(f"{number:02}", f"c{number % 10}"))
    script = (
        "import sys\n"
        "from bot.store.queue import SqlQueue\n"
        "from bot.store.sql import open_engine\n"
        "engine = open_engine(sys.argv[1])\n"
        "queue, idle = SqlQueue(engine), 0\n"
        "while idle < 20:\n"
        "    items = queue.claim_inbox(sys.argv[2], limit=2)\n"
        "    idle = 0 if items else idle + 1\n"
        "    for item in items:\n"
        "        queue.complete(item)\n"
        "        print(item.event.dedupe_key)\n"
        "engine.dispose()\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", script, database_url, name], stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    done = [key for worker in workers for key in worker.communicate(timeout=60)[0].split()]
    assert sorted(done) == [f"{number:02}" for number in range(30)]


def test_agents_replies_line_up_behind_the_bots(engine: Engine) -> None:
    queue = SqlQueue(engine)
    SqlTurnStore(engine).save(a_turn("c", channel="chatwoot"))
    queue.enqueue([reply("bot's")])
    agents = SqlConversations(engine, push_channels=["chatwoot"])
    agents.take_over("c", "anna")
    agents.reply_as_agent("c", "anna", "I am here.")
    sent = []
    while items := queue.claim_outbox("w", limit=9):
        (item,) = items
        sent.append((item.outgoing.kind, item.outgoing.text))
        queue.delivered(item)
    assert sent == [("reply", "text bot's"), ("event", "taken_over"), ("reply", "I am here.")]

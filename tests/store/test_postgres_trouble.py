"""PostgreSQL when it misbehaves: connections cut in mid-turn, none left, the server restarted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, Engine, event

from bot.errors import StoreError
from bot.store.engine import migrate, open_engine
from bot.store.queue import SqlQueue
from bot.store.sql import SqlTurnStore
from tests.postgres import PostgresServer, running_postgres
from tests.store.samples import a_turn, reply
from tests.store.samples import event as an_event

pytestmark = pytest.mark.postgres

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shopkeeper'"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    opened = open_engine(postgres_url)
    yield opened
    opened.dispose()


@pytest.mark.parametrize("moment", ["UPDATE inbox", "INSERT INTO turns", "INSERT INTO outbox"])
def test_a_connection_cut_in_mid_turn_leaves_nothing_half_done(
    engine: Engine, postgres: PostgresServer, moment: str
) -> None:
    queue = SqlQueue(engine)
    queue.receive(an_event("k"))
    (item,) = queue.claim_inbox("w")
    cut = threading.Event()

    @event.listens_for(engine, "after_cursor_execute")
    def _cut(_c: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(moment) and not cut.is_set():
            cut.set()
            postgres.execute(CUT)

    with pytest.raises(StoreError, match="cannot be reached"):
        queue.complete(item, turn=a_turn("c", turn_id="t"), out=[reply("r")])
    assert SqlTurnStore(engine).history("c") == ()
    assert queue.stats().outbox.pending == 0
    # The same worker, on a new connection, with the same lease.
    assert queue.complete(item, turn=a_turn("c", turn_id="t"), out=[reply("r")]) is True
    assert len(SqlTurnStore(engine).history("c")) == 2
    assert queue.stats().outbox.pending == 1


def test_when_all_connections_are_busy_the_next_one_is_told_and_later_served(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.engine.POOL_WAIT_S", 0.2)
    engine = open_engine(postgres_url)
    queue = SqlQueue(engine)
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(engine.connect())
        with pytest.raises(StoreError, match=r"connections .* are busy[\s\S]*SHOPKEEPER_WORKERS"):
            queue.receive(an_event("k"))
    assert queue.receive(an_event("k")) is True
    engine.dispose()


def test_connections_from_before_a_restart_are_replaced_unnoticed() -> None:
    with running_postgres() as server:
        engine = open_engine(server.url(server.create()))
        migrate(engine)
        queue = SqlQueue(engine)
        assert queue.receive(an_event("before")) is True
        server.stop()
        with pytest.raises(StoreError, match="cannot be reached"):
            queue.receive(an_event("meanwhile"))
        server.start()
        assert queue.receive(an_event("after")) is True
        assert queue.receive(an_event("before")) is False
        engine.dispose()

"""A shop with data in it is upgraded from every version there was, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text

from bot.errors import StoreError
from bot.store.engine import alembic_config, known_revisions, migrate, open_engine
from bot.store.queries import ConsoleQueries, ConversationFilter
from bot.store.queue import SqlQueue
from bot.store.revision_check import refuse_other_tables
from bot.store.sql import SqlSubscribers, SqlTurnStore
from bot.store.transactions import writing
from tests.postgres import PostgresServer
from tests.store.samples import a_turn, event

NOW = "2026-03-01 12:00:00"
FIRST_ROWS = (
    "INSERT INTO conversations (id, channel, customer_id, created_at, last_at, last_text, status)"
    " VALUES (:c, 'chatwoot', 'li', :now, :now, '怎么退货', 'waiting')",
    "INSERT INTO messages (conversation_id, speaker, text, search_text, created_at)"
    " VALUES (:c, 'customer', '怎么退货', '怎么退货', :now)",
    "INSERT INTO inbox (source, dedupe_key, conversation_key, payload, headers, received_at,"
    " next_attempt_at) VALUES ('chatwoot', :c, :c, '{}', '{}', :now, :now)",
    "INSERT INTO outbox (idempotency_key, channel, conversation_key, kind, text, created_at,"
    " next_attempt_at) VALUES (:c, 'chatwoot', :c, 'reply', 'ok', :now, :now)",
    "INSERT INTO agents (name, password_hash, role, created_at) VALUES (:c, 'x', 'agent', :now)",
)
"""What the first version could hold; later ones only add columns that have a default."""


def _to(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    server: PostgresServer = request.getfixturevalue("postgres")
    return open_engine(server.url(server.create()))


def test_rows_written_under_every_version_survive_all_upgrades(empty: Engine) -> None:
    oldest_first = known_revisions()[::-1]
    for revision in oldest_first:
        with writing(empty) as connection:
            _to(connection, revision)
            for statement in FIRST_ROWS:
                values = {"c": f"from-{revision}", "now": NOW}
                connection.execute(text(statement), values)
    migrate(empty)
    lines = ConsoleQueries(empty).conversations(ConversationFilter(search="退货"), 100).items
    assert {line.conversation_id for line in lines} == {f"from-{r}" for r in oldest_first}
    queue = SqlQueue(empty)
    assert queue.stats().inbox.pending == queue.stats().outbox.pending == len(oldest_first)
    assert len(queue.claim_outbox("w", limit=100)) == len(oldest_first)
    # And the shop goes on.
    SqlTurnStore(empty).save(a_turn("from-0001", "在吗", turn_id="new", channel="chatwoot"))
    assert queue.receive(event("k")) is True
    empty.dispose()


def test_tables_of_another_version_are_told_with_both_revisions_and_the_fix(empty: Engine) -> None:
    """`shopkeeper doctor` once said "no such column", which helps nobody."""
    newest, first = known_revisions()[0], known_revisions()[-1]
    with pytest.raises(StoreError, match=rf"not there yet.*needs revision {newest}") as caught:
        refuse_other_tables(empty)
    assert caught.value.fix == "shopkeeper db upgrade"
    with writing(empty) as connection:
        _to(connection, first)
    with pytest.raises(StoreError, match=rf"at revision {first},.*needs revision {newest}"):
        refuse_other_tables(empty)
    with pytest.raises(StoreError, match="tables of the database") as caught:
        SqlSubscribers(empty).list()
    assert "shopkeeper db upgrade" in caught.value.fix
    migrate(empty)
    refuse_other_tables(empty)
    with writing(empty) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer shopkeeper.*9999") as caught:
        refuse_other_tables(empty)
    assert "upgrade shopkeeper" in caught.value.fix
    empty.dispose()

"""Opening and upgrading: what works, and what each kind of trouble says."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from bot.errors import StoreError
from bot.store.engine import check, migrate, open_engine
from bot.store.shop_settings import SqlSettings
from bot.store.tables import metadata
from bot.store.transactions import reading, writing
from tests.postgres import PostgresServer

POSTGRES_ONLY = {
    "ix_messages_grams",
    "ix_conversations_grams",
    "ix_conversations_unhappy",
    "ix_conversations_unanswered",
    "ix_conversations_handed_over",
}
"""Indexes that only PostgreSQL has; `bot.store.tables` does not spell them out."""


def test_migrations_lead_to_the_tables_the_program_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        options = {"include_name": lambda name, _kind, _parents: name not in POSTGRES_ONLY}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_migrations_also_make_the_same_defaults_and_checks(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    fresh = open_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    with writing(fresh) as connection:
        metadata.create_all(connection)
    assert _statements(sqlite_engine) == _statements(fresh)
    fresh.dispose()


def _statements(engine: Engine) -> dict[str, list[str]]:
    # Alembic puts the constraints in another order, so the words are compared sorted.
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE sql <> ''"))
        return {
            row.name: sorted(row.sql.replace(",", " ").split())
            for row in rows
            if row.name != "alembic_version"
        }


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    SqlSettings(engine).set("greeting", "你好")
    migrate(engine)
    assert SqlSettings(engine).get("greeting") == "你好"


def test_a_database_of_a_newer_program_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer shopkeeper.*'9999'.*'\d{4}'[\s\S]*upgrade"):
        migrate(engine)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_processes_that_start_at_once_share_one_upgrade(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'new.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.create())
    script = (
        "from bot.store.engine import migrate, open_engine\n"
        f"engine = open_engine({url!r})\n"
        "migrate(engine)\n"
        "engine.dispose()\n"
    )
    processes = [subprocess.Popen([sys.executable, "-W", "error", "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0] * 3
    engine = open_engine(url)
    with engine.connect() as connection:
        assert len(inspect(connection).get_table_names()) == len(metadata.tables) + 1
    engine.dispose()


def test_opening_a_new_file_from_many_sides_at_once_works(tmp_path: Path) -> None:
    # SQLite answers "locked" at once, without waiting, when two sides turn WAL on together.
    for attempt in range(20):
        url = f"sqlite:///{tmp_path / f'{attempt}.db'}"
        barrier = Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(_open_together, url, barrier) for _ in range(8)]
        for opened in waiting:
            opened.result().dispose()


def _open_together(url: str, barrier: Barrier) -> Engine:
    barrier.wait()
    return open_engine(url)


def test_a_killed_upgrade_leaves_nothing_half_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    script = (
        "import os, bot.store.engine as e\n"
        f"engine = e.open_engine({url!r})\n"
        "from sqlalchemy import event\n"
        "def die(conn, cursor, statement, *rest):\n"
        "    if 'CREATE TABLE outbox' in statement: os._exit(9)\n"
        "event.listen(engine, 'before_cursor_execute', die)\n"
        "e.migrate(engine)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=Path.cwd()).returncode == 9
    engine = open_engine(url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    migrate(engine)
    engine.dispose()


def test_sqlite_is_opened_so_that_nothing_confirmed_is_lost(sqlite_engine: Engine) -> None:
    with sqlite_engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000,
    }  # fmt: skip


def test_postgres_urls_of_every_spelling_use_psycopg(postgres_url: str) -> None:
    for prefix in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        engine = open_engine(prefix + postgres_url.split("://", 1)[1])
        assert engine.dialect.driver == "psycopg"
        engine.dispose()


def test_a_postgres_database_that_cannot_hold_chinese_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    with pytest.raises(StoreError, match=r"encoded as LATIN1[\s\S]*-E UTF8"):
        open_engine(postgres.url("latin"))


def test_a_missing_postgres_database_says_how_to_make_it(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match=r"does not exist|cannot be reached"):
        open_engine(postgres.url("nowhere"))


def test_a_server_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_engine("postgresql://shop:hunter2@127.0.0.1:1/shop")
    assert "127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_is_no_use_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StoreError, match=r"fix: .*(sqlite:///|postgresql://)"):
        open_engine(url)


def test_a_missing_folder_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent does not exist[\s\S]*mkdir -p .*absent"):
        open_engine(f"sqlite:///{tmp_path / 'absent' / 'shop.db'}")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    script = (
        "import os\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "from bot.errors import StoreError\n"
        "from bot.store.engine import open_engine\n"
        f"try: open_engine('sqlite:///{file}')\n"
        "except StoreError as error: print(error)\n"
    )
    # Imported before the privilege is dropped: the other user may not read this checkout.
    script = "import bot.store.engine\n" + script
    open_engine(f"sqlite:///{file}").dispose()
    file.chmod(0o444)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and str(parent).startswith("/tmp/"):
            parent.chmod(0o555 if parent == tmp_path else 0o755)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=Path.cwd(), capture_output=True, text=True
        )
    finally:
        tmp_path.chmod(0o755)
    assert "cannot be written" in done.stdout, done.stderr


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    file.write_bytes(b"These are not the rows you are looking for. " * 200)
    with pytest.raises(StoreError, match=r"not a SQLite database[\s\S]*backup"):
        open_engine(f"sqlite:///{file}")


def test_a_damaged_database_is_reported_not_crashed_on(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    engine = open_engine(sqlite_url)
    for number in range(50):
        SqlSettings(engine).set(f"key {number}", "x" * 4000)
    engine.dispose()
    content = bytearray(file.read_bytes())
    content[-40 * 4096 :] = b"\x5a" * (40 * 4096)
    file.write_bytes(content)
    engine = open_engine(sqlite_url)
    with pytest.raises(StoreError, match=r"damaged[\s\S]*backup"):
        check(engine)
    with pytest.raises(StoreError, match="damaged"):
        [SqlSettings(engine).get(f"key {number}") for number in range(50)]
    engine.dispose()


def test_a_sound_database_passes_the_check(engine: Engine) -> None:
    check(engine)


def test_a_full_disk_is_named_and_keeps_what_was_confirmed(sqlite_engine: Engine) -> None:
    settings = SqlSettings(sqlite_engine)
    settings.set("kept", "yes")
    with sqlite_engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match=r"disk .* is full[\s\S]*free some space"):
        settings.set("big", "x" * 10_000_000)
    assert settings.get("kept") == "yes"
    assert settings.get("big", "nothing") == "nothing"


def test_a_database_locked_by_another_program_is_named(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.engine.SQLITE_WAIT_S", 0.1)
    file = sqlite_url.removeprefix("sqlite:///")
    engine = open_engine(sqlite_url)
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked by another process[\s\S]*PostgreSQL"):
        SqlSettings(engine).set("a", "b")
    assert SqlSettings(engine).get("a", "readers go on") == "readers go on"
    other.rollback()
    other.close()
    SqlSettings(engine).set("a", "b")
    engine.dispose()


def test_an_error_inside_a_transaction_undoes_it(engine: Engine) -> None:
    def half_way() -> None:
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO counters (name, value) VALUES ('x', 1)"))
            raise KeyError("something else failed")

    with pytest.raises(KeyError):
        half_way()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM counters")).scalar_one() == 0

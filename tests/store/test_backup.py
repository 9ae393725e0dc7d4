"""Backups: everything comes back, what was there is safe until the very end, and from nothing else."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.errors import StoreError
from bot.store.backup import back_up, restore
from bot.store.engine import check, migrate, open_engine
from bot.store.queue import SqlQueue
from bot.store.sql import SqlTurnStore
from tests.postgres import PostgresServer
from tests.store.samples import a_turn, event


@pytest.fixture
def empty(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Another database of the same kind, without tables."""
    if engine.dialect.name == "sqlite":
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.create())
    opened = open_engine(url)
    yield opened
    opened.dispose()


def _talk(engine: Engine, said: str, turn_id: str) -> None:
    SqlTurnStore(engine).save(a_turn("c", said, turn_id=turn_id))


def test_a_backup_holds_everything_and_can_be_put_back(
    engine: Engine, empty: Engine, tmp_path: Path
) -> None:
    _talk(engine, "这双鞋能退吗？ \U0001f45f", "t1")
    SqlQueue(engine).receive(event("k", "c"))
    file = tmp_path / "shop.backup"
    assert back_up(engine, file) == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0
    restore(empty, file)
    migrate(empty)
    check(empty)
    assert SqlTurnStore(empty).history("c") == SqlTurnStore(engine).history("c") != ()
    assert SqlQueue(empty).stats().inbox.pending == 1
    assert SqlQueue(empty).receive(event("k", "c")) is False
    _talk(empty, "still counting", "t2")


def test_a_backup_while_the_shop_writes_is_one_moment_of_it(
    engine: Engine, empty: Engine, tmp_path: Path
) -> None:
    stop = threading.Event()

    def chatter() -> None:
        number = 0
        while not stop.is_set():
            _talk(engine, f"question {number}", f"t{number}")
            number += 1

    writer = threading.Thread(target=chatter)
    writer.start()
    try:
        back_up(engine, tmp_path / "busy")
    finally:
        stop.set()
        writer.join()
    restore(empty, tmp_path / "busy")
    migrate(empty)
    check(empty)
    said = SqlTurnStore(empty).history("c", limit=100_000)
    whole = SqlTurnStore(engine).history("c", limit=100_000)
    assert said == whole[: len(said)]
    assert len(said) % 2 == 0


def test_a_database_in_use_is_not_replaced_unasked(engine: Engine, tmp_path: Path) -> None:
    _talk(engine, "yesterday", "t1")
    back_up(engine, tmp_path / "b")
    _talk(engine, "today", "t2")
    with pytest.raises(StoreError, match=r"not empty[\s\S]*--replace"):
        restore(engine, tmp_path / "b")
    assert len(SqlTurnStore(engine).history("c")) == 4
    restore(engine, tmp_path / "b", replace=True)
    first, _ = SqlTurnStore(engine).history("c")
    assert first.text == "yesterday"


@pytest.mark.parametrize("damage", ["cut", "garbled", "other", "missing"])
def test_a_file_that_is_no_backup_changes_nothing(
    engine: Engine, tmp_path: Path, damage: str
) -> None:
    for number in range(40):
        _talk(engine, "x" * 3000, f"t{number}")
    before = SqlTurnStore(engine).history("c", limit=1000)
    file = tmp_path / "b"
    back_up(engine, file)
    content = bytearray(file.read_bytes())
    half = len(content) // 2
    if damage == "cut":
        file.write_bytes(content[:half])
    elif damage == "garbled":
        content[half : half + 9000] = b"\x5a" * 9000
        file.write_bytes(content)
    elif damage == "other":
        file.write_text("Dear diary")
    else:
        file.unlink()
    with pytest.raises(StoreError):
        restore(engine, file, replace=True)
    assert SqlTurnStore(engine).history("c", limit=1000) == before


def test_the_other_kind_of_database_is_named(
    sqlite_engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    back_up(sqlite_engine, tmp_path / "b")
    server = open_engine(postgres_url)
    with pytest.raises(StoreError, match="a backup of sqlite; the settings name a postgresql"):
        restore(server, tmp_path / "b")
    server.dispose()


def test_a_backup_does_not_overwrite_another(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    file.write_text("precious")
    with pytest.raises(StoreError, match="there already"):
        back_up(engine, file)
    assert file.read_text() == "precious"
    with pytest.raises(StoreError, match="does not exist"):
        back_up(engine, tmp_path / "no" / "b")


def test_a_missing_program_is_named_with_its_package(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    server = open_engine(postgres_url)
    with pytest.raises(StoreError, match=r"pg_dump is not installed[\s\S]*postgresql-client"):
        back_up(server, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    server.dispose()

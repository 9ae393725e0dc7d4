"""Writes committed together: each is told its own result, and nobody suffers from another's error."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import Connection, Engine, event, select

from bot.errors import StoreError
from bot.store.rows import insert_unless_there
from bot.store.tables import counters
from bot.store.together import Together
from bot.store.transactions import reading, writing


class _Line(deque):
    """Tells when thirty have joined."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = threading.Semaphore(0)
        self._count = count(1)

    def append(self, item: object) -> None:
        super().append(item)
        if next(self._count) == 30:
            self.joined.release()


def _write(connection: Connection, name: str) -> bool:
    if name == "broken":
        raise ValueError(name)
    return insert_unless_there(connection, counters, {"name": name, "value": 1})


def _names(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(counters.c.name)).scalars())


def _all_at_once(engine: Engine, names: list[str]) -> list[bool | str]:
    """Write all of them while somebody else holds the database, so that they must wait."""
    together = Together(engine, _write)

    def one(name: str) -> bool | str:
        try:
            return together.do(name)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(names)) as pool:
        with writing(engine) as connection:
            _write(connection, "first")
            waiting = [pool.submit(one, name) for name in names]
        return [future.result(30) for future in waiting]


def test_each_hears_its_own_result(engine: Engine) -> None:
    names = [f"n{number % 20}" for number in range(40)]
    told = _all_at_once(engine, names)
    assert told.count(True) == 20
    assert told.count(False) == 20
    assert _names(engine) == {"first", *names}


def test_one_that_fails_fails_alone(engine: Engine) -> None:
    names = ["a", "broken", "b", "first", "broken", "c"]
    assert _all_at_once(engine, names) == [True, "broken", True, False, "broken", True]
    assert _names(engine) == {"first", "a", "b", "c"}


def test_writers_in_line_share_a_commit(sqlite_engine: Engine) -> None:
    commits = 0

    @event.listens_for(sqlite_engine, "commit")
    def _count(_connection: Connection) -> None:
        nonlocal commits
        commits += 1

    together = Together(sqlite_engine, _write)
    together._waiting = line = _Line()
    with ThreadPoolExecutor(30) as pool:
        with writing(sqlite_engine):
            waiting = [pool.submit(together.do, f"n{number}") for number in range(30)]
            assert line.joined.acquire(timeout=30)
        assert all(future.result(30) for future in waiting)
    assert commits < 10


def test_a_database_that_is_away_is_told_to_everybody(sqlite_engine: Engine) -> None:
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("DROP TABLE counters")
    together = Together(sqlite_engine, _write)
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(together.do, f"n{number}") for number in range(5)]
    for future in waiting:
        with pytest.raises(StoreError):
            future.result(30)


def test_a_commit_waits_for_the_disk_unless_told_not_to(sqlite_engine: Engine) -> None:
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with writing(sqlite_engine, durable=durable) as connection:
            found = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        assert found == level


@pytest.mark.postgres
def test_on_postgres_too(postgres_url: str) -> None:
    from bot.store.engine import open_engine

    engine = open_engine(postgres_url)
    for durable, level in ((True, "on"), (False, "off"), (True, "on")):
        with writing(engine, durable=durable) as connection:
            found = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        assert found == level
    engine.dispose()

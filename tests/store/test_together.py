"""Writes committed together: each is told its own result, and nobody suffers from another's error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event, select

from bot.errors import StoreError
from bot.store.rows import insert_unless_there
from bot.store.tables import counters
from bot.store.together import MOST, Together
from bot.store.transactions import reading, writing
from tests.channels.webhooks.support import wait_for


def _write(connection: Connection, names: Sequence[str]) -> list[bool]:
    if "broken" in names:
        raise ValueError("broken")
    return [insert_unless_there(connection, counters, {"name": name, "value": 1}) for name in names]


def _names(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(counters.c.name)).scalars())


@contextmanager
def _busy(engine: Engine) -> Iterator[None]:
    """Somebody else holds the table, so that those who want to write gather."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE counters IN EXCLUSIVE MODE")
        yield


def _all_at_once(together: Together[str, bool], engine: Engine, names: list[str]) -> list[object]:
    """What each is told: its result, or the text of its error."""
    with _busy(engine):
        waiting = [together.submit(name) for name in names]
    for future in waiting:
        future.exception(30)
    return [str(future.exception() or future.result()) for future in waiting]


def test_each_hears_its_own_result(engine: Engine) -> None:
    names = [f"n{number % 20}" for number in range(40)]
    told = _all_at_once(Together(engine, _write), engine, names)
    assert told == ["True"] * 20 + ["False"] * 20
    assert _names(engine) == set(names)


def test_one_that_fails_fails_alone(engine: Engine) -> None:
    names = ["a", "broken", "b", "a", "broken", "broken", "broken", "c"]
    told = _all_at_once(Together(engine, _write), engine, names)
    assert told == ["True", "broken", "True", "False", "broken", "broken", "broken", "True"]
    assert _names(engine) == {"a", "b", "c"}


def test_those_who_gathered_share_a_commit(engine: Engine) -> None:
    commits: list[int] = []
    event.listen(engine, "commit", lambda _connection: commits.append(1))
    together = Together(engine, _write)
    assert together.submit("alone").result(30)
    assert len(commits) == 1
    _all_at_once(together, engine, [f"n{number}" for number in range(MOST + 30)])
    # One of the holder, one for the first that came, two for the rest.
    assert len(commits) <= 5


def test_who_gives_up_in_time_is_not_written(engine: Engine) -> None:
    together = Together(engine, _write)
    with _busy(engine):
        first = together.submit("first")
        wait_for(first.running, "the first to be taken up")
        given_up, last = together.submit("given up"), together.submit("last")
        assert given_up.cancel()
    assert first.result(30)
    assert last.result(30)
    assert _names(engine) == {"first", "last"}


def test_a_database_that_is_away_is_told_to_everybody_soon(sqlite_engine: Engine) -> None:
    """Each of many in line once waited for its own timeout."""
    tries: list[int] = []

    def away(_connection: Connection, names: Sequence[str]) -> list[bool]:
        tries.append(len(names))
        raise StoreError("the server is away")

    told = _all_at_once(Together(sqlite_engine, away), sqlite_engine, [f"n{n}" for n in range(40)])
    assert set(told) == {"the server is away"}
    assert len(tries) < 10


def test_a_loop_waits_without_a_thread_and_may_give_up(engine: Engine) -> None:
    together = Together(engine, _write)

    async def ask(names: list[str]) -> list[object]:
        asked = [together.awaitable(name) for name in names]
        with _busy(engine):
            given_up = together.awaitable("given up")
            given_up.cancel()
            async with asyncio.timeout(1):
                await asyncio.sleep(0.05)  # the loop goes on meanwhile
        return list(await asyncio.gather(*asked, return_exceptions=True))

    # A thread of its own: the browser of other tests keeps a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(asyncio.run, ask(["a", "broken", "b", "a"])).result(30)
    assert [str(one) for one in told] == ["True", "broken", "True", "False"]
    assert _names(engine) == {"a", "b"}


def test_it_goes_on_after_a_failure(sqlite_engine: Engine) -> None:
    together = Together(sqlite_engine, _write)
    with pytest.raises(ValueError, match="broken"):
        together.submit("broken").result(30)
    assert together.submit("n").result(30)


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

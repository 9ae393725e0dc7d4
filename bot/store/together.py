"""Small writes of many threads, committed together: one wait for the disk instead of many.

Covered: SQLite, whose writers stand in line, each for the whole of the disk's pause. PostgreSQL
gathers commits by itself; there each write is a transaction of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, Engine

from bot.store.transactions import writing

A = TypeVar("A")
R = TypeVar("R")

MOST: Final = 64
"""Writes in one transaction: the first one must not wait for too many others."""


class Together(Generic[A, R]):
    """Does `write(connection, argument)` for many threads; each hears when its own is on the disk.

    Somebody waits for each of these writes: they go before others.

    Whoever finds nobody at work does the work of everybody who waits. A batch that fails is done
    again one by one, so that nobody suffers from another's error.

    Args:
        engine: the database.
        write: one write; it may be called again after a failure.
    """

    def __init__(self, engine: Engine, write: Callable[[Connection, A], R]) -> None:
        self._engine = engine
        self._write = write
        self._waiting: deque[tuple[A, Future[R]]] = deque()
        self._at_work = threading.Lock()
        self._alone = engine.dialect.name != "sqlite"

    def do(self, argument: A) -> R:
        """Write, durably. Blocks.

        Raises:
            StoreError: the database failed; nothing was written.
        """
        if self._alone:
            return self._one(argument)
        mine: Future[R] = Future()
        self._waiting.append((argument, mine))
        while not mine.done():
            # Whoever holds it may have taken ours along: then there is nothing left to do.
            with self._at_work:
                if not mine.done():
                    self._some()
        return mine.result()

    def _some(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        if len(batch) > 1:
            try:
                with writing(self._engine, urgent=True) as connection:
                    results = [self._write(connection, argument) for argument, _ in batch]
            except Exception:  # noqa: S110 (each is tried, and told, by itself below)
                pass
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    future.set_result(result)
                return
        for argument, future in batch:
            try:
                future.set_result(self._one(argument))
            except BaseException as error:
                future.set_exception(error)

    def _one(self, argument: A) -> R:
        with writing(self._engine, urgent=True) as connection:
            return self._write(connection, argument)

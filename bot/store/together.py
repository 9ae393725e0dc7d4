"""Small writes of many askers, committed together: one wait for the disk instead of many.

Covered: one thread that writes whatever has gathered while the last commit was under way; each asker
hears of its own write when that is on the disk, and nobody needs a thread in order to wait. Not
covered: what is written (`bot.store.arrivals`).

This is the group commit of databases (DeWitt et al., "Implementation techniques for main memory
database systems", 1984), done before the database: SQLite has one writer at a time, each for the
whole of the disk's pause, and PostgreSQL would be asked five times per write over many connections.
Whoever comes first waits a moment for company; later ones gather while the disk is busy.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from bot.errors import StoreError
from bot.store.transactions import writing

A = TypeVar("A")
R = TypeVar("R")
Asked: TypeAlias = Future[R] | asyncio.Future[R]

GATHER_S: Final = 0.002
"""A commit takes several times as long; one that leaves before the others of a burst delays them."""

MOST: Final = 64
"""Writes in one transaction: the first one must not wait for too many others."""


class Together(Generic[A, R]):
    """Does `write(connection, arguments)` for many askers. Safe to use from any thread.

    Somebody waits for each of these writes: they go before others. A batch that fails is done again
    one by one, so that nobody suffers from another's error.

    Args:
        engine: the database.
        write: one result for each argument, in their order; it may be called again after a failure.
        durable: whether these must be on the disk before their askers hear of them.
    """

    def __init__(
        self,
        engine: Engine,
        write: Callable[[Connection, Sequence[A]], Sequence[R]],
        durable: Callable[[Sequence[A]], bool] = lambda _arguments: True,
    ) -> None:
        self._engine = engine
        self._write = write
        self._durable = durable
        self._waiting: deque[tuple[A, Asked[R]]] = deque()
        self._lock = threading.Lock()
        self._at_work = False
        # Its thread is made when there is something to do and ends with this object.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="together")

    def submit(self, argument: A) -> Future[R]:
        """Write soon. Does not block; a future that is cancelled in time is not written.

        The future raises `StoreError` when the database failed; nothing was written then.
        """
        future: Future[R] = Future()
        self._ask(argument, future)
        return future

    def awaitable(self, argument: A) -> asyncio.Future[R]:
        """The same for an event loop, called in it. Cancelled in time, it is not written."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._ask(argument, future)
        return future

    def _ask(self, argument: A, future: Asked[R]) -> None:
        with self._lock:
            if not self._at_work:
                self._thread.submit(self._work)
                self._at_work = True
            self._waiting.append((argument, future))

    def _work(self) -> None:
        time.sleep(GATHER_S)
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work = False
                    return
                many = min(MOST, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(many)]
            wanted = [(argument, future) for argument, future in batch if _is_wanted(future)]
            ends = self._some([argument for argument, _ in wanted])
            _hand_out([(future, end) for (_, future), end in zip(wanted, ends, strict=True)])

    def _some(self, arguments: list[A]) -> list[R | _Failed]:
        if len(arguments) > 1:
            try:
                return list(self._all(arguments))
            except Exception:  # noqa: S110 (each is tried, and told, by itself below)
                pass
        ends: list[R | _Failed] = []
        for argument in arguments:
            if len(ends) > 1 and all(map(_is_databases, ends[-2:])):
                # Two in a row: it is the database. The rest need not wait for that one by one.
                ends.append(ends[-1])
                continue
            try:
                ends += self._all([argument])
            except BaseException as error:
                ends.append(_Failed(error))
        return ends

    def _all(self, arguments: Sequence[A]) -> Sequence[R]:
        durable = self._durable(arguments)
        with writing(self._engine, durable=durable, urgent=True) as connection:
            return self._write(connection, arguments)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


def _is_databases(end: object) -> bool:
    return isinstance(end, _Failed) and isinstance(end.error, StoreError)


def _is_wanted(future: Asked[R]) -> bool:
    if isinstance(future, Future):
        return future.set_running_or_notify_cancel()
    return not future.cancelled()


def _hand_out(ends: Sequence[tuple[Asked[R], R | _Failed]]) -> None:
    """Wake each loop once: with one call for each result it would be woken, and take the
    interpreter away from this thread, as many times."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Asked[R], R | _Failed]]] = {}
    for future, end in ends:
        if isinstance(future, Future):
            _resolve([(future, end)])
        else:
            by_loop.setdefault(future.get_loop(), []).append((future, end))
    for loop, some in by_loop.items():
        # A loop that is gone waits for nothing.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, some)


def _resolve(ends: Sequence[tuple[Asked[R], R | _Failed]]) -> None:
    for future, end in ends:
        if future.done():
            continue
        if isinstance(end, _Failed):
            future.set_exception(end.error)
        else:
            future.set_result(end)

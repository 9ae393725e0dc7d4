"""One way to read and one way to write; database errors come out as `StoreError`.

Covered: `reading` (a consistent view) and `writing` (all or nothing), and what went wrong in words
an operator can act on. Not covered: opening the database (`bot.store.engine`).
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import StoreError

WRITES = "shopkeeper_writes"
"""Execution option of a connection that is going to write (SQLite then locks at once)."""

DURABLE = "shopkeeper_durable"
"""Execution option of a writer: whether its commit is on the disk before it returns."""

WRITER_WAIT_S = 10.0
PASSES = 4
"""How many urgent writers in a row may pass those who wait."""
_writers: WeakKeyDictionary[Engine, WriterLine] = WeakKeyDictionary()
_writers_lock = threading.Lock()

_SQLITE_ERRORS = {
    "SQLITE_FULL": (
        "the disk with the database {where} is full",
        "free some space; nothing that was confirmed is lost",
    ),
    "SQLITE_BUSY": (
        "the database {where} is locked by another process",
        "stop the other process, or use PostgreSQL (SHOPKEEPER_DATABASE_URL) to run several",
    ),
    "SQLITE_NOTADB": (
        "{where} is not a SQLite database, or it is damaged",
        "restore it from a backup, or set SHOPKEEPER_HOME to another folder to start afresh",
    ),
    "SQLITE_CORRUPT": (
        "the database {where} is damaged",
        "restore it from a backup, or save what is readable with `sqlite3 FILE .recover`",
    ),
    "SQLITE_READONLY": (
        "the database {where} cannot be written",
        "give the user who runs shopkeeper write access to the file and its folder",
    ),
    "SQLITE_CANTOPEN": (
        "the database {where} cannot be opened",
        "check that its folder exists and that shopkeeper may write there",
    ),
    "SQLITE_IOERR": (
        "the disk failed while the database {where} was used",
        "check the disk and its free space; nothing that was confirmed is lost",
    ),
}

_POSTGRES_ERRORS = {
    "53100": ("the disk of the database server {where} is full", "free some space on the server"),
    "55P03": (
        "the database {where} is locked by another process",
        "look for a long transaction in pg_stat_activity",
    ),
    "28P01": ("the database {where} refuses the password", "correct SHOPKEEPER_DATABASE_URL"),
    "28000": ("the database {where} refuses the user", "correct SHOPKEEPER_DATABASE_URL"),
    "3D000": ("the database {where} does not exist", "create it with `createdb -E UTF8 NAME`"),
    "42703": (
        "the tables of the database {where} lack a column that this program needs",
        "shopkeeper db upgrade; then restart what runs with another version",
    ),
    "42P01": (
        "the tables of the database {where} are not those of this program: one is missing",
        "shopkeeper db upgrade; then restart what runs with another version",
    ),
    "42501": (
        "the user of the database {where} lacks a permission",
        "make the user owner of the database, or grant it CREATE on the schema",
    ),
}

_OTHER_TABLES = re.compile(r"no such (?:table|column)\b|table \S+ has no column named")
"""SQLite has no code of its own for it; PostgreSQL has (42703, 42P01)."""


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database.

    Raises:
        StoreError: the database failed; the message says how and what to do.
    """
    with translated(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, *, durable: bool = True, urgent: bool = False) -> Iterator[Connection]:
    """A connection whose changes are committed together at the end, or not at all.

    Args:
        engine: the database.
        durable: wait until the commit has reached the disk. Without it a power cut (no crash of
            this program) may undo the last moments, in order: what a later durable commit found is
            never undone. For what can be done again, and for what such a commit follows anyway.
        urgent: somebody outside waits for it: on SQLite it goes before other threads' writes.

    Raises:
        StoreError: the database failed; nothing was changed.
    """
    options = {WRITES: True, DURABLE: durable}
    with (
        _one_writer(engine, urgent=urgent),
        translated(engine),
        engine.connect().execution_options(**options) as connection,
        connection.begin(),
    ):
        if not durable and connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
        yield connection


class WriterLine:
    """A lock for which the urgent need not queue; whoever holds it may take it again.

    An answer takes some 20 ms to store, and many threads store answers: a webhook that took its turn
    behind all of them would be acknowledged after a third of a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._depth = 0
        self._passed = 0
        self._urgent: deque[_Waiter] = deque()
        self._others: deque[_Waiter] = deque()

    @property
    def waiting(self) -> int:
        """How many threads are in line."""
        return len(self._urgent) + len(self._others)

    def acquire(self, timeout: float, *, urgent: bool = False) -> bool:
        """Whether it was had within so many seconds."""
        me = threading.get_ident()
        line = self._urgent if urgent else self._others
        with self._lock:
            if self._owner in (0, me):
                self._owner = me
                self._depth += 1
                return True
            waiter = _Waiter(me)
            line.append(waiter)
        if waiter.called.wait(timeout):
            return True
        with self._lock:
            if waiter.called.is_set():
                return True
            line.remove(waiter)
            return False

    def release(self) -> None:
        """Only by the thread that has it. It goes straight to the next one."""
        with self._lock:
            self._depth -= 1
            if self._depth:
                return
            self._owner = 0
            pass_by = self._urgent and (self._passed < PASSES or not self._others)
            line = self._urgent if pass_by else self._others
            self._passed = self._passed + 1 if pass_by and self._others else 0
            if line:
                waiter = line.popleft()
                self._owner, self._depth = waiter.thread, 1
                waiter.called.set()


@dataclass(eq=False, slots=True)
class _Waiter:
    thread: int
    called: threading.Event = field(default_factory=threading.Event)


@contextmanager
def _one_writer(engine: Engine, *, urgent: bool) -> Iterator[None]:
    """SQLite has one writer at a time; let the threads of this process queue up for it.

    Left to itself SQLite sleeps and tries again, up to 0.1 s at a time: a webhook that takes 5 ms
    to store would be acknowledged after half a second while others write.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with _writers_lock:
        line = _writers.setdefault(engine, WriterLine())
    held = line.acquire(WRITER_WAIT_S, urgent=urgent)
    try:
        # Not held: a writer hangs. SQLite is going to say so in its own words.
        yield
    finally:
        if held:
            line.release()


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn what a driver raises inside into a `StoreError`."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreError(
            f"all connections to the database {_where(engine)} are busy",
            fix="lower SHOPKEEPER_WORKERS, or look for requests that hang",
        ) from error
    except SQLAlchemyError as error:
        raise store_error(error, _where(engine)) from error


def store_error(error: SQLAlchemyError, where: str) -> StoreError:
    """What happened, in words; `where` names the database without its password."""
    original = error.orig if isinstance(error, DBAPIError) else None
    if _OTHER_TABLES.match(_first_line(original)):
        return StoreError(
            f"the tables of the database {where} are not those of this program:"
            f" {_first_line(original)}",
            fix="shopkeeper db upgrade; then restart what runs with another version",
        )
    name = str(getattr(original, "sqlite_errorname", "") or "")
    for code, (message, fix) in _SQLITE_ERRORS.items():
        if name == code or name.startswith(code + "_"):
            return StoreError(message.format(where=where), fix=fix)
    state = str(getattr(original, "sqlstate", "") or "")
    if state in _POSTGRES_ERRORS:
        message, fix = _POSTGRES_ERRORS[state]
        return StoreError(message.format(where=where), fix=fix)
    if isinstance(error, DBAPIError) and (error.connection_invalidated or _unreachable(error)):
        return StoreError(
            f"the database {where} cannot be reached: {_first_line(original)}",
            fix="check that the server runs and that SHOPKEEPER_DATABASE_URL names it",
        )
    return StoreError(f"the database {where} failed: {_first_line(original or error)}")


def _unreachable(error: DBAPIError) -> bool:
    # psycopg reports a failed connection attempt without an SQLSTATE.
    original = error.orig
    return type(original).__module__.startswith("psycopg") and not getattr(
        original, "sqlstate", None
    )


def _where(engine: Engine) -> str:
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

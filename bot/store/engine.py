"""Opening the database, bringing it up to date, and checking that it is sound.

Covered: SQLite in WAL mode (the default) and PostgreSQL through psycopg, by URL; migrations at
start, safe when two processes start at once. Not covered: other databases (refused by name), an
in-memory database (its content would differ from thread to thread).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError
from bot.store.seal_check import leave_witness, refuse_wrong_keys
from bot.store.sealing import Keyring, use_keyring
from bot.store.transactions import DURABLE, WRITES, reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

SQLITE_WAIT_S = 10.0
"""How long a writer waits for another process before it gives up."""

POSTGRES_WAIT_S = 10
IDLE_S = 30
"""PostgreSQL ends a transaction whose process says nothing for so long."""

POOL_WAIT_S = 10.0
"""How long to wait for one of the 40 connections of a process."""

_MIGRATION_LOCK = 0x73686F706B656570
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str, keys: Sequence[str] = ()) -> Engine:
    """Open the database that `url` names. The caller disposes of the engine.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.
        keys: `Settings.encryption_keys`, newest first; without one, texts are stored as they are.

    Raises:
        StoreError: the URL makes no sense, the folder is missing or not writable, the file is
            damaged, the server cannot be reached, or the database is encrypted with other keys.
        ConfigError: a key is not a key.
    """
    parsed = _parse(url)
    ring = Keyring(keys) if keys else None
    engine = _open_sqlite(parsed) if _is_sqlite(parsed) else _open_postgres(parsed)
    try:
        with reading(engine) as connection:
            _refuse_unfit(connection)
        use_keyring(engine, ring)
        refuse_wrong_keys(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables to this program's version; harmless when they are there already.

    Everything happens in one transaction behind a lock: a second process waits, then finds
    nothing to do, and a killed one leaves the old version whole.

    Raises:
        StoreError: the database belongs to a newer program, or it failed.
    """
    _to_newest(engine)
    leave_witness(engine)


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The tables' version in the database, and the one that this program knows. Quick.

    Raises:
        StoreError: the database failed.
    """
    return revision_of(engine), _newest()


@cache
def _newest() -> str | None:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def check(engine: Engine) -> None:
    """Read the whole database and verify its structure (SQLite only; may take a while).

    Raises:
        StoreError: it is damaged.
    """
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection:
        found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
    if found != "ok":
        raise StoreError(
            f"the database {engine.url.database} is damaged: {found.splitlines()[-1]}",
            fix="restore it from a backup, or save what is readable with `sqlite3 FILE .recover`",
        )


def known_revisions() -> tuple[str, ...]:
    """Versions of the tables that this program can read or upgrade, newest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config())
    return tuple(revision.revision for revision in script.walk_revisions())


def revision_of(engine: Engine) -> str | None:
    """The version of the tables; None when there are none yet.

    Raises:
        StoreError: the database failed.
    """
    from alembic.runtime.migration import MigrationContext

    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def alembic_config() -> Config:
    """Alembic's settings for the migrations inside this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _to_newest(engine: Engine) -> None:
    # Imported here: reading a few rows should not pay for a migration tool.
    from alembic.runtime.migration import MigrationContext

    known = known_revisions()
    head = known[0]
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": _MIGRATION_LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current == head:
            return
        if current is not None and current not in known:
            raise StoreError(
                f"the database was made by a newer shopkeeper (its tables are at {current!r},"
                f" this program knows up to {head!r})",
                fix="upgrade shopkeeper, or restore the backup from before the newer one ran",
            )
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _parse(url: str) -> URL:
    if url.startswith("postgres://"):  # the spelling of several hosting companies
        url = "postgresql" + url.removeprefix("postgres")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "the database URL cannot be read (it is not repeated here: it may hold a password)",
            fix="set SHOPKEEPER_DATABASE_URL to something like postgresql://user@host/name",
        ) from error
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if _is_sqlite(parsed):
        return parsed
    raise StoreError(
        f"databases of the kind {parsed.drivername!r} are not supported",
        fix="use sqlite:///FILE or postgresql://user@host/name",
    )


def _is_sqlite(url: URL) -> bool:
    return url.drivername in ("sqlite", "sqlite+pysqlite")


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.query.get("mode") == "memory":
        raise StoreError(
            "an in-memory database cannot be shared by threads",
            fix="name a file: sqlite:///var/shopkeeper.db",
        )
    _refuse_bad_place(Path(url.database))
    engine = create_engine(
        url,
        connect_args={"timeout": SQLITE_WAIT_S, "check_same_thread": False},
        pool_size=8,
        max_overflow=32,
        pool_timeout=POOL_WAIT_S,
    )

    @event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: Any, _: object) -> None:
        # The driver's own BEGIN comes too late for a consistent read; ours is below.
        dbapi_connection.isolation_level = None
        _use_wal(dbapi_connection)
        # FULL: a confirmed webhook survives a power cut too, for some milliseconds a commit.
        dbapi_connection.execute("PRAGMA synchronous=FULL").close()
        dbapi_connection.execute("PRAGMA foreign_keys=ON").close()
        # What is deleted is overwritten: an erased customer must not linger in free pages.
        dbapi_connection.execute("PRAGMA secure_delete=ON").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that starts as a reader would fail, not wait, when another one was faster.
        options = connection.get_execution_options()
        if options.get(WRITES):
            # Cannot be changed inside a transaction. NORMAL: safe, but not at once on the disk.
            level = "FULL" if options.get(DURABLE, True) else "NORMAL"
            connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")

    return engine


def _use_wal(dbapi_connection: sqlite3.Connection) -> None:
    # SQLite does not wait here by itself when another process makes the same change.
    give_up = time.monotonic() + SQLITE_WAIT_S
    while True:
        try:
            dbapi_connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


def _open_postgres(url: URL) -> Engine:
    return create_engine(
        url,
        connect_args={
            "connect_timeout": POSTGRES_WAIT_S,
            "application_name": "shopkeeper",
            # A process that hangs in a transaction must not keep its rows from all others.
            "options": f"-c lock_timeout={POSTGRES_WAIT_S}s -c timezone=UTC"
            f" -c idle_in_transaction_session_timeout={IDLE_S}s",
        },
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=32,
        pool_timeout=POOL_WAIT_S,
    )


def _refuse_bad_place(file: Path) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        raise StoreError(f"the folder {folder} does not exist", fix=f"mkdir -p {folder}")
    if file.is_dir():
        raise StoreError(f"{file} is a folder, not a database", fix="name a file inside it")
    if not os.access(folder, os.W_OK | os.X_OK) or (
        file.exists() and not os.access(file, os.R_OK | os.W_OK)
    ):
        raise StoreError(
            f"the database {file} cannot be written",
            fix="give the user who runs shopkeeper write access to the file and its folder",
        )


def _refuse_unfit(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("SELECT count(*) FROM sqlite_schema")).scalar_one()
        return
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database is encoded as {encoding}, which cannot hold every script",
            fix="create it with `createdb -E UTF8 -T template0 NAME`",
        )

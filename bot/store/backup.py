"""A copy of the whole database in one file, and back, while the shop is open.

Covered: SQLite through its online backup, PostgreSQL through `pg_dump` and `pg_restore`; a file is
complete or not there; a restore happens wholly or not at all. Not covered: what is not in the
database (docs/deployment.md says what else to keep), moving from one kind of database to the other.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, inspect, text

from bot.errors import StoreError
from bot.store.engine import known_revisions
from bot.store.transactions import reading

_MAGIC: Final = {"sqlite": b"SQLite format 3\x00", "postgresql": b"PGDMP"}
_PAGES: Final = 1000
"""SQLite pages copied at a time; writers get their turn in between."""


def back_up(engine: Engine, file: Path) -> int:
    """Write the database to `file`; its size in bytes. The shop may stay open.

    Raises:
        StoreError: the file is there already, cannot be written, or a program is missing.
    """
    if file.exists():
        raise StoreError(f"{file} is there already", fix="name a new file, or remove that one")
    if not file.absolute().parent.is_dir():
        raise StoreError(f"the folder {file.absolute().parent} does not exist", fix="make it")
    part = file.with_name(file.name + ".part")
    try:
        # Made by nobody else: it holds what customers wrote.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        if engine.dialect.name == "sqlite":
            _copy_sqlite(Path(str(engine.url.database)), part)
        else:
            _run("pg_dump", ["--format=custom", f"--file={part}"], engine.url)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(engine: Engine, file: Path, *, replace: bool = False) -> None:
    """Put the content of `file` in place of the database's. `migrate` it afterwards.

    Args:
        engine: the database to fill.
        file: written by `back_up`.
        replace: also when there is something in the database, which is lost then.

    Raises:
        StoreError: the file is no backup of this kind of database, is damaged or newer than this
            program; the database is not empty; or it failed. Nothing was changed.
    """
    kind = engine.dialect.name
    _refuse_other_files(file, kind)
    if not replace and not _is_empty(engine):
        raise StoreError(
            "the database is not empty; a restore would replace all of it",
            fix="back it up first, then repeat with --replace",
        )
    if kind == "sqlite":
        _refuse_unsound(file)
        engine.dispose()
        _copy_sqlite(file, Path(str(engine.url.database)))
        return
    options = ["--single-transaction", "--no-owner", "--clean", "--if-exists", "--exit-on-error"]
    name = f"--dbname={engine.url.database}"
    _run("pg_restore", [*options, name, str(file)], engine.url)
    engine.dispose()


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        with _sqlite(source) as one, _sqlite(target) as other:
            one.backup(other, pages=_PAGES, sleep=0.01)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} could not be copied to {target}: {error}",
            fix="check the free space; on 'locked', stop the shop first",
        ) from error


@contextmanager
def _sqlite(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=10.0)) as connection:
        yield connection


def _refuse_other_files(file: Path, kind: str) -> None:
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}", fix="name a backup") from error
    if head.startswith(_MAGIC[kind]):
        return
    other = next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "")
    what = f"a backup of {other}" if other else "no backup"
    raise StoreError(
        f"{file} is {what}; the settings name a {kind} database",
        fix="name another file, or correct SHOPKEEPER_DATABASE_URL",
    )


def _refuse_unsound(file: Path) -> None:
    try:
        with _sqlite(file) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{file} is damaged or no shop: {error}", fix="take another") from error
    if found != "ok":
        raise StoreError(f"{file} is damaged: {found}", fix="take another backup")
    if revision is None or revision[0] not in known_revisions():
        raise StoreError(
            f"{file} was made by a newer shopkeeper (tables at {revision and revision[0]!r})",
            fix="upgrade shopkeeper first",
        )


def _is_empty(engine: Engine) -> bool:
    with reading(engine) as connection:
        if not inspect(connection).has_table("conversations"):
            return True
        query = "SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM passages)"
        return not connection.execute(text(query)).scalar_one()


def _run(program: str, options: list[str], url: URL) -> None:
    found = shutil.which(program)
    if found is None:
        raise StoreError(
            f"{program} is not installed",
            fix="apt-get install postgresql-client (or your system's)",
        )
    done = subprocess.run(  # noqa: S603 (a program of PostgreSQL, the address in its environment)
        [found, *options], env=_environment(url), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        told = (lines or done.stderr.splitlines() or ["no reason given"])[0]
        raise StoreError(f"{program} failed: {told[:500]}")


def _environment(url: URL) -> dict[str, str]:
    """Where the database is, for libpq; the password must not show in the list of processes."""
    given = {
        "PGHOST": url.host or str(url.query.get("host", "")),
        "PGPORT": str(url.port or ""),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
        "PGSSLMODE": str(url.query.get("sslmode", "")),
        "PGSSLROOTCERT": str(url.query.get("sslrootcert", "")),
    }
    kept = {name: value for name, value in os.environ.items() if name not in given}
    return kept | {name: value for name, value in given.items() if value}

"""`shopkeeper db …`: back up, restore and upgrade the database that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.config import load_settings
from bot.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Engine

console = Console()


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="Back up, restore, upgrade the database.", no_args_is_help=True)
    for name, command in (
        ("backup", backup),
        ("restore", restore),
        ("upgrade", upgrade),
        ("check", check),
    ):
        group.command(name)(command)
    app.add_typer(group, name="db", rich_help_panel="Running it")


def backup(
    file: Annotated[Path | None, typer.Argument(help="A new file, or a folder.")] = None,
) -> None:
    """Write everything in the database to one file; the shop may stay open."""
    from bot.store.backup import back_up

    with _database() as engine:
        target = file or Path()
        if target.is_dir():
            ending = "db" if engine.dialect.name == "sqlite" else "pgdump"
            target /= f"shopkeeper-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{ending}"
        size = back_up(engine, target)
    console.print(f"{target}  {size / 1e6:.1f} MB", style="green", markup=False)


def restore(
    file: Annotated[Path, typer.Argument(help="Written by `shopkeeper db backup`.")],
    replace: Annotated[bool, typer.Option(help="Replace what is in the database now.")] = False,
) -> None:
    """Put a backup in place of the database's content, wholly or not at all. Stop the shop first."""
    from bot.store.backup import restore as put_back
    from bot.store.engine import migrate

    with _database() as engine:
        put_back(engine, file, replace=replace)
        migrate(engine)
    console.print("restored; the search index follows at the next start", style="green")


def upgrade() -> None:
    """Bring the tables to this program's version, as every start does; for updates by hand."""
    from bot.store.engine import migrate, revision_of

    with _database() as engine:
        before = revision_of(engine)
        migrate(engine)
        after = revision_of(engine)
    if before == after:
        console.print(f"tables are at {after} already")
    else:
        console.print(f"tables upgraded from {before or 'nothing'} to {after}", style="green")


def check() -> None:
    """Read the whole database and verify its structure (SQLite; PostgreSQL checks its own)."""
    from bot.store.engine import check as verify

    with _database() as engine:
        verify(engine)
    console.print("the database is sound", style="green")


@contextmanager
def _database() -> Iterator[Engine]:
    """The database as it is: not upgraded, not made."""
    from bot.store.engine import open_engine

    settings = load_settings()
    if not settings.database_url and not settings.home.is_dir():
        raise StoreError(
            f"the folder {settings.home} does not exist", fix=f"mkdir -p {settings.home}"
        )
    engine = open_engine(settings.sqlalchemy_url, settings.encryption_keys)
    try:
        yield engine
    finally:
        engine.dispose()

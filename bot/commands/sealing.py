"""`shopkeeper privacy key`, `encrypt`, `decrypt`: the shop's key and the texts that it seals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.config import load_settings

if TYPE_CHECKING:
    from bot.store.resealing import Resealed

console = Console(stderr=True)


def key() -> None:
    """Print a new key for SHOPKEEPER_ENCRYPTION_KEY. Keep it: without it nobody reads the texts."""
    from bot.store.sealing import Keyring

    print(Keyring.new_key())


def encrypt() -> None:
    """Encrypt what is stored plain or under an earlier key; safe beside a running server."""
    from bot.build import open_shop
    from bot.commands.models import progress_bars
    from bot.store.audit import SqlAudit, command_actor
    from bot.store.erasure import compact_database
    from bot.store.resealing import seal_everything

    with open_shop(load_settings(), models=False) as shop, progress_bars() as report:
        done = seal_everything(shop.engine, report)
        SqlAudit(shop.engine).record(command_actor(), "texts.encrypt", "", f"{done.changed} rows")
        if done.changed:
            compact_database(shop.engine)
    _tell_resealed(done, "encrypted with the newest key")


def decrypt(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Back to plain texts. Stop the server first; afterwards unset SHOPKEEPER_ENCRYPTION_KEY."""
    from bot.build import open_shop
    from bot.commands.models import progress_bars
    from bot.store.audit import SqlAudit, command_actor
    from bot.store.resealing import unseal_everything

    if not yes:
        typer.confirm("is the server stopped, and do you want plain texts?", abort=True, err=True)
    with open_shop(load_settings(), models=False) as shop, progress_bars() as report:
        done = unseal_everything(shop.engine, report)
        SqlAudit(shop.engine).record(command_actor(), "texts.decrypt", "", f"{done.changed} rows")
    _tell_resealed(done, "plain")


def _tell_resealed(done: Resealed, what: str) -> None:
    console.print(f"{done.rows:,} rows looked at, {done.changed:,} made {what}", style="green")
    if done.left:
        console.print(
            f"{done.left} rows were being changed meanwhile: run it again", style="yellow"
        )

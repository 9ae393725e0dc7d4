"""`shopkeeper keys …`: keys of programs that use the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.recorded import record_command
from bot.config import load_settings

if TYPE_CHECKING:
    from bot.build import Shop
    from bot.store.api_keys import ApiKey, SqlApiKeys

console = Console()


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="Keys of programs that use /api/v1.", no_args_is_help=True)
    for name, command in (("create", create), ("list", show), ("revoke", revoke)):
        group.command(name)(command)
    app.add_typer(group, name="keys", rich_help_panel="Running it")


def create(
    name: Annotated[str, typer.Argument(help="What it is for, e.g. `erp`.")],
    scope: Annotated[
        list[str], typer.Option(help="messages, metrics, privacy or knowledge; repeatable.")
    ],
    days: Annotated[int, typer.Option(min=0, help="Days until it ends; 0 for no end.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a key. It is shown once and kept as a hash."""
    with _shop() as shop:
        keys = _keys_of(shop)
        key, whole = keys.create(name, scope, timedelta(days=days) if days else None)
        record_command(shop.engine, "keys.create", key.key_id, " ".join(sorted(key.scopes)))
    if as_json:
        print(json.dumps({"key_id": key.key_id, "key": whole, "scopes": sorted(key.scopes)}))
        return
    # The key alone on standard output: `KEY=$(shopkeeper keys create …)`.
    print(whole)
    told = Console(stderr=True)
    told.print("  send it as: Authorization: Bearer …; it is not shown again", markup=False)


def show() -> None:
    """List keys, without their secrets."""
    table = Table("id", "name", "scopes", "made", "last used", "state")
    with _shop() as shop:
        for key in _keys_of(shop).list():
            table.add_row(
                key.key_id,
                key.name,
                " ".join(sorted(key.scopes)),
                _day(key.created_at),
                _day(key.last_used_at),
                _state(key),
            )
    console.print(table)


def revoke(key_id: Annotated[str, typer.Argument(help="See `shopkeeper keys list`.")]) -> None:
    """Make a key useless, at once and for ever."""
    with _shop() as shop:
        _keys_of(shop).revoke(key_id)
        record_command(shop.engine, "keys.revoke", key_id)
    console.print(f"{key_id} is revoked", markup=False)


@contextmanager
def _shop() -> Iterator[Shop]:
    from bot.build import open_shop

    with open_shop(load_settings(), models=False) as shop:
        yield shop


def _keys_of(shop: Shop) -> SqlApiKeys:
    from bot.store.api_keys import SqlApiKeys

    return SqlApiKeys(shop.engine)


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.works_at(datetime.now(UTC)):
        return "expired"
    return "active" if key.expires_at is None else f"active until {_day(key.expires_at)}"


def _day(at: datetime | None) -> str:
    return "–" if at is None else at.strftime("%Y-%m-%d %H:%M")

"""`shopkeeper agents …`: who may sign in to the console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.recorded import record_command
from bot.config import load_settings

if TYPE_CHECKING:
    from bot.build import Shop

console = Console()

Name = Annotated[str, typer.Argument(help="As typed when signing in.")]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="People who may sign in to /console.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(show)
    group.command("disable")(disable)
    group.command("enable")(enable)
    group.command("password")(password)
    group.command("role")(role)
    group.command("logout")(sign_out)
    group.command("unlock")(unlock)
    app.add_typer(group, name="agents", rich_help_panel="First steps")


def add(
    name: Name,
    admin: Annotated[bool, typer.Option(help="May manage people and customers' data.")] = False,
) -> None:
    """Let somebody sign in; asks for the password (or reads SHOPKEEPER_PASSWORD)."""
    chosen = _ask_password(name)
    with _shop() as shop:
        made = shop.agents.create(name, chosen, "admin" if admin else "agent")
        record_command(shop.engine, "agents.add", made.name, made.role)
    console.print(f"{made.name} may sign in at /console", style="green", markup=False)


def show() -> None:
    """List who may sign in."""
    table = Table("name", "role", "state")
    with _shop() as shop:
        for agent in shop.agents.list():
            table.add_row(agent.name, agent.role, "disabled" if agent.disabled else "active")
    console.print(table)


def disable(name: Name) -> None:
    """Stop somebody from signing in, and sign them out."""
    with _shop() as shop:
        shop.agents.disable(name)
        record_command(shop.engine, "agents.disable", name)
    console.print(f"{name} can no longer sign in", markup=False)


def enable(name: Name) -> None:
    """Let somebody sign in again."""
    with _shop() as shop:
        shop.agents.enable(name)
        record_command(shop.engine, "agents.enable", name)
    console.print(f"{name} may sign in again", markup=False)


def password(name: Name) -> None:
    """Give somebody a new password; whoever is signed in with the old one is signed out."""
    chosen = _ask_password(name)
    with _shop() as shop:
        shop.agents.set_password(name, chosen)
        record_command(shop.engine, "agents.password", name)
    console.print(f"{name} has a new password", markup=False)


def role(name: Name, role: Annotated[str, typer.Argument(help="agent or admin")]) -> None:
    """Change what somebody may do."""
    with _shop() as shop:
        shop.agents.set_role(name, role)
        record_command(shop.engine, "agents.role", name, role)
    console.print(f"{name} is {role} now", markup=False)


def sign_out(name: Name) -> None:
    """End every session of somebody."""
    from bot.store.sessions import SqlSessions

    with _shop() as shop:
        ended = SqlSessions(shop.engine).end_all(name)
        record_command(shop.engine, "agents.sign_out", name)
    console.print(f"{ended} sessions of {name} ended", markup=False)


def unlock(
    name: Annotated[str, typer.Argument(help="Whose failures to forget; empty for all.")] = "",
) -> None:
    """Forget failed attempts to sign in."""
    from bot.console.lockout import Lockout
    from bot.store.attempts import SqlAttempts

    with _shop() as shop:
        forgotten = Lockout(SqlAttempts(shop.engine)).unlock(name)
        record_command(shop.engine, "agents.unlock", name)
    console.print(f"{forgotten} attempts forgotten")


@contextmanager
def _shop() -> Iterator[Shop]:
    """The shop's database, without models."""
    from bot.build import open_shop

    with open_shop(load_settings(), models=False) as shop:
        yield shop


def _ask_password(name: str) -> str:
    given = os.environ.get("SHOPKEEPER_PASSWORD")
    return given or str(
        typer.prompt(f"password for {name}", hide_input=True, confirmation_prompt=True)
    )

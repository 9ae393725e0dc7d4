"""`shopkeeper agents …`: who may sign in to the console."""

from __future__ import annotations

import os

import typer
from rich.console import Console
from rich.table import Table

from bot.build import open_shop
from bot.config import Settings

console = Console()


def add(settings: Settings, name: str, *, admin: bool) -> None:
    """Create an agent; the password is asked for twice, or read from the environment."""
    password = os.environ.get("SHOPKEEPER_PASSWORD") or typer.prompt(
        f"password for {name}", hide_input=True, confirmation_prompt=True
    )
    with open_shop(settings, models=False) as shop:
        shop.agents.create(name, password, "admin" if admin else "agent")
    console.print(f"{name} may sign in at /console", style="green")


def show(settings: Settings) -> None:
    """List agents."""
    table = Table("name", "role", "state")
    with open_shop(settings, models=False) as shop:
        for agent in shop.agents.list():
            table.add_row(agent.name, agent.role, "disabled" if agent.disabled else "active")
    console.print(table)


def disable(settings: Settings, name: str) -> None:
    """Disable an agent."""
    with open_shop(settings, models=False) as shop:
        shop.agents.disable(name)
    console.print(f"{name} can no longer sign in")

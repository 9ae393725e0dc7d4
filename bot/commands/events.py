"""`shopkeeper events …`: who is told of what happens, what they were told, tell them again.

Every command works beside a running server, on the database that the settings name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.config import load_settings
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.build import Shop

console = Console()
Name = Annotated[str, typer.Argument(help="Of the subscriber.")]
_UNITS = {"m": 60, "h": 3600, "d": 86400}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = typer.Typer(help="Events for other systems: Standard Webhooks.", no_args_is_help=True)
    for name, command in (
        ("subscribers", subscribers),
        ("subscribe", subscribe),
        ("remove", remove),
        ("disable", disable),
        ("enable", enable),
        ("rotate", rotate),
        ("list", list_events),
        ("replay", replay),
    ):
        group.command(name)(command)
    app.add_typer(group, name="events", rich_help_panel="Running it")


def subscribers() -> None:
    """Who is told of events, and who no longer is."""
    table = Table("name", "address", "events", "secrets", "state")
    with _shop() as shop:
        for one in shop.subscribers.list():
            state = f"disabled: {one.disabled_because}" if one.disabled_because else "active"
            kinds = ", ".join(one.kinds) or "all"
            table.add_row(one.name, one.url, kinds, str(len(one.secrets)), state)
    console.print(table)


def subscribe(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where events are posted.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="Only these events, e.g. conversation.handoff.")
    ] = None,
    secret: Annotated[
        str, typer.Option(envvar="SHOPKEEPER_SUBSCRIBER_SECRET", help="whsec_…; made if empty.")
    ] = "",
) -> None:
    """Tell a system of events from now on. Prints the secret that signs them, once."""
    from bot.channels.webhooks.events import check_kinds, check_secret, check_url, new_secret

    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name):
        raise InputError(f"{name[:80]!r} is no name", fix="use letters, digits, - _ and .")
    key = check_secret(secret) if secret else new_secret()
    with _shop() as shop:
        shop.subscribers.add(name, check_url(url), (key,), check_kinds(kind or ()))
    console.print(f"{name} is told of {', '.join(kind or ()) or 'all events'}", style="green")
    if not secret:
        console.print(f"its secret, shown this once: {key}", soft_wrap=True)


def remove(name: Name) -> None:
    """Forget a subscriber; what was not sent to it yet is dropped."""
    with _shop() as shop:
        shop.subscribers.remove(name)
    console.print(f"{name} was removed")


def disable(name: Name) -> None:
    """Send nothing more to a subscriber."""
    with _shop() as shop:
        if shop.subscribers.get(name) is None:
            raise InputError(
                f"there is no subscriber {name!r}", fix="`shopkeeper events subscribers` lists them"
            )
        shop.subscribers.disable(name, "by hand")
    console.print(f"{name} is no longer told of events")


def enable(name: Name) -> None:
    """Send to a subscriber again; `events replay` makes up for what it missed."""
    with _shop() as shop:
        shop.subscribers.enable(name)
    console.print(f"{name} is told of events again", style="green")


def rotate(
    name: Name,
    finish: Annotated[bool, typer.Option(help="Give the old secrets up.")] = False,
) -> None:
    """Sign with a new secret and the old ones, until `--finish` gives those up."""
    from bot.channels.webhooks.events import new_secret

    with _shop() as shop:
        if finish:
            gone = shop.subscribers.retire(name)
            console.print(f"{gone} old secret(s) of {name} no longer sign")
            return
        key = new_secret()
        shop.subscribers.rotate(name, key)
    console.print(f"the new secret of {name}, shown this once: {key}", soft_wrap=True)
    console.print("both sign now; when the receiver has it: --finish", style="dim")


def list_events(
    kind: Annotated[str, typer.Option(help="Only these.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """The newest events."""
    table = Table()
    for name in ("event", "what", "conversation", "when"):
        table.add_column(name, no_wrap=name == "event")
    with _shop() as shop:
        for event in shop.events.latest(limit, kind):
            when = event.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(event.event_id, event.kind, event.conversation_id, when)
    console.print(table)
    console.print("deliveries: shopkeeper queue list outbox", style="dim")


def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(help="From `events list`.")] = None,
    since: Annotated[str, typer.Option(help="All of the last e.g. 30m, 2h, 3d.")] = "",
    to: Annotated[str, typer.Option(help="One subscriber; all when empty.")] = "",
) -> None:
    """Send events again, under the ids they had; a receiver that knows them passes them over."""
    if not event_ids and not since:
        raise InputError("no event is named", fix="name events, or give --since 2h")
    start = datetime.now(UTC) - _span(since) if since else None
    with _shop() as shop:
        count = shop.events.replay(event_ids=event_ids or (), since=start, subscriber=to)
    console.print(f"{count} deliveries are on their way")


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,4})([mhd])", text.strip())
    if found is None:
        raise InputError(f"{text[:20]!r} is no time", fix="write 30m, 2h or 3d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


@contextmanager
def _shop() -> Iterator[Shop]:
    from bot.build import open_shop

    with open_shop(load_settings(), models=False) as shop:
        yield shop

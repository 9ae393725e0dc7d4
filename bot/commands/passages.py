"""`shopkeeper knowledge put`, `expire` and `history`: single passages by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.build import open_shop
from bot.config import load_settings
from bot.errors import InputError
from bot.types import Passage
from retrieval.passages import group_of
from retrieval.retriever import today
from retrieval.text import guess_lang

console = Console(stderr=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `shopkeeper knowledge`."""
    app.command("put")(put)
    app.command("expire")(expire)
    app.command("history")(history)


def put(
    passage_id: str,
    title: Annotated[str, typer.Option(help="Of an FAQ entry: the question.")],
    text: Annotated[str, typer.Option(help="The answer.")],
    valid_from: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = "",
    valid_until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD.")] = "",
) -> None:
    """Add an FAQ entry, or change title, text and days of a passage that is there."""
    first, last = _day(valid_from), _day(valid_until)
    if first and last and first > last:
        raise InputError(f"{first} is after {last}", fix="exchange --valid-from and --valid-until")
    with open_shop(load_settings(), models=False) as shop:
        known = shop.knowledge.get(passage_id) or Passage(
            passage_id, "faq", guess_lang(f"{title} {text}"), "", "", group=group_of(passage_id)
        )
        changed = replace(known, title=title, text=text, valid_from=first, valid_until=last)
        count = shop.knowledge.upsert([changed])
    told = "saved; a running server finds it within a second" if count else "unchanged"
    console.print(f"{passage_id} {told}", style="green", markup=False)


def expire(
    passage_ids: list[str],
    on: Annotated[str, typer.Option(help="Last day it answers, YYYY-MM-DD.")] = "",
) -> None:
    """Let passages answer until a day (default: yesterday, so that they stop now)."""
    last = _day(on) or today() - timedelta(days=1)
    with open_shop(load_settings(), models=False) as shop:
        found = {key: shop.knowledge.get(key) for key in passage_ids}
        missing = [key for key, passage in found.items() if passage is None]
        if missing:
            raise InputError(
                f"there is no passage {', '.join(missing)}; nothing was changed",
                fix="see: shopkeeper knowledge list",
            )
        shop.knowledge.upsert([replace(p, valid_until=last) for p in found.values() if p])
    many = "1 passage answers" if len(found) == 1 else f"{len(found)} passages answer"
    console.print(f"{many} until {last}", style="green")


def history(passage_id: str) -> None:
    """Everything a passage ever said."""
    table = Table("version", "changed", "title", "text")
    with open_shop(load_settings(), models=False) as shop:
        versions = shop.knowledge.versions(passage_id)
    if not versions:
        raise InputError(f"there is no passage {passage_id!r}", fix="shopkeeper knowledge list")
    for one in versions:
        moment = f"{one.changed_at:%Y-%m-%d %H:%M}"
        text = "(deleted)" if one.deleted else one.passage.text
        table.add_row(str(one.passage.version), moment, one.passage.title, text)
    Console().print(table)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(f"{text!r} is no day", fix="write it as 2026-12-24") from None

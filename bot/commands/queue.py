"""`shopkeeper queue …`: what came in and what is to go out, what was given up, try it again.

Every command works beside a running server, on the database that the settings name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.recorded import record_command
from bot.config import load_settings
from bot.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bot.store.queue_desk import QueueDesk, QueueRow, RowStatus
    from bot.store.queue_records import Box, QueueStats

console = Console()


class BoxName(StrEnum):
    """Which of the two boxes."""

    INBOX = "inbox"
    OUTBOX = "outbox"

    @property
    def box(self) -> Box:
        """As the store calls it."""
        return "inbox" if self is BoxName.INBOX else "outbox"


class StatusName(StrEnum):
    """What became of a row."""

    PENDING = "pending"
    WORKING = "working"
    DONE = "done"
    DISCARDED = "discarded"
    DEAD = "dead"
    ALL = "all"

    @property
    def wanted(self) -> RowStatus | None:
        """As the store calls it; None for all."""
        return None if self is StatusName.ALL else cast("RowStatus", self.value)


Which = Annotated[BoxName, typer.Argument(help="inbox: what came in; outbox: what goes out.")]
Rows = Annotated[list[int] | None, typer.Argument(help="Row numbers, from `queue list`.")]
All = Annotated[bool, typer.Option("--all", help="Every dead row of the box.")]
System = Annotated[str, typer.Option(help="Only of this system, e.g. chatwoot.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(help="Events that came in, replies that go out.", no_args_is_help=True)
    for name, command in (("list", show_list), ("show", show), ("replay", replay), ("drop", drop)):
        group.command(name)(command)
    app.add_typer(group, name="queue", rich_help_panel="Running it")


def show_list(
    box: Annotated[BoxName | None, typer.Argument(help="inbox, outbox, or both.")] = None,
    status: Annotated[StatusName, typer.Option(help="Only rows in this state.")] = StatusName.DEAD,
    system: System = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """How full both boxes are, and the rows that were given up (or `--status` others)."""
    boxes = [box] if box else list(BoxName)
    with _desk() as (engine, desk):
        found = [row for one in boxes for row in desk.rows(one.box, status.wanted, system, limit)]
        stats = _stats(engine)
    if as_json:
        # Without their content: what customers write belongs into no log.
        rows = [{k: v for k, v in asdict(row).items() if k != "content"} for row in found]
        print(json.dumps({"counts": asdict(stats), "rows": rows}, ensure_ascii=False, default=str))
        return
    _print_counts(stats)
    if not found:
        told = "given up" if status is StatusName.DEAD else status.value
        console.print(f"no rows: {told}", style="green" if status is StatusName.DEAD else "dim")
        return
    table = Table("box", "row", "system", "what", "state", "tries", "came", "error")
    for row in found:
        table.add_row(*_cells(row))
    console.print(table)
    if any(row.status == "dead" for row in found):
        console.print(
            "try again: shopkeeper queue replay BOX ROW…   close: shopkeeper queue drop …"
        )


def show(box: Which, row_id: int, as_json: AsJson = False) -> None:
    """One row whole, with what the customer wrote or is told."""
    with _desk() as (engine, desk):
        row = desk.row(box.box, row_id)
        record_command(engine, "queue.read", f"{box.value}:{row_id}")
    if row is None:
        raise InputError(
            f"the {box.value} has no row {row_id}", fix=f"shopkeeper queue list {box.value}"
        )
    if as_json:
        print(json.dumps(asdict(row), ensure_ascii=False, default=str))
        return
    table = Table(show_header=False, box=None)
    for name, value in asdict(row).items():
        table.add_row(name, "" if value is None else str(value))
    # What others wrote is shown as it is, not as markup.
    console.print(table, markup=False)


def replay(box: Which, rows: Rows = None, every: All = False, system: System = "") -> None:
    """Give dead rows all their attempts again; a running server takes them up within a second."""
    with _desk() as (engine, desk):
        changed = desk.replay(box.box, _chosen(desk, box, rows, every, system))
        record_command(engine, "queue.replay", box.value, f"{changed} rows")
    _report(changed, rows, "to be tried again")


def drop(
    box: Which,
    rows: Rows = None,
    every: All = False,
    system: System = "",
    reason: Annotated[str, typer.Option(help="Kept on the row.")] = "dropped by the operator",
) -> None:
    """Close dead rows for good; nothing is sent, the rows stay for the record."""
    with _desk() as (engine, desk):
        changed = desk.drop(box.box, _chosen(desk, box, rows, every, system), reason)
        record_command(engine, "queue.drop", box.value, f"{changed} rows")
    _report(changed, rows, "closed")


def _chosen(
    desk: QueueDesk, box: BoxName, rows: list[int] | None, every: bool, system: str
) -> list[int]:
    if bool(rows) == (every or bool(system)):
        raise InputError(
            "name the rows, or all of them, not both or neither",
            fix=f"row numbers, --all or --system; see shopkeeper queue list {box.value}",
        )
    if rows:
        return rows
    found: list[int] = []
    while page := desk.rows(box.box, "dead", system, 10_000, found[-1] if found else 0):
        found += [row.row_id for row in page]
    return found


def _report(changed: int, rows: list[int] | None, what: str) -> None:
    console.print(f"{changed} {what}", style="green" if changed else "yellow")
    if rows and changed < len(rows):
        console.print(f"{len(rows) - changed} of {len(rows)} are not dead (any more)")


@contextmanager
def _desk() -> Iterator[tuple[Engine, QueueDesk]]:
    from bot.build import open_shop
    from bot.store.queue_desk import QueueDesk

    with open_shop(load_settings(), models=False) as shop:
        yield shop.engine, QueueDesk(shop.engine)


def _stats(engine: Engine) -> QueueStats:
    from bot.store.queue import SqlQueue

    return SqlQueue(engine).stats()


def _print_counts(stats: QueueStats) -> None:
    table = Table("box", "pending", "working", "done", "discarded", "dead", "oldest open, s")
    for name, box in (("inbox", stats.inbox), ("outbox", stats.outbox)):
        numbers = (box.pending, box.working, box.done, box.discarded, box.dead)
        dead = f"[bold red]{box.dead}[/]" if box.dead else "0"
        table.add_row(name, *map(str, numbers[:-1]), dead, f"{box.oldest_open_s:.0f}")
    console.print(table)


def _cells(row: QueueRow) -> list[str]:
    from rich.markup import escape

    what = f"{row.kind} {row.conversation_id}".strip()
    came = row.came_at.strftime("%Y-%m-%d %H:%M:%S")
    told = (row.system, what, row.status, str(row.attempts), came, row.error[:200])
    return [row.box, str(row.row_id), *map(escape, told)]

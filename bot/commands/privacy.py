"""`shopkeeper privacy …`: a customer's data out and away, retention, the audit log.

Every command works beside a running server, on the database that the settings name. Not covered:
keys (`bot.commands.sealing`), what masking does (`bot.commands.masking`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands import masking, sealing
from bot.config import load_settings
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.build import Shop
    from bot.store.personal import CustomerRef

console = Console(stderr=True)

CustomerId = Annotated[str, typer.Option("--customer", help="The customer's id in the channel.")]
Channel = Annotated[str, typer.Option(help="Only this channel, e.g. chatwoot.")]
Conversation = Annotated[str, typer.Option(help="A conversation, and others of its customer.")]
Email = Annotated[str, typer.Option(help="An address the customer is known by.")]
Phone = Annotated[str, typer.Option(help="A number the customer is known by, in any spelling.")]
Mentions = Annotated[
    bool, typer.Option(help="Also conversations in which a customer wrote that address or number.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(
        help="Customers' data: export, erase, encrypt, audit.", no_args_is_help=True
    )
    for name, command in (
        ("export", export),
        ("erase", erase),
        ("retention", retention),
        ("audit", audit),
        ("key", sealing.key),
        ("encrypt", sealing.encrypt),
        ("decrypt", sealing.decrypt),
        ("mask", masking.mask_text),
        ("measure", masking.measure),
    ):
        group.command(name)(command)
    app.add_typer(group, name="privacy", rich_help_panel="Running it")


def export(
    customer: CustomerId = "",
    channel: Channel = "",
    conversation: Conversation = "",
    email: Email = "",
    phone: Phone = "",
    mentions: Mentions = False,
    out: Annotated[str, typer.Option(help="File to write; - for standard output.")] = "",
) -> None:
    """Write everything the shop holds about one customer as one JSON file."""
    from bot.store.audit import command_actor
    from bot.store.export import export_customer
    from bot.store.personal_files import new_export_file, write_private

    who = _customer(customer, channel, conversation, email, phone, mentions)
    with _shop() as shop:
        exported = export_customer(shop.engine, who, actor=command_actor())
        if out == "-":
            sys.stdout.write(exported.document + "\n")
        else:
            file = Path(out) if out else new_export_file(shop.settings.exports_dir)
            write_private(file, exported.document)
            console.print(f"written to {file}", style="green", markup=False)
    _tell_rows(exported.rows, len(exported.conversation_ids), exported.mentioned_in)


def erase(
    customer: CustomerId = "",
    channel: Channel = "",
    conversation: Conversation = "",
    email: Email = "",
    phone: Phone = "",
    mentions: Mentions = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase everything the shop holds about one customer. It cannot be undone."""
    from bot.store.audit import command_actor
    from bot.store.erasure import erase_customer
    from bot.store.personal import find_customer

    who = _customer(customer, channel, conversation, email, phone, mentions)
    with _shop() as shop:
        found = find_customer(shop.engine, who)
        if found.conversation_ids and not yes:
            console.print(
                f"{len(found.conversation_ids)} conversations with {len(found.turn_ids)} turns"
                " will be erased for good"
            )
            typer.confirm("go on?", abort=True, err=True)
        erased = erase_customer(
            shop.engine, who, actor=command_actor(), exports=shop.settings.exports_dir
        )
    if as_json:
        print(json.dumps(asdict(erased), ensure_ascii=False))
        return
    _tell_rows(erased.rows, len(erased.conversation_ids), erased.mentioned_in)
    for name in erased.files:
        console.print(f"erased in the file {name}", markup=False)
    if erased.conversation_ids and not erased.compacted:
        console.print(
            "the rows are gone; the database was too busy to give their space back, which the next"
            " erasure or retention run does",
            style="yellow",
        )
    console.print(f"entry {erased.audit_entry} of the audit log tells of it", style="green")


def retention(
    days: Annotated[int | None, typer.Option(help="Instead of SHOPKEEPER_RETENTION_DAYS.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only count, erase nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase conversations in which nothing happened for so many days; the server does it daily."""
    from bot.store.audit import command_actor
    from bot.store.retention import apply_retention

    with _shop() as shop:
        wanted = shop.settings.retention_days if days is None else days
        if days is None and wanted == 0:
            raise InputError(
                "no retention is set: everything is kept",
                fix="give --days, or set SHOPKEEPER_RETENTION_DAYS",
            )
        report = apply_retention(
            shop.engine,
            wanted,
            actor=command_actor(),
            exports=shop.settings.exports_dir,
            dry_run=dry_run,
        )
    if as_json:
        print(json.dumps(asdict(report), default=str))
        return
    told = "would be erased" if dry_run else "erased"
    console.print(
        f"{report.conversations} conversations idle since before {report.before:%Y-%m-%d} {told},"
        f" and {report.queue_rows} rows of the queue",
        style="yellow" if dry_run else "green",
    )


def audit(
    actor: Annotated[str, typer.Option(help="Only of this person, e.g. console:li.")] = "",
    action: Annotated[str, typer.Option(help="Only actions that begin so.")] = "",
    subject: Annotated[str, typer.Option(help="Only what touched this, e.g. a conversation.")] = "",
    days: Annotated[int, typer.Option(min=1, help="Only of the latest days.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Who read or changed what, newest first."""
    from bot.store.audit import AuditFilter, SqlAudit
    from bot.store.columns import utc_now

    where = AuditFilter(actor, action, subject, utc_now() - timedelta(days=days))
    with _shop() as shop:
        entries = SqlAudit(shop.engine).entries(where, limit)
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], default=str, ensure_ascii=False))
        return
    table = Table("entry", "at (UTC)", "who", "did", "to", "more")
    for entry in entries:
        at = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        cells = (str(entry.entry_id), at, entry.actor, entry.action, entry.subject, entry.detail)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    Console().print(table)


def _customer(
    customer: str, channel: str, conversation: str, email: str, phone: str, mentions: bool
) -> CustomerRef:
    from bot.store.personal import CustomerRef

    return CustomerRef(customer, channel, conversation, email, phone, mentions)


@contextmanager
def _shop() -> Iterator[Shop]:
    from bot.build import open_shop

    with open_shop(load_settings(), models=False) as shop:
        yield shop


def _tell_rows(
    rows: tuple[tuple[str, int], ...], conversations: int, mentioned: tuple[str, ...]
) -> None:
    if not conversations:
        console.print("nothing is stored under that name", style="yellow")
    for name, count in rows:
        if count:
            console.print(f"{count:>8,} {name}")
    if mentioned:
        console.print(
            f"{len(mentioned)} other conversations mention the address or number; --mentions takes"
            " them in:",
            style="yellow",
        )
        for conversation_id in mentioned[:20]:
            console.print(f"         {conversation_id}", markup=False)

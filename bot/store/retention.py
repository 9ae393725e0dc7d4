"""Erase what is older than the shop wants to keep.

Covered: conversations in which nothing happened for so many days, whole; queue rows that ended, and
events, that are older; once a day, by whichever process is first. Not covered: the audit log, which
names nobody afterwards; backups.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select, update

from bot.errors import InputError
from bot.store.audit import forget_subjects, write_audit
from bot.store.columns import utc_now
from bot.store.erasure import compact_database, erase_holdings
from bot.store.personal import holdings_of
from bot.store.personal_files import erase_in_files
from bot.store.rows import insert_unless_there
from bot.store.tables import conversations, events, inbox, outbox, settings
from bot.store.transactions import reading, writing

BATCH = 100
LAST_RUN = "retention.last_run"
EVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What was erased, or with `dry_run` would be: conversations, and rows outside of them."""

    before: datetime
    conversations: int
    queue_rows: int
    files: tuple[str, ...]
    dry_run: bool


def apply_retention(
    engine: Engine,
    days: int,
    *,
    actor: str,
    exports: Path | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
) -> RetentionReport:
    """Erase what ended more than `days` days ago.

    Args:
        engine: the database.
        days: 1 or more.
        actor: for the audit log.
        exports: the folder of export files, searched too when given.
        dry_run: only count.
        now: the time, for tests.

    Raises:
        InputError: `days` is below 1.
        StoreError: the database failed; whole conversations were erased or none of one.
    """
    if days < 1:
        raise InputError(
            f"{days} days cannot be kept", fix="give 1 or more, or SHOPKEEPER_RETENTION_DAYS"
        )
    before = (now or utc_now()) - timedelta(days=days)
    if dry_run:
        with reading(engine) as connection:
            idle = connection.execute(
                select(func.count())
                .select_from(conversations)
                .where(conversations.c.last_at < before)
            ).scalar_one()
            rows = sum(_count(connection, *condition) for condition in _outside(before))
        return RetentionReport(before, idle, rows, (), dry_run=True)
    erased = 0
    files: list[str] = []
    while batch := _erase_some(engine, before, actor, exports):
        erased += batch[0]
        files += batch[1]
    with writing(engine) as connection:
        rows = sum(
            connection.execute(delete(table).where(condition)).rowcount
            for table, condition in _outside(before)
        )
    if erased or rows:
        compact_database(engine)
    return RetentionReport(before, erased, rows, tuple(sorted(set(files))), dry_run=False)


def claim_daily_run(engine: Engine, now: datetime | None = None) -> bool:
    """Whether the caller is the one, of all processes, that should do today's run."""
    now = now or utc_now()
    with writing(engine) as connection:
        values = {"key": LAST_RUN, "value": now.isoformat(), "changed_at": now}
        if insert_unless_there(connection, settings, values):
            return True
        statement = (
            update(settings)
            .where(settings.c.key == LAST_RUN, settings.c.changed_at <= now - EVERY)
            .values(value=now.isoformat(), changed_at=now)
        )
        return connection.execute(statement).rowcount == 1


def _erase_some(
    engine: Engine, before: datetime, actor: str, exports: Path | None
) -> tuple[int, tuple[str, ...]] | None:
    """One transaction's worth; None when nothing is left."""
    idle = (
        select(conversations.c.id)
        .where(conversations.c.last_at < before)
        .order_by(conversations.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with writing(engine) as connection:
        ids = connection.execute(idle).scalars().all()
        if not ids:
            return None
        found = holdings_of(connection, ids)
        erase_holdings(connection, found)
        entry = write_audit(
            connection,
            actor,
            "retention.erase",
            "",
            f"{len(ids)} idle since before {before:%Y-%m-%d}",
        )
        forget_subjects(connection, found.names, entry)
    return len(ids), erase_in_files(exports, found) if exports is not None else ()


def _outside(before: datetime) -> tuple[tuple[Table, ColumnElement[bool]], ...]:
    """Rows that age by themselves, whether their conversation is still there or not."""
    return (
        (inbox, inbox.c.finished_at < before),
        (outbox, outbox.c.finished_at < before),
        (events, events.c.created_at < before),
    )


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(
        connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
    )

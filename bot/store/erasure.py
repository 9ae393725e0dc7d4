"""Erase one customer: rows, queue, search index, export files, and what the file still remembers.

Covered: every row of every table that belongs to the customer, in one transaction; what a deleted
row leaves behind in a SQLite file (zeroed, checkpointed, vacuumed) or in PostgreSQL's tables
(vacuumed). Not covered: backups, PostgreSQL's write-ahead log and replicas (docs/privacy.md says
what to do), copies in the connected systems.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog
from sqlalchemy import Connection, Engine, delete, text, update

from bot.store.audit import forget_subjects, write_audit
from bot.store.personal import (
    CustomerRef,
    Holdings,
    belonging,
    holdings,
    personal_tables,
)
from bot.store.personal_files import erase_in_files
from bot.store.rows import chunks
from bot.store.tables import conversations
from bot.store.transactions import translated, writing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, by table; files; conversations that mention the customer and stay.

    `compacted` is False when the database was too busy to give its free space back: the rows are
    gone, and the next erasure or retention run tries again. `audit_entry` is the number of the
    entry of the audit log that tells of it.
    """

    conversation_ids: tuple[str, ...]
    mentioned_in: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]
    files: tuple[str, ...]
    compacted: bool
    audit_entry: int


def erase_customer(
    engine: Engine,
    customer: CustomerRef,
    *,
    actor: str,
    exports: Path | None = None,
    compact: bool = True,
) -> Erasure:
    """Erase everything about a customer. Erasing twice, or an unknown customer, is harmless.

    An answer that is being made at this moment is stored after the erasure: it belongs to a message
    that the customer sent just now.

    Args:
        engine: the database.
        customer: whom.
        actor: who asks, for the audit log: `console:li`, `command:root`, `webhook:shopify` …
        exports: the folder of export files (`Settings.exports_dir`), searched too when given.
        compact: give free space back at once, so that nothing is left in the database's files.

    Raises:
        StoreError: the database failed; nothing was erased.
    """
    with writing(engine) as connection:
        found = holdings(connection, customer)
        counts = erase_holdings(connection, found)
        entry = _record(connection, customer, found, counts, actor)
    files = erase_in_files(exports, found, customer) if exports is not None else ()
    log.info("customer_erased", actor=actor, conversations=len(found.conversation_ids))
    return Erasure(
        found.conversation_ids,
        found.mentioned_in,
        counts,
        files,
        compact_database(engine) if compact and found.conversation_ids else False,
        entry,
    )


def _record(
    connection: Connection,
    customer: CustomerRef,
    found: Holdings,
    counts: tuple[tuple[str, int], ...],
    actor: str,
) -> int:
    """Tell of the erasure without naming whom it was about, and take earlier names out."""
    erased = ", ".join(f"{count} {name}" for name, count in counts if count) or "nothing was stored"
    entry = write_audit(connection, actor, "customer.erase", "", erased)
    forget_subjects(
        connection, found.names | {customer.customer_id, customer.conversation_id}, entry
    )
    return entry


def erase_holdings(connection: Connection, found: Holdings) -> tuple[tuple[str, int], ...]:
    """Delete the rows, as part of a transaction; how many by table."""
    counts = {}
    for table in reversed(personal_tables()):
        gone = 0
        for condition in belonging(table, found):
            gone += connection.execute(delete(table).where(condition)).rowcount
        counts[table.name] = gone
    for ids in chunks(found.conversation_ids):
        connection.execute(
            update(conversations)
            .where(conversations.c.previous_conversation_id.in_(ids))
            .values(previous_conversation_id=None)
        )
    return tuple(sorted(counts.items()))


def compact_database(engine: Engine) -> bool:
    """Leave nothing of deleted rows in the database's files. False if it was too busy for that."""
    if engine.dialect.name == "postgresql":
        with translated(engine), engine.connect() as connection:
            loose = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in personal_tables():
                loose.execute(text(f"VACUUM {table.name}"))
        return True
    # Past SQLAlchemy: it would begin a transaction, in which a vacuum is not allowed.
    pooled = engine.raw_connection()
    try:
        raw = cast(sqlite3.Connection, pooled.driver_connection)
        raw.execute("VACUUM").close()
        busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        log.warning("database_not_compacted", error=str(error))
        return False
    finally:
        pooled.close()
    return bool(busy == 0)

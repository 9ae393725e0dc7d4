"""Who read or changed what: the audit log.

Covered: writing an entry alone or as part of a transaction, reading with filters and pages,
forgetting an erased customer's names. Not covered: what is worth an entry (the console records
every page behind the sign-in, the API and the commands what touches customers, people or knowledge).

An entry names conversations and people of the shop, never what anybody wrote.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, update

from bot.store.audit_table import audit_log
from bot.store.columns import clean_key, utc_now
from bot.store.rows import chunks
from bot.store.transactions import reading, writing

MAX_DETAIL_CHARS = 500
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `actor` is `console:NAME`, `command:USER`, `api:KEY`, `webhook:SYSTEM` or `job`."""

    entry_id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to show; everything that is set must hold. `action` is a beginning."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None


def write_audit(
    connection: Connection, actor: str, action: str, subject: str = "", detail: str = ""
) -> int:
    """Add an entry, as part of a transaction; its number."""
    values = {
        "at": utc_now(),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail[:MAX_DETAIL_CHARS],
    }
    made = connection.execute(insert(audit_log).values(**values).returning(audit_log.c.id))
    return int(made.scalar_one())


def forget_subjects(connection: Connection, subjects: Collection[str], erasure: int) -> int:
    """Replace names of an erased customer by the number of the entry that tells of it; how many."""
    changed = 0
    for names in chunks(sorted({clean_key(name) for name in subjects if name})):
        statement = (
            update(audit_log)
            .where(audit_log.c.subject.in_(names))
            .values(subject=f"erased:{erasure}")
        )
        changed += connection.execute(statement).rowcount
    return changed


def command_actor() -> str:
    """Who runs a command on this machine."""
    try:
        return f"command:{getpass.getuser()}"
    except (OSError, KeyError):
        # A container may run under a number that has no name.
        return "command:unknown"


class SqlAudit:
    """The audit log in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, actor: str, action: str, subject: str = "", detail: str = "") -> None:
        """Add an entry.

        Args:
            actor: see `AuditEntry`.
            action: a stable code, e.g. `conversation.read`.
            subject: what it was done to: a conversation, a passage, a person's name.
            detail: more, without anything a customer wrote; cut at 500 characters.

        Raises:
            StoreError: the database failed; what was to be recorded should not happen.
        """
        with writing(self._engine) as connection:
            write_audit(connection, actor, action, subject, detail)

    def entries(
        self, where: AuditFilter | None = None, limit: int = 100, before: int | None = None
    ) -> tuple[AuditEntry, ...]:
        """Newest first; `before` is the number of the last entry of the page before."""
        where = where or AuditFilter()
        table = audit_log.c
        query = select(audit_log).order_by(table.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
        if where.actor:
            query = query.where(table.actor == where.actor)
        if where.action:
            query = query.where(table.action.startswith(where.action, autoescape=True))
        if where.subject:
            query = query.where(table.subject == where.subject)
        if where.since is not None:
            query = query.where(table.at >= where.since)
        if before is not None:
            query = query.where(table.id < before)
        with reading(self._engine) as connection:
            return tuple(AuditEntry(*row) for row in connection.execute(query))

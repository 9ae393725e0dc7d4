"""Commands that touch customers, people or knowledge leave an entry in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


def record_command(engine: Engine, action: str, subject: str = "", detail: str = "") -> None:
    """Add an entry for what whoever runs this process did.

    Args:
        engine: the open shop's database.
        action: a stable code, e.g. `agents.add`.
        subject: a person of the shop, a row, a passage; nothing a customer wrote.
        detail: more, e.g. how many.

    Raises:
        StoreError: the database failed.
    """
    from bot.store.audit import SqlAudit, command_actor

    SqlAudit(engine).record(command_actor(), action, subject, detail)

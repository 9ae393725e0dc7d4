"""The audit log's table, and the triggers that keep it append-only.

Covered: rows can be added; the only change the database lets through is that a subject becomes
`erased:N`, N being the row that tells of the erasure. Not covered: an operator with the rights to
drop a trigger.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, Column, Index, Table, event

from bot.store.columns import BigId, CleanText, Key, UtcDateTime
from bot.store.naming import metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Key, nullable=False),
    Column("action", Key, nullable=False),
    Column("subject", Key, nullable=False, server_default=""),
    Column("detail", CleanText, nullable=False, server_default=""),
    Index(None, "subject", "id"),
    Index(None, "actor", "id"),
)

_REFUSAL = "the audit log is append-only"
_SQLITE_CHANGED = " AND ".join(
    f"NEW.{name} IS OLD.{name}" for name in ("id", "at", "actor", "action", "detail")
)
SQLITE_TRIGGERS: Final = (
    "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log"
    f" WHEN NOT (NEW.subject LIKE 'erased:%' AND {_SQLITE_CHANGED})"
    f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log"
    f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
)
POSTGRES_TRIGGERS: Final = (
    "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
    "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW"
    " WHEN (NOT (NEW.subject LIKE 'erased:%'"
    " AND (NEW.id, NEW.at, NEW.actor, NEW.action, NEW.detail)"
    " IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.detail)))"
    " EXECUTE FUNCTION audit_log_refuse()",
    "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log FOR EACH ROW"
    " EXECUTE FUNCTION audit_log_refuse()",
)

for _dialect, _statements in (("sqlite", SQLITE_TRIGGERS), ("postgresql", POSTGRES_TRIGGERS)):
    for _statement in _statements:
        # The driver's own placeholder sign is the pattern's, too.
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(audit_log, "after_create", _ddl.execute_if(dialect=_dialect))

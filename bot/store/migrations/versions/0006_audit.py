"""The audit log: who read or changed what; the database refuses to change or delete entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import BigId, CleanText, Key, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = (
    (
        "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log WHEN NOT (NEW.subject "
        "LIKE 'erased:%' AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.actor IS OLD.actor"
        " AND NEW.action IS OLD.action AND NEW.detail IS OLD.detail) BEGIN SELECT "
        "RAISE(ABORT, 'the audit log is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT "
        "RAISE(ABORT, 'the audit log is append-only'); END"
    ),
)
_POSTGRES = (
    (
        "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the audit log is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW WHEN (NOT"
        " (NEW.subject LIKE 'erased:%' AND (NEW.id, NEW.at, NEW.actor, NEW.action, "
        "NEW.detail) IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.actor, OLD.action, "
        "OLD.detail))) EXECUTE FUNCTION audit_log_refuse()"
    ),
    (
        "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE "
        "FUNCTION audit_log_refuse()"
    ),
)


def upgrade() -> None:
    """One new table with its triggers; nothing that is there changes."""
    op.create_table(
        "audit_log",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", Key(), nullable=False),
        sa.Column("action", Key(), nullable=False),
        sa.Column("subject", Key(), server_default="", nullable=False),
        sa.Column("detail", CleanText(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_subject_id"), "audit_log", ["subject", "id"], unique=False)
    op.create_index(op.f("ix_audit_log_actor_id"), "audit_log", ["actor", "id"], unique=False)
    on_postgres = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRES if on_postgres else _SQLITE:
        op.get_bind().exec_driver_sql(statement.replace("%", "%%") if on_postgres else statement)

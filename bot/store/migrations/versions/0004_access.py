"""API keys, sessions of the console, attempts to sign in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import BigId, CleanText, Key, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three new tables; nothing that is there changes."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", Key(), nullable=False),
        sa.Column("name", Key(), nullable=False),
        sa.Column("secret_hash", CleanText(), nullable=False),
        sa.Column("scopes", CleanText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "console_sessions",
        sa.Column("token_hash", Key(), nullable=False),
        sa.Column("agent", Key(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agents.name"], name=op.f("fk_console_sessions_agent")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_console_sessions")),
    )
    op.create_index("ix_console_sessions_agent", "console_sessions", ["agent"])
    op.create_index("ix_console_sessions_expires_at", "console_sessions", ["expires_at"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("subject", Key(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index("ix_sign_in_attempts_subject_at", "sign_in_attempts", ["subject", "at"])
    op.create_index("ix_sign_in_attempts_at", "sign_in_attempts", ["at"])

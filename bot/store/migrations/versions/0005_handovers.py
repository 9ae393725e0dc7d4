"""Handovers on record, timers that watch over them, episodes of a conversation.

Conversations that wait already get a timer and a record: nobody who waits is forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import BigId, CleanText, Key, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three new tables; those who wait are entered in two of them."""
    op.create_table(
        "timers",
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("fired", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_timers_conversation_id")
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_timers")),
    )
    op.create_index("ix_timers_due_at", "timers", ["due_at"])
    op.create_table(
        "handovers",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("turn_id", Key(), server_default="", nullable=False),
        sa.Column("reason", CleanText(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("taken_by", Key(), server_default="", nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", CleanText(), server_default="", nullable=False),
        sa.Column("escalations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("data", CleanText(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_handovers_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_conversation_id_id", "handovers", ["conversation_id", "id"])
    op.create_index("ix_handovers_closed_at_taken_at", "handovers", ["closed_at", "taken_at"])
    op.create_table(
        "episodes",
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("last_message_id", BigId, nullable=False),
        sa.Column("last_turn", BigId, nullable=False),
        sa.Column("unhappy", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("max_frustration", sa.Float(), server_default="0", nullable=False),
        sa.Column("unanswered_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("handover_reason", CleanText(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_episodes_conversation_id")
        ),
        sa.PrimaryKeyConstraint("conversation_id", "number", name=op.f("pk_episodes")),
    )
    op.execute(
        "INSERT INTO timers (conversation_id, started_at, due_at, fired)"
        " SELECT id, COALESCE(handover_at, last_at), COALESCE(handover_at, last_at), 0"
        " FROM conversations WHERE status = 'waiting'"
    )
    op.execute(
        "INSERT INTO handovers (conversation_id, reason, opened_at)"
        " SELECT id, handover_reason, COALESCE(handover_at, last_at)"
        " FROM conversations WHERE status = 'waiting'"
    )

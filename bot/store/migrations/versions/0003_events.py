"""Events, who subscribes to them, and products of other systems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import CleanText, Key, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three new tables; nothing that is there changes."""
    op.create_table(
        "subscribers",
        sa.Column("name", Key(), nullable=False),
        sa.Column("url", CleanText(), nullable=False),
        sa.Column("secrets", CleanText(), nullable=False),
        sa.Column("kinds", CleanText(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("disabled_because", CleanText(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_subscribers")),
    )
    op.create_table(
        "events",
        sa.Column("event_id", Key(), nullable=False),
        sa.Column("kind", CleanText(), nullable=False),
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("data", CleanText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_conversation_id", "events", ["conversation_id"])
    op.create_index("ix_events_created_at", "events", ["created_at"])
    op.create_table(
        "product_links",
        sa.Column("source", Key(), nullable=False),
        sa.Column("product_id", Key(), nullable=False),
        sa.Column("passage_ids", CleanText(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("source", "product_id", name=op.f("pk_product_links")),
    )

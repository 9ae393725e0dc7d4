"""Which change of the knowledge a passage was last touched by, so that an index reads only those."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import BigId, Key

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Passages that are there count as changed in the beginning."""
    op.create_table(
        "knowledge_changes",
        sa.Column("version", BigId, autoincrement=False, nullable=False),
        sa.Column("stamp", Key(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_knowledge_changes")),
    )
    op.add_column("passages", sa.Column("changed_in", BigId, server_default="0", nullable=False))
    op.create_index(op.f("ix_passages_changed_in"), "passages", ["changed_in"], unique=False)

"""What several server processes know together about who asks how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Key

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One new table; nothing that is there changes."""
    op.create_table(
        "shared_rates",
        sa.Column("name", Key(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_shared_rates")),
    )

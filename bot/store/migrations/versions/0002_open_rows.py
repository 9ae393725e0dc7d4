"""Small indexes over the rows of inbox and outbox that are still to be worked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN_ROWS = sa.text("status IN ('pending', 'working')")


def upgrade() -> None:
    """A claim reads these rows only, however many are done."""
    for box in ("inbox", "outbox"):
        for name, columns in (("open", ["id"]), ("open_conversation", ["conversation_key", "id"])):
            op.create_index(
                f"ix_{box}_{name}",
                box,
                columns,
                sqlite_where=OPEN_ROWS,
                postgresql_where=OPEN_ROWS,
            )

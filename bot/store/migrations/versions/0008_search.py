"""PostgreSQL: search in messages and names by an index, lists of the console by theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.grams import CREATE_FUNCTION

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PLACE = ["priority", "last_at", "id"]
FILTERS = {
    "unhappy": "unhappy",
    "unanswered": "unanswered_count > 0",
    "handed_over": "handover_at IS NOT NULL",
}


def upgrade() -> None:
    """SQLite searches by reading, which does for the size of shop it is for."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(CREATE_FUNCTION)
    names = "lower(id || ' ' || customer_id)"
    for table, words in (("messages", "search_text"), ("conversations", names)):
        op.execute(f"CREATE INDEX ix_{table}_grams ON {table} USING gin (shop_grams({words}))")
    for name, where in FILTERS.items():
        op.create_index(
            f"ix_conversations_{name}", "conversations", PLACE, postgresql_where=sa.text(where)
        )

"""Tables of what is shared with other systems: events, who subscribes to them, products of theirs.

Covered: the tables as the newest migration leaves them. Not covered: who writes them
(`bot.store.events`, `bot.store.subscribers`, `bot.store.products`).
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, false

from bot.store.columns import CleanText, Key, UtcDateTime
from bot.store.naming import metadata
from bot.store.sealing import Sealed

subscribers = Table(
    "subscribers",
    metadata,
    Column("name", Key, primary_key=True),
    Column("url", CleanText, nullable=False),
    Column("secrets", Sealed, nullable=False),
    Column("kinds", CleanText, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("disabled_because", CleanText, nullable=False, server_default=""),
)

events = Table(
    "events",
    metadata,
    Column("event_id", Key, primary_key=True),
    Column("kind", CleanText, nullable=False),
    Column("conversation_id", Key, nullable=False),
    Column("data", Sealed, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "conversation_id"),
    Index(None, "created_at"),
)

product_links = Table(
    "product_links",
    metadata,
    Column("source", Key, primary_key=True),
    Column("product_id", Key, primary_key=True),
    Column("passage_ids", CleanText, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("deleted", Boolean, nullable=False, server_default=false()),
)

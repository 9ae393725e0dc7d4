"""Tables of who may come in: API keys, sessions of the console, attempts to sign in,
rates that processes hold together.

Covered: the tables as the newest migration leaves them. No row holds anything that opens a door:
secrets are kept as hashes. Not covered: who writes them (`bot.store.api_keys`,
`bot.store.sessions`, `bot.store.attempts`), agents themselves (`bot.store.tables`).
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Table

from bot.store.columns import BigId, CleanText, Key, UtcDateTime
from bot.store.naming import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Key, primary_key=True),
    Column("name", Key, nullable=False),
    Column("secret_hash", CleanText, nullable=False),
    Column("scopes", CleanText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("token_hash", Key, primary_key=True),
    Column("agent", Key, ForeignKey("agents.name"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "agent"),
    Index(None, "expires_at"),
)

shared_rates = Table(
    "shared_rates",
    metadata,
    Column("name", Key, primary_key=True),
    Column("due", Double, nullable=False),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("subject", Key, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "subject", "at"),
    Index(None, "at"),
)

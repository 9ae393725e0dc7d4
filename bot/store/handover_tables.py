"""Tables of handovers: who waits for people, which timer watches over it, what came before.

Covered: the tables as the newest migration leaves them. Not covered: who writes them
(`bot.store.standing`, `bot.store.timers`).

A row of `timers` says that a customer is owed an answer or a person; `due_at` is empty while a
person has the conversation. An episode is what lies between two times of being resolved.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, false

from bot.store.columns import BigId, CleanText, Key, UtcDateTime
from bot.store.naming import metadata
from bot.store.sealing import Sealed

timers = Table(
    "timers",
    metadata,
    Column("conversation_id", Key, ForeignKey("conversations.id"), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("fired", Integer, nullable=False, server_default="0"),
    Index(None, "due_at"),
)

handovers = Table(
    "handovers",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", Key, ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", Key, nullable=False, server_default=""),
    Column("reason", CleanText, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),
    Column("taken_by", Key, nullable=False, server_default=""),
    Column("closed_at", UtcDateTime),
    Column("outcome", CleanText, nullable=False, server_default=""),
    Column("escalations", Integer, nullable=False, server_default="0"),
    Column("data", Sealed, nullable=False, server_default=""),
    Index(None, "conversation_id", "id"),
    Index(None, "closed_at", "taken_at"),
)

episodes = Table(
    "episodes",
    metadata,
    Column("conversation_id", Key, ForeignKey("conversations.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("last_message_id", BigId, nullable=False),
    Column("last_turn", BigId, nullable=False),
    Column("unhappy", Boolean, nullable=False, server_default=false()),
    Column("max_frustration", Float, nullable=False, server_default="0"),
    Column("unanswered_count", Integer, nullable=False, server_default="0"),
    Column("handover_reason", CleanText, nullable=False, server_default=""),
)

"""The tables, as the newest migration leaves them (a test compares the two).

Covered: conversations, messages, turns, knowledge, feedback, agents, review, inbox, outbox,
settings. Not covered: how they change (`bot.store.migrations`) and who writes them (the `Sql…`
classes beside this file).
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    UniqueConstraint,
    false,
    text,
)

from bot.store.access_tables import api_keys, console_sessions, shared_rates, sign_in_attempts
from bot.store.audit_table import audit_log
from bot.store.columns import BigId, CleanText, Key, UtcDateTime
from bot.store.handover_tables import episodes, handovers, timers
from bot.store.link_tables import events, product_links, subscribers
from bot.store.naming import metadata
from bot.store.sealing import Sealed

__all__ = [
    "api_keys",
    "audit_log",
    "console_sessions",
    "episodes",
    "events",
    "handovers",
    "metadata",
    "product_links",
    "shared_rates",
    "sign_in_attempts",
    "subscribers",
    "timers",
]
"""Of other files, entered in the same catalogue."""

PRIORITY = (
    "CASE status WHEN 'waiting' THEN CASE WHEN unhappy THEN 3 ELSE 2 END "
    "WHEN 'bot' THEN CASE WHEN unhappy THEN 1 ELSE 0 END ELSE 0 END"
)
"""Who needs a person most: waiting and unhappy, waiting, unhappy with the bot, the rest."""

OPEN_ROWS = text("status IN ('pending', 'working')")
"""Rows of a box that are still to be worked: few, whatever the age of the shop."""


def _open_rows(name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=OPEN_ROWS, postgresql_where=OPEN_ROWS)


conversations = Table(
    "conversations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("channel", Key, nullable=False),
    Column("customer_id", Key, nullable=False, server_default=""),
    Column("lang", CleanText, nullable=False, server_default="other"),
    Column("status", CleanText, nullable=False, server_default="bot"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("last_text", Sealed, nullable=False, server_default=""),
    Column("turn_count", Integer, nullable=False, server_default="0"),
    Column("unanswered_count", Integer, nullable=False, server_default="0"),
    Column("unhappy", Boolean, nullable=False, server_default=false()),
    Column("max_frustration", Float, nullable=False, server_default="0"),
    Column("handover_reason", CleanText, nullable=False, server_default=""),
    Column("handover_at", UtcDateTime),
    Column("assigned_to", Key, nullable=False, server_default=""),
    Column("previous_conversation_id", Key),
    Column("external_account_id", Key, nullable=False, server_default=""),
    Column("external_conversation_id", Key, nullable=False, server_default=""),
    Column("priority", SmallInteger, Computed(PRIORITY, persisted=True)),
    CheckConstraint("status IN ('bot', 'waiting', 'agent', 'resolved')", name="status"),
    Index(None, "priority", "last_at", "id"),
    Index(None, "channel", "customer_id"),
    Index(
        "ix_conversations_external", "channel", "external_account_id", "external_conversation_id"
    ),
)

turns = Table(
    "turns",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("turn_id", Key, nullable=False, unique=True),
    Column("conversation_id", Key, ForeignKey("conversations.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("question", Sealed, nullable=False),
    Column("lang", CleanText, nullable=False),
    Column("intent", CleanText, nullable=False),
    Column("action", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("answerability", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("unanswered", Boolean, nullable=False),
    Column("mood_label", CleanText, nullable=False),
    Column("frustration", Float, nullable=False),
    Column("unhappy", Boolean, nullable=False),
    Column("total_ms", Float, nullable=False),
    Column("first_ms", Float),
    Column("generator", CleanText, nullable=False),
    Column("encoder", CleanText, nullable=False),
    Column("mood_model", CleanText, nullable=False),
    Column("index_version", CleanText, nullable=False),
    Column("error", Sealed, nullable=False),
    Column("data", Sealed, nullable=False),
    Index(None, "conversation_id", "id"),
    Index(None, "created_at"),
    Index(None, "unanswered", "id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("conversation_id", Key, ForeignKey("conversations.id"), nullable=False),
    Column("speaker", CleanText, nullable=False),
    Column("author", Key, nullable=False, server_default=""),
    Column("text", Sealed, nullable=False),
    Column("search_text", CleanText, nullable=False),
    Column("turn_id", Key, ForeignKey("turns.turn_id")),
    Column("external_id", Key),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("speaker IN ('customer', 'bot', 'agent')", name="speaker"),
    # Per conversation, not per channel: customers of an API may all number from one.
    UniqueConstraint("conversation_id", "external_id"),
    Index(None, "conversation_id", "id"),
    Index(None, "turn_id"),
)


def _passage_columns() -> list[Column[object]]:
    return [
        Column("kind", CleanText, nullable=False),
        Column("lang", CleanText, nullable=False),
        Column("title", CleanText, nullable=False),
        Column("text", CleanText, nullable=False),
        Column("attributes", CleanText, nullable=False),
        Column("alternatives", CleanText, nullable=False),
        Column("group_id", Key, nullable=False),
        Column("source", CleanText, nullable=False),
        Column("valid_from", Date),
        Column("valid_until", Date),
        Column("content_hash", CleanText, nullable=False),
        Column("deleted", Boolean, nullable=False, server_default=false()),
        Column("changed_at", UtcDateTime, nullable=False),
    ]


passages = Table(
    "passages",
    metadata,
    Column("passage_id", Key, primary_key=True),
    Column("version", Integer, nullable=False),
    *_passage_columns(),
    Column("changed_in", BigId, nullable=False, server_default="0"),
    Index(None, "group_id"),
    Index(None, "changed_in"),
)

knowledge_changes = Table(
    "knowledge_changes",
    metadata,
    # One row a change: a number alone would also fit another database, or a restored one.
    Column("version", BigId, primary_key=True, autoincrement=False),
    Column("stamp", Key, nullable=False),
)

passage_versions = Table(
    "passage_versions",
    metadata,
    Column("passage_id", Key, ForeignKey("passages.passage_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    *_passage_columns(),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", BigId, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("turn_id", Key, ForeignKey("turns.turn_id"), primary_key=True),
    Column("value", SmallInteger, nullable=False),
    Column("comment", Sealed, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("value IN (-1, 1)", name="value"),
)

agents = Table(
    "agents",
    metadata,
    Column("name", Key, primary_key=True),
    Column("password_hash", CleanText, nullable=False),
    Column("role", CleanText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    CheckConstraint("role IN ('agent', 'admin')", name="role"),
)

review_items = Table(
    "review_items",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", CleanText, nullable=False),
    Column("conversation_id", Key, ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", Key, ForeignKey("turns.turn_id"), nullable=False),
    Column("detail", Sealed, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Key, nullable=False, server_default=""),
    CheckConstraint("kind IN ('turn_error', 'knowledge_gap', 'handover')", name="kind"),
    UniqueConstraint("kind", "turn_id"),
    Index(None, "closed_at", "kind", "id"),
    Index(None, "conversation_id"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("source", Key, nullable=False),
    Column("dedupe_key", Key, nullable=False),
    Column("conversation_key", Key, nullable=False),
    Column("payload", Sealed, nullable=False),
    Column("headers", Sealed, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("status", CleanText, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("lease_owner", Key, nullable=False, server_default=""),
    Column("lease_until", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("error", CleanText, nullable=False, server_default=""),
    CheckConstraint("status IN ('pending', 'working', 'done', 'discarded', 'dead')", name="status"),
    UniqueConstraint("source", "dedupe_key"),
    Index(None, "status", "id"),
    Index(None, "conversation_key", "id"),
    _open_rows("ix_inbox_open", "id"),
    _open_rows("ix_inbox_open_conversation", "conversation_key", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("idempotency_key", Key, nullable=False, unique=True),
    Column("channel", Key, nullable=False),
    Column("conversation_key", Key, nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("text", Sealed, nullable=False),
    Column("payload", Sealed, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("status", CleanText, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("lease_owner", Key, nullable=False, server_default=""),
    Column("lease_until", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("external_id", Key, nullable=False, server_default=""),
    Column("error", CleanText, nullable=False, server_default=""),
    CheckConstraint("kind IN ('reply', 'note', 'handoff', 'event')", name="kind"),
    CheckConstraint("status IN ('pending', 'working', 'done', 'discarded', 'dead')", name="status"),
    Index(None, "status", "id"),
    Index(None, "conversation_key", "id"),
    _open_rows("ix_outbox_open", "id"),
    _open_rows("ix_outbox_open_conversation", "conversation_key", "id"),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Key, primary_key=True),
    Column("value", CleanText, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

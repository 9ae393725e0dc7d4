"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import BigId, CleanText, Key, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PRIORITY = (
    "CASE status WHEN 'waiting' THEN CASE WHEN unhappy THEN 3 ELSE 2 END "
    "WHEN 'bot' THEN CASE WHEN unhappy THEN 1 ELSE 0 END ELSE 0 END"
)


def upgrade() -> None:
    """Conversations, turns, knowledge, feedback, agents, review, inbox, outbox, settings."""
    op.create_table(
        "agents",
        sa.Column("name", Key(), nullable=False),
        sa.Column("password_hash", CleanText(), nullable=False),
        sa.Column("role", CleanText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('agent', 'admin')", name=op.f("ck_agents_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agents")),
    )
    op.create_table(
        "conversations",
        sa.Column("id", Key(), nullable=False),
        sa.Column("channel", Key(), nullable=False),
        sa.Column("customer_id", Key(), server_default="", nullable=False),
        sa.Column("lang", CleanText(), server_default="other", nullable=False),
        sa.Column("status", CleanText(), server_default="bot", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("last_text", CleanText(), server_default="", nullable=False),
        sa.Column("turn_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unanswered_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unhappy", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("max_frustration", sa.Float(), server_default="0", nullable=False),
        sa.Column("handover_reason", CleanText(), server_default="", nullable=False),
        sa.Column("handover_at", UtcDateTime(), nullable=True),
        sa.Column("assigned_to", Key(), server_default="", nullable=False),
        sa.Column("previous_conversation_id", Key(), nullable=True),
        sa.Column("external_account_id", Key(), server_default="", nullable=False),
        sa.Column("external_conversation_id", Key(), server_default="", nullable=False),
        sa.Column(
            "priority", sa.SmallInteger(), sa.Computed(PRIORITY, persisted=True), nullable=True
        ),
        sa.CheckConstraint(
            "status IN ('bot', 'waiting', 'agent', 'resolved')",
            name=op.f("ck_conversations_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(
        op.f("ix_conversations_channel_customer_id"),
        "conversations",
        ["channel", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_conversations_external",
        "conversations",
        ["channel", "external_account_id", "external_conversation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_conversations_priority_last_at_id"),
        "conversations",
        ["priority", "last_at", "id"],
        unique=False,
    )
    op.create_table(
        "counters",
        sa.Column("name", Key(), nullable=False),
        sa.Column("value", BigId, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("source", Key(), nullable=False),
        sa.Column("dedupe_key", Key(), nullable=False),
        sa.Column("conversation_key", Key(), nullable=False),
        sa.Column("payload", CleanText(), nullable=False),
        sa.Column("headers", CleanText(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("status", CleanText(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("lease_owner", Key(), server_default="", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("error", CleanText(), server_default="", nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'working', 'done', 'discarded', 'dead')",
            name=op.f("ck_inbox_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("source", "dedupe_key", name=op.f("uq_inbox_source_dedupe_key")),
    )
    op.create_index(
        op.f("ix_inbox_conversation_key_id"), "inbox", ["conversation_key", "id"], unique=False
    )
    op.create_index(op.f("ix_inbox_status_id"), "inbox", ["status", "id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("idempotency_key", Key(), nullable=False),
        sa.Column("channel", Key(), nullable=False),
        sa.Column("conversation_key", Key(), nullable=False),
        sa.Column("kind", CleanText(), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("payload", CleanText(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", CleanText(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("lease_owner", Key(), server_default="", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("external_id", Key(), server_default="", nullable=False),
        sa.Column("error", CleanText(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('reply', 'note', 'handoff', 'event')", name=op.f("ck_outbox_kind")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'working', 'done', 'discarded', 'dead')",
            name=op.f("ck_outbox_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_outbox_idempotency_key")),
    )
    op.create_index(
        op.f("ix_outbox_conversation_key_id"), "outbox", ["conversation_key", "id"], unique=False
    )
    op.create_index(op.f("ix_outbox_status_id"), "outbox", ["status", "id"], unique=False)
    op.create_table(
        "passages",
        sa.Column("passage_id", Key(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", CleanText(), nullable=False),
        sa.Column("lang", CleanText(), nullable=False),
        sa.Column("title", CleanText(), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("attributes", CleanText(), nullable=False),
        sa.Column("alternatives", CleanText(), nullable=False),
        sa.Column("group_id", Key(), nullable=False),
        sa.Column("source", CleanText(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("content_hash", CleanText(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("passage_id", name=op.f("pk_passages")),
    )
    op.create_index(op.f("ix_passages_group_id"), "passages", ["group_id"], unique=False)
    op.create_table(
        "settings",
        sa.Column("key", Key(), nullable=False),
        sa.Column("value", CleanText(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "passage_versions",
        sa.Column("passage_id", Key(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", CleanText(), nullable=False),
        sa.Column("lang", CleanText(), nullable=False),
        sa.Column("title", CleanText(), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("attributes", CleanText(), nullable=False),
        sa.Column("alternatives", CleanText(), nullable=False),
        sa.Column("group_id", Key(), nullable=False),
        sa.Column("source", CleanText(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("content_hash", CleanText(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.passage_id"], name=op.f("fk_passage_versions_passage_id")
        ),
        sa.PrimaryKeyConstraint("passage_id", "version", name=op.f("pk_passage_versions")),
    )
    op.create_table(
        "turns",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("turn_id", Key(), nullable=False),
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("question", CleanText(), nullable=False),
        sa.Column("lang", CleanText(), nullable=False),
        sa.Column("intent", CleanText(), nullable=False),
        sa.Column("action", CleanText(), nullable=False),
        sa.Column("reason", CleanText(), nullable=False),
        sa.Column("answerability", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("unanswered", sa.Boolean(), nullable=False),
        sa.Column("mood_label", CleanText(), nullable=False),
        sa.Column("frustration", sa.Float(), nullable=False),
        sa.Column("unhappy", sa.Boolean(), nullable=False),
        sa.Column("total_ms", sa.Float(), nullable=False),
        sa.Column("first_ms", sa.Float(), nullable=True),
        sa.Column("generator", CleanText(), nullable=False),
        sa.Column("encoder", CleanText(), nullable=False),
        sa.Column("mood_model", CleanText(), nullable=False),
        sa.Column("index_version", CleanText(), nullable=False),
        sa.Column("error", CleanText(), nullable=False),
        sa.Column("data", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_turns_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_turns_turn_id")),
    )
    op.create_index(
        op.f("ix_turns_conversation_id_id"), "turns", ["conversation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_turns_created_at"), "turns", ["created_at"], unique=False)
    op.create_index(op.f("ix_turns_unanswered_id"), "turns", ["unanswered", "id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("turn_id", Key(), nullable=False),
        sa.Column("value", sa.SmallInteger(), nullable=False),
        sa.Column("comment", CleanText(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("value IN (-1, 1)", name=op.f("ck_feedback_value")),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.turn_id"], name=op.f("fk_feedback_turn_id")),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_feedback")),
    )
    op.create_table(
        "messages",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("speaker", CleanText(), nullable=False),
        sa.Column("author", Key(), server_default="", nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("search_text", CleanText(), nullable=False),
        sa.Column("turn_id", Key(), nullable=True),
        sa.Column("external_id", Key(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "speaker IN ('customer', 'bot', 'agent')", name=op.f("ck_messages_speaker")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id")
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.turn_id"], name=op.f("fk_messages_turn_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "conversation_id", "external_id", name=op.f("uq_messages_conversation_id_external_id")
        ),
    )
    op.create_index(
        op.f("ix_messages_conversation_id_id"), "messages", ["conversation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_messages_turn_id"), "messages", ["turn_id"], unique=False)
    op.create_table(
        "review_items",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("kind", CleanText(), nullable=False),
        sa.Column("conversation_id", Key(), nullable=False),
        sa.Column("turn_id", Key(), nullable=False),
        sa.Column("detail", CleanText(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", Key(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('turn_error', 'knowledge_gap', 'handover')", name=op.f("ck_review_items_kind")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_review_items_conversation_id")
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.turn_id"], name=op.f("fk_review_items_turn_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_items")),
        sa.UniqueConstraint("kind", "turn_id", name=op.f("uq_review_items_kind_turn_id")),
    )
    op.create_index(
        op.f("ix_review_items_closed_at_kind_id"),
        "review_items",
        ["closed_at", "kind", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_review_items_conversation_id"), "review_items", ["conversation_id"], unique=False
    )

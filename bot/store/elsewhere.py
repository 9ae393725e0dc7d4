"""What people did in the connected system, followed here, as part of a transaction.

Covered: who is up, what an agent wrote, the review queue. Not covered: what agents do in our own
console (`bot.store.conversations`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from bot.store.queue_records import Elsewhere
from bot.store.tables import conversations, review_items
from bot.store.transitions import Standing, followed
from bot.store.turn_writes import lock_conversation, locked, store_standing, write_utterance
from bot.types import Message

OPENED_REASON = "opened_elsewhere"


def write_elsewhere(connection: Connection, done: Elsewhere, at: datetime) -> bool:
    """Follow it. False if it changes nothing: known already, or a conversation we never saw."""
    row = locked(connection, done.conversation_id)
    if row is None:
        if done.event != "taken_over":
            return False
        first = Message(done.conversation_id, "", done.channel, done.customer_id)
        row = lock_conversation(connection, done.conversation_id, first, at)
    written = write_utterance(
        connection,
        row.id,
        "agent",
        done.text,
        at=at,
        author=done.agent,
        external_id=done.message_id or None,
    )
    before = Standing(row.status, row.assigned_to)
    standing = followed(before, done.event, done.agent)
    changes: dict[str, Any] = {}
    if standing.status == "waiting" and before.status != "waiting":
        changes = {"handover_at": at, "handover_reason": OPENED_REASON}
    if standing != before:
        store_standing(connection, row.id, standing, **changes)
    if standing != before and done.event != "opened":
        _close_handovers(connection, row.id, done.agent or done.channel, at)
    if written:
        connection.execute(
            update(conversations)
            .where(conversations.c.id == row.id)
            .values(last_at=max(row.last_at, at))
        )
    return written or standing != before


def _close_handovers(connection: Connection, conversation_id: str, by: str, at: datetime) -> None:
    connection.execute(
        update(review_items)
        .where(
            review_items.c.conversation_id == conversation_id,
            review_items.c.kind == "handover",
            review_items.c.closed_at.is_(None),
        )
        .values(closed_at=at, closed_by=by)
    )

"""What people did in the connected system, followed here, as part of a transaction.

Covered: who is up, what an agent wrote. Not covered: what agents do in our own
console (`bot.store.conversations`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from bot.store.queue_records import Elsewhere
from bot.store.standing import happen_elsewhere
from bot.store.tables import conversations
from bot.store.turn_writes import lock_conversation
from bot.store.utterances import locked, write_utterance
from bot.types import Message


def write_elsewhere(connection: Connection, done: Elsewhere, at: datetime) -> bool:
    """Follow it. False if it changes nothing: known already, or a conversation we never saw."""
    row = locked(connection, done.conversation_id)
    if row is None:
        if done.event != "taken_over":
            return False
        first = Message(done.conversation_id, "", done.channel, done.customer_id)
        row = lock_conversation(connection, done.conversation_id, first, at)
    said = bool(done.text.strip())
    before, standing = happen_elsewhere(connection, row, done.event, done.agent, at, said=said)
    written = write_utterance(
        connection,
        row.id,
        "agent",
        done.text,
        at=at,
        author=done.agent,
        external_id=done.message_id or None,
    )
    if written:
        connection.execute(
            update(conversations)
            .where(conversations.c.id == row.id)
            .values(last_at=max(row.last_at, at))
        )
    return written or standing != before

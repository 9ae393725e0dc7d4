"""Utterances and the row of their conversation, as part of a transaction.

Covered: locking a conversation, storing one utterance once. Not covered: what follows from it
(`bot.store.turn_writes`, `bot.store.standing`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from bot.store.rows import insert_unless_there
from bot.store.search_text import searchable
from bot.store.tables import conversations, messages

_LOCKED: Final = (
    select(conversations).where(conversations.c.id == bindparam("one")).with_for_update()
)


def locked(connection: Connection, conversation_id: str) -> Row[Any] | None:
    """The conversation's row, locked until the transaction ends; None if there is none."""
    return connection.execute(_LOCKED, {"one": conversation_id}).one_or_none()


def write_utterance(
    connection: Connection,
    conversation_id: str,
    speaker: str,
    text: str,
    *,
    at: datetime,
    turn_id: str | None = None,
    author: str = "",
    external_id: str | None = None,
) -> bool:
    """Store one utterance; False if it is empty or its external id is already there."""
    if not text:
        return False
    return insert_unless_there(
        connection,
        messages,
        {
            "conversation_id": conversation_id,
            "speaker": speaker,
            "author": author,
            "text": text,
            "search_text": searchable(text, connection.dialect),
            "turn_id": turn_id,
            "external_id": external_id,
            "created_at": at,
        },
    )

"""The database as the service sees it while it answers.

Covered: `TurnStore`, and messages that the bot keeps silent about. Not covered: what agents do
(`bot.store.conversations`), webhooks (`bot.store.queue`).
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, exists, select

from bot.store.handovers import episode_start
from bot.store.tables import conversations, messages, turns
from bot.store.transactions import reading, writing
from bot.store.turn_writes import PreparedTurn, write_message, write_turn
from bot.types import Action, HistoryEntry, Message, Turn, Waiting


class SqlTurnStore:
    """`bot.protocols.TurnStore` in SQL; safe to use from many threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def history(self, conversation_id: str, limit: int = 12) -> tuple[HistoryEntry, ...]:
        """The latest utterances, oldest first; empty for an unknown conversation.

        What was said before the conversation was resolved is not part of it any more.

        Raises:
            StoreError: the database failed.
        """
        with reading(self._engine) as connection:
            if _is_resolved(connection, conversation_id):
                return ()
            since, _ = episode_start(connection, conversation_id)
            query = (
                select(messages.c.speaker, messages.c.text)
                .where(messages.c.conversation_id == conversation_id, messages.c.id > since)
                .order_by(messages.c.id.desc())
                .limit(max(0, limit))
            )
            rows = connection.execute(query).all()
        return tuple(HistoryEntry(row.speaker, row.text) for row in reversed(rows))

    def is_with_agent(self, conversation_id: str) -> bool:
        """Whether a person has taken the conversation over, so that the bot keeps silent.

        Raises:
            StoreError: the database failed.
        """
        query = select(
            exists().where(conversations.c.id == conversation_id, conversations.c.status == "agent")
        )
        with reading(self._engine) as connection:
            return bool(connection.execute(query).scalar_one())

    def failed_before(self, conversation_id: str) -> bool:
        """Whether the latest turn ended in "I don't know"; False for an unknown conversation.

        Raises:
            StoreError: the database failed.
        """
        with reading(self._engine) as connection:
            if _is_resolved(connection, conversation_id):
                return False
            _, since = episode_start(connection, conversation_id)
            query = (
                select(turns.c.action)
                .where(turns.c.conversation_id == conversation_id, turns.c.id > since)
                .order_by(turns.c.id.desc())
                .limit(1)
            )
            return connection.execute(query).scalar_one_or_none() == Action.ABSTAIN.value

    def waiting(self, conversation_id: str) -> Waiting | None:
        """Since when and why the conversation waits for a person; None if it does not.

        Raises:
            StoreError: the database failed.
        """
        table = conversations.c
        query = select(table.handover_at, table.handover_reason, table.unhappy, table.last_at)
        query = query.where(table.id == conversation_id, table.status == "waiting")
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Waiting(row.handover_at or row.last_at, row.handover_reason, row.unhappy)

    def save(self, turn: Turn) -> None:
        """Store message, replies, turn and flags in one transaction; twice is harmless.

        A turn that hands over makes the conversation wait for a person, unless one has it already.

        Raises:
            StoreError: the database failed; nothing was stored.
        """
        prepared = PreparedTurn.of(turn)
        with writing(self._engine) as connection:
            write_turn(connection, prepared)

    def record(self, message: Message) -> bool:
        """Store what a customer said while a person has the conversation.

        Returns False for a message (by its `message_id`) that is there already, or is empty.

        Raises:
            StoreError: the database failed; nothing was stored.
        """
        with writing(self._engine) as connection:
            return write_message(connection, message)


def _is_resolved(connection: Connection, conversation_id: str) -> bool:
    query = select(conversations.c.status).where(conversations.c.id == conversation_id)
    return connection.execute(query).scalar_one_or_none() == "resolved"

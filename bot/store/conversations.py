"""What agents do with a conversation: take over, reply, hand back, resolve.

Covered: each action as one transaction, refused if it makes no sense now (`bot.handover.states`). Not
covered: who may do it (sign-in is the console's), sending (`bot.store.queue`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, update

from bot.errors import InputError
from bot.handover.states import Event, after
from bot.store.columns import utc_now
from bot.store.queue_records import Outgoing, OutgoingKind
from bot.store.queue_rows import write_outgoing
from bot.store.standing import happen, standing_of
from bot.store.tables import conversations
from bot.store.transactions import writing
from bot.store.utterances import locked, write_utterance

MAX_REPLY_CHARS = 10_000


class SqlConversations:
    """Actions of agents in SQL.

    Args:
        engine: the database.
        push_channels: channels that deliver from the outbox (webhooks). A channel that asks for
            new messages itself, like the chat page, is not among them.
    """

    def __init__(self, engine: Engine, push_channels: Collection[str] = ()) -> None:
        self._engine = engine
        self._push_channels = frozenset(push_channels)

    def take_over(self, conversation_id: str, agent: str) -> None:
        """The bot keeps silent from now on. Doing it twice is harmless.

        Raises:
            InputError: there is no such conversation, or another agent has it.
        """
        self._act(conversation_id, Event.TAKE_OVER, agent, "taken_over")

    def hand_back(self, conversation_id: str, agent: str) -> None:
        """The bot answers again.

        Raises:
            InputError: there is no such conversation, or no person has it or is waited for.
        """
        self._act(conversation_id, Event.HAND_BACK, agent, "handed_back")

    def resolve(self, conversation_id: str, agent: str) -> None:
        """Nothing is left to do; the customer's next message opens it again, with the bot.

        Raises:
            InputError: there is no such conversation, or it is resolved already.
        """
        self._act(conversation_id, Event.RESOLVE, agent, "resolved")

    def reply_as_agent(
        self, conversation_id: str, agent: str, text: str, request_id: str = ""
    ) -> bool:
        """Say something to the customer.

        Args:
            conversation_id: where.
            agent: who took the conversation over.
            text: what, 1 to 10,000 characters.
            request_id: names this very reply; sending it again (a double click) does nothing.

        Returns:
            False if a reply with this `request_id` is there already.

        Raises:
            InputError: no such conversation, not this agent's, or the text is empty or too long.
        """
        text = text.replace("\x00", "").strip()
        if not text:
            raise InputError("the reply is empty", fix="write something")
        if len(text) > MAX_REPLY_CHARS:
            raise InputError(
                f"the reply has {len(text):,} characters", fix=f"use up to {MAX_REPLY_CHARS:,}"
            )
        now = utc_now()
        request_id = request_id or uuid4().hex
        with writing(self._engine) as connection:
            row = _found(connection, conversation_id)
            # Refused before anything is written; what it changes depends on whether it is new.
            after(standing_of(connection, row), Event.AGENT_REPLY, agent)
            written = write_utterance(
                connection,
                row.id,
                "agent",
                text,
                at=now,
                author=agent,
                external_id=f"console:{request_id}",
            )
            if written:
                happen(connection, row, [Event.AGENT_REPLY], now, agent=agent)
                connection.execute(
                    update(conversations)
                    .where(conversations.c.id == row.id)
                    .values(last_at=max(row.last_at, now))
                )
                self._push(connection, row, "reply", text, f"agent:{row.id}:{request_id}")
        return written

    def _act(self, conversation_id: str, event: Event, agent: str, told: str) -> None:
        with writing(self._engine) as connection:
            row = _found(connection, conversation_id)
            before = standing_of(connection, row)
            pushed = row.channel in self._push_channels
            now = happen(connection, row, [event], utc_now(), agent=agent, push=pushed)
            if now == before:
                return
            self._push(connection, row, "event", told, f"event:{uuid4().hex}")

    def _push(
        self, connection: Connection, row: Row[Any], kind: OutgoingKind, text: str, key: str
    ) -> None:
        if row.channel in self._push_channels:
            write_outgoing(connection, Outgoing(key, row.channel, row.id, kind, text), utc_now())


def _found(connection: Connection, conversation_id: str) -> Row[Any]:
    row = locked(connection, conversation_id)
    if row is None:
        raise InputError(
            f"there is no conversation {conversation_id[:80]!r}", fix="reload the list"
        )
    return row

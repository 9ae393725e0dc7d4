"""The counter at which every page serves customers: ask, vote, read one's own conversation.

Covered: what the open API and the chat page have in common. Not covered: how either shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import anyio.to_thread

from bot.channels.examples import examples
from bot.channels.gate import AnswerGate, AnswerStream
from bot.channels.limits import CustomerLimits
from bot.channels.parts import AppParts
from bot.channels.sharing import Sharing
from bot.channels.texts import UiLang
from bot.store.records import MessageRecord, Status, TurnRecord
from bot.types import Message, Turn


@dataclass(frozen=True, slots=True)
class Transcript:
    """One conversation as its customer may see it, oldest first."""

    status: Status
    messages: tuple[MessageRecord, ...]
    turns: dict[str, TurnRecord]


class Desk:
    """Serves customers; safe to use from many threads, except `open` (event loop only)."""

    def __init__(self, parts: AppParts) -> None:
        self._parts = parts
        self.gate = AnswerGate(parts.answer, parts.settings.workers)
        self._limits = CustomerLimits(parts.settings)
        self.sharing = Sharing(self._limits, parts.access.rates)

    def open(self, message: Message, address: str = "") -> AnswerStream:
        """Start to answer.

        Args:
            message: the question.
            address: where it comes from; empty when the request speaks for many customers.

        Raises:
            TooManyError: this customer, this address or all together ask too often.
            OverloadedError: too many customers are waiting.
        """
        self._limits.admit(message.customer_id or message.conversation_id, address)
        return self.gate.open(message)

    def examples(self) -> dict[UiLang, tuple[str, ...]]:
        """Questions that an empty chat suggests, by language of the page."""
        return examples(self._parts.settings, self._parts.knowledge, datetime.now(UTC).date())

    async def stored_turn(self, turn_id: str) -> Turn | None:
        """The turn as stored; None if nothing was."""
        record = await anyio.to_thread.run_sync(self._parts.queries.turn, turn_id)
        return None if record is None else record.turn

    def vote(self, turn_id: str, value: Literal[-1, 0, 1], comment: str = "") -> None:
        """Store a vote; 0 withdraws it.

        Raises:
            InputError: there is no such turn.
        """
        self._parts.feedback.vote(turn_id, value, comment)

    def transcript(self, conversation_id: str, channel: str) -> Transcript | None:
        """The whole conversation, or None if `channel` has none of this id."""
        detail = self._parts.queries.conversation(conversation_id)
        if detail is None or detail.summary.channel != channel:
            return None
        turns = {record.turn.turn_id: record for record in detail.turns}
        return Transcript(detail.summary.status, detail.messages, turns)

    def news(
        self, conversation_id: str, channel: str, after: int
    ) -> tuple[Status, tuple[MessageRecord, ...]] | None:
        """Who is up, and messages after `after`; None if `channel` has no such conversation."""
        summary = self._parts.queries.summary(conversation_id)
        if summary is None or summary.channel != channel:
            return None
        return summary.status, self._parts.queries.messages(conversation_id, after)

"""A message understood: its language, what is looked up for it, and what the customer wants.

Covered: putting together `bot.language`, `bot.followup`, `bot.intents` and the topics that the shop
keeps for people. A message without a
letter or digit has an empty `search_text`: there is nothing to look up. Not covered: the mood,
and translating a question (the encoder finds across languages).

Understanding never raises: what fails is logged, and the message is searched as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from bot.followup import SHIPPED as FOLLOW_UP_HEAD
from bot.followup import FollowUps
from bot.handover.topics import ReservedTopics
from bot.heads import Heads
from bot.intents import SHIPPED as INTENT_HEAD
from bot.intents import IntentPrototypes, IntentReader
from bot.language import detect
from bot.protocols import Encoder
from bot.types import HistoryEntry, Lang, Message, Query

log = structlog.get_logger(__name__)
_READ_CHARS = 1000
"""Of a very long message the beginning tells language and intent."""


class Understander:
    """Implements `bot.protocols.Understand`.

    Args:
        intents: reads what the customer wants.
        follow_ups: completes messages that lean on earlier ones.
        topics: finds what the shop keeps for people.
    """

    def __init__(
        self, intents: IntentReader, follow_ups: FollowUps, topics: ReservedTopics | None = None
    ) -> None:
        self._intents = intents
        self._follow_ups = follow_ups
        self._topics = topics or ReservedTopics(())

    @classmethod
    def shipped(
        cls, encoder: Encoder, phrases: Path | None = None, topics: Path | None = None
    ) -> Understander:
        """With the heads and lists that come with the program.

        Args:
            encoder: the one that mood reads with, whatever search uses.
            phrases: the shop's CSV of intents.
            topics: the shop's CSV of topics kept for people, on top of the shipped ones.

        Raises:
            ModelError: a head is missing, damaged, or of another encoder.
            InputError: a CSV cannot be used.
        """
        prototypes = IntentPrototypes.from_csv(phrases, encoder) if phrases else None
        return cls(
            IntentReader(encoder, Heads.load(INTENT_HEAD), prototypes),
            FollowUps(encoder, Heads.load(FOLLOW_UP_HEAD)),
            ReservedTopics.load(topics),
        )

    def __call__(self, message: Message, history: Sequence[HistoryEntry]) -> Query:
        """The query. Never raises."""
        lang = detect(message.text[:_READ_CHARS], _expected(message, history))
        text = message.text.strip()
        plain = Query(
            message.text,
            lang,
            text if any(map(str.isalnum, text)) else "",
            reserved=self._topics.find(text),
            page_lang=message.interface_lang,
        )
        try:
            return self._understood(plain, text[:_READ_CHARS], history)
        except Exception:
            # The search still works with what was said; the log has the rest.
            log.exception("understanding_failed", conversation=message.conversation_id)
            return plain

    def _understood(self, plain: Query, text: str, history: Sequence[HistoryEntry]) -> Query:
        if not text:
            return plain
        completed = plain.search_text
        if completed and completed == text:
            completed = self._follow_ups.complete(text, history, plain.lang)
        guess = self._intents.read(text, completed[: 2 * _READ_CHARS])
        return replace(
            plain,
            search_text=completed,
            intent=guess.intent,
            intent_confidence=guess.confidence,
            is_follow_up=completed != plain.search_text,
            intent_name=guess.name,
            reserved=plain.reserved or (f"intent_{guess.name}" if guess.for_people else ""),
        )


def _expected(message: Message, history: Sequence[HistoryEntry]) -> Lang:
    """The language to assume of a message that does not show one."""
    fallback: Lang = message.interface_lang or "en"
    for entry in history:
        if entry.speaker == "customer":
            fallback = detect(entry.text[:_READ_CHARS], fallback)
    return fallback

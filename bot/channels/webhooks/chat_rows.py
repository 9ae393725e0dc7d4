"""Replies to chats that show plain messages: rows of the outbox, and who may still speak.

Covered: a reply cut into messages of a bounded length, silence while a person has the conversation,
attempts in doubt. Not covered: the requests themselves (each adapter).

A system that cannot be asked whether a message arrived is not sent a reply a second time: an
attempt is marked right before it leaves, so one that was cut short has most likely arrived. An
agent's own words are sent again. Systems that tell us of our messages (echoes, statuses) confirm
them before that question comes up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.channels.webhooks.adapter import Delivery, Dropped
from bot.channels.webhooks.wording import reply_text
from bot.store.codec import dump
from bot.store.queue_records import Outgoing
from bot.types import Turn

_BREAK: Final = re.compile(r"(?<=\n\n)|(?<=\n)|(?<=[。！？；])|(?<=[.!?;]\s)|(?<=\s)")


@dataclass(frozen=True, slots=True)
class ReplyTask:
    """What a row of the outbox holds beside its text. Empty for what agents did in our console."""

    turn_id: str
    answered: str


def reply_rows(turn: Turn, answered_ref: str, channel: str, limit: int) -> tuple[Outgoing, ...]:
    """The turn's reply as messages of at most `limit` characters."""
    task = dump(ReplyTask(turn.turn_id, answered_ref))
    rows = []
    for number, piece in enumerate(pieces(reply_text(turn), limit)):
        key = f"{turn.turn_id}:reply" + (f"-{number + 1}" if number else "")
        rows.append(Outgoing(key, channel, turn.conversation_id, "reply", piece, task))
    return tuple(rows)


def why_not(delivery: Delivery, system: str) -> Dropped | None:
    """Why this is not to be sent (any more); None when it is."""
    outgoing = delivery.outgoing
    if outgoing.kind != "reply":
        return Dropped(f"{system} has nothing like it")
    by_bot = bool(outgoing.payload)
    if by_bot and delivery.in_doubt:
        return Dropped("it may have arrived, and nobody can tell", perhaps_sent=True)
    if by_bot and delivery.with_person():
        return Dropped("a person has the conversation")
    return None


def pieces(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` characters, cut where it hurts least.

    >>> pieces("One. Two. Three.", 10)
    ['One. Two.', 'Three.']
    """
    found: list[str] = []
    current = ""
    for part in _BREAK.split(text):
        for start in range(0, len(part), limit):
            bit = part[start : start + limit]
            if current and len(current) + len(bit) > limit:
                found.append(current.strip())
                current = ""
            current += bit
    return [piece for piece in [*found, current.strip()] if piece]

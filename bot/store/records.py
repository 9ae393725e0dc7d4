"""What the console reads: conversations, their messages and turns, as frozen records.

Covered: the answers of `bot.store.queries`. Not covered: queue rows (`bot.store.queue`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.handover.states import Status
from bot.store.handovers import EpisodeRecord, HandoverRecord
from bot.types import Speaker, Turn

__all__ = [
    "ConversationDetail",
    "ConversationFilter",
    "ConversationPage",
    "ConversationSummary",
    "MessageRecord",
    "QueueCounts",
    "Status",
    "TurnRecord",
    "UnansweredQuestion",
]


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations to list; everything that is set must hold.

    `search` is split at spaces; each word must occur somewhere in the conversation (messages,
    customer id, conversation id), upper or lower case, full or half width alike.
    """

    unhappy: bool = False
    handed_over: bool = False
    unanswered: bool = False
    status: str = ""
    assigned_to: str = ""
    channel: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One line of the list.

    `frustration` is the highest so far, in [0, 1]. `feedback` is -1 if any answer was voted down,
    else 1 if any was voted up, else 0. `unanswered` counts questions the shop's texts left open.
    `overdue`: it waits, and its timer has run out. `owed`: a person has it, and the customer has
    written since that person's last reply.
    """

    conversation_id: str
    channel: str
    customer_id: str
    status: Status
    lang: str
    created_at: datetime
    last_at: datetime
    turns: int
    last_text: str
    unhappy: bool
    frustration: float
    handover_reason: str
    waiting_since: datetime | None
    unanswered: int
    feedback: int
    assigned_to: str
    previous_conversation_id: str = ""
    external_account_id: str = ""
    external_conversation_id: str = ""
    overdue: bool = False
    owed: bool = False


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Some of the list; `next` continues it as `before`, or is None at the end."""

    items: tuple[ConversationSummary, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One utterance. `author` names the agent; `turn_id` is empty when no turn belongs to it.

    `message_id` grows over the conversation, so "everything after N" is what is new.
    """

    message_id: int
    conversation_id: str
    speaker: Speaker
    author: str
    text: str
    turn_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn and what the customer thought of it: -1, 0 (no vote) or 1."""

    turn: Turn
    feedback: int
    feedback_comment: str


@dataclass(frozen=True, slots=True)
class ConversationDetail:
    """A whole conversation, oldest first.

    `handover` is the newest one, open or not; `episodes` are the parts that ended in being resolved.
    """

    summary: ConversationSummary
    messages: tuple[MessageRecord, ...]
    turns: tuple[TurnRecord, ...]
    handover: HandoverRecord | None = None
    episodes: tuple[EpisodeRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many conversations each filter shows."""

    all: int
    waiting: int
    unhappy: int
    handed_over: int
    unanswered: int
    with_agents: int
    own: int = 0


@dataclass(frozen=True, slots=True)
class UnansweredQuestion:
    """A question the shop's texts did not answer. `answerability` in [0, 1]; `error` if it broke."""

    turn_id: str
    conversation_id: str
    question: str
    lang: str
    reason: str
    answerability: float
    error: str
    created_at: datetime

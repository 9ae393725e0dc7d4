"""What the chat page is told, as plain JSON values; the page itself turns them into elements.

Covered: the answer in progress, a conversation read back from the database, what is new in it.
Everything is sent as text and shown as text: nothing here is HTML or Markdown. Not covered: how it
looks (`static/chat.js`, `static/chat.css`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from bot.channels.desk import Transcript
from bot.store.records import MessageRecord, TurnRecord
from bot.types import Reply, Turn

State = Literal["writing", "done", "failed"]


def answer_view(
    turn_id: str,
    replies: Sequence[Reply],
    state: State,
    *,
    turn: Turn | None = None,
    vote: int = 0,
    notice: str = "",
    at: float | None = None,
) -> dict[str, Any]:
    """One answer: sentences so far, how far it is, and what the turn decided once it is stored.

    `at` is in seconds since 1970; `notice` is a prepared sentence shown instead of an answer.
    """
    return {
        "kind": "bot",
        "turn_id": turn_id,
        "state": state,
        "replies": [_reply_view(reply) for reply in replies],
        "action": str(turn.decision.action) if turn else "",
        "vote": vote,
        "notice": notice,
        "at": at,
    }


def transcript_view(transcript: Transcript) -> dict[str, Any]:
    """A whole conversation, oldest first."""
    return {
        "status": transcript.status,
        "last_id": _last_id(transcript.messages),
        "entries": [
            _entry(message, transcript.turns.get(message.turn_id))
            for message in transcript.messages
        ],
    }


def news_view(status: str, messages: Sequence[MessageRecord], after: int) -> dict[str, Any]:
    """What people of the shop, or the bot of its own accord, said since `after`; who is up now."""
    return {
        "status": status,
        "last_id": max(after, _last_id(messages)),
        "entries": [_entry(message, None) for message in messages if _unasked(message)],
    }


def _unasked(message: MessageRecord) -> bool:
    """Whether it was said without the customer asking: the page does not have it yet."""
    return message.speaker == "agent" or (message.speaker == "bot" and not message.turn_id)


def _last_id(messages: Sequence[MessageRecord]) -> int:
    return messages[-1].message_id if messages else 0


def _entry(message: MessageRecord, record: TurnRecord | None) -> dict[str, Any]:
    at = message.created_at.timestamp()
    if message.speaker == "bot" and record is not None:
        turn = record.turn
        return answer_view(
            turn.turn_id, turn.replies, "done", turn=turn, vote=record.feedback, at=at
        )
    if message.speaker == "bot":
        # Told of its own accord: people are late, or have closed the conversation.
        return answer_view("", [Reply(message.text, "notice")], "done", at=at)
    return {
        "kind": message.speaker,
        "text": message.text,
        "author": message.author,
        "at": at,
    }


def _reply_view(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "kind": reply.kind,
        "citations": [
            {
                "number": citation.number,
                "title": citation.title,
                "text": citation.text,
                "kind": citation.kind,
                "evidence": [list(place) for place in citation.evidence],
                "answer": list(citation.answer) if citation.answer else None,
            }
            for citation in reply.citations
        ],
    }

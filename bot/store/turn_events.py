"""Which events a turn makes, published in the transaction that stores the turn.

Covered: `turn.answered` (something was said), `conversation.handoff` (a person is asked for),
`customer.unhappy` (for the first time in a conversation), `knowledge.gap` (the shop's texts left a
question open). Not covered: what agents do.

What customers wrote is masked, texts are cut: an event stays far below the 20 kB of the
specification, and its receivers need not be places where personal data may lie.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from bot.privacy.finding import mask
from bot.store.events import publish
from bot.types import Action, Turn

MAX_TEXT_CHARS: Final = 2000
MAX_SOURCES: Final = 5


def publish_turn(
    connection: Connection,
    turn: Turn,
    *,
    unanswered: bool,
    unhappy_before: bool,
) -> None:
    """Publish everything that this turn makes true.

    Args:
        connection: of the transaction that stores the turn.
        turn: it.
        unanswered: whether it left the customer's question open.
        unhappy_before: whether the customer was unhappy earlier in this conversation.
    """
    about = _about(turn)
    if turn.reply_text:
        said = {"text": _cut(turn.reply_text), "sources": _sources(turn)}
        publish("turn.answered", about | said, connection)
    if turn.decision.action is Action.HAND_OVER:
        mood = turn.mood
        why = {
            "reason": turn.decision.reason,
            "question": _cut(mask(turn.message.text)),
            "mood": mood.label,
            "frustration": round(float(mood.frustration), 3),
            "unhappy": bool(mood.unhappy),
            "sources": _sources(turn),
        }
        publish("conversation.handoff", about | why, connection)
    if turn.mood.unhappy and not unhappy_before:
        felt = {
            "question": _cut(mask(turn.message.text)),
            "mood": turn.mood.label,
            "frustration": round(float(turn.mood.frustration), 3),
        }
        publish("customer.unhappy", about | felt, connection)
    if unanswered and not turn.error:
        gap = {
            "question": _cut(mask(turn.message.text)),
            "searched": _cut(mask(turn.query.search_text)),
            "answerability": round(float(turn.retrieval.answerability), 3),
            "reason": turn.decision.reason,
        }
        publish("knowledge.gap", about | gap, connection)


def _about(turn: Turn) -> dict[str, Any]:
    return {
        "conversation_id": turn.conversation_id,
        "turn_id": turn.turn_id,
        "channel": turn.message.channel,
        "lang": turn.query.lang,
        "action": turn.decision.action.value,
    }


def _sources(turn: Turn) -> list[dict[str, str]]:
    cited = {c.passage_id: c.title for reply in turn.replies for c in reply.citations}
    return [{"id": key, "title": title} for key, title in list(cited.items())[:MAX_SOURCES]]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[: MAX_TEXT_CHARS - 1]}…"

"""What happens in the database when a turn is stored. Each function is part of a transaction.

Covered: the conversation, the customer's message, the reply, the turn, its flags and the review
queue. Not covered: opening the transaction (`bot.store.turns`, `bot.store.queue`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bot.errors import StoreError
from bot.handover.states import Event
from bot.privacy.finding import mask
from bot.store.codec import dump, dump_turn
from bot.store.columns import as_utc, clean_key, utc_now
from bot.store.handovers import summary_within
from bot.store.rows import insert_unless_there
from bot.store.standing import Opening, happen
from bot.store.tables import conversations, messages, review_items, turns
from bot.store.turn_events import publish_turn
from bot.store.utterances import locked, write_utterance
from bot.types import Action, Intent, Message, Turn

LAST_TEXT_CHARS = 200

_INSERT_TURN: Final = insert(turns)
_OWNER: Final = select(turns.c.conversation_id).where(turns.c.turn_id == bindparam("one"))

_QUESTIONS = (Intent.QUESTION, Intent.PRODUCT_QUESTION)


def left_unanswered(turn: Turn) -> bool:
    """Whether the shop's texts left the customer's question open.

    True for "I don't know", and for a plain question, or a turn that broke, that went to a person
    without one cited sentence; not for a customer who asked for a person or complained.
    """
    if turn.decision.action is Action.ABSTAIN:
        return True
    if turn.decision.action is not Action.HAND_OVER:
        return False
    cited = any(reply.citations for reply in turn.replies)
    return not cited and (bool(turn.error) or turn.query.intent in _QUESTIONS)


@dataclass(frozen=True, slots=True)
class PreparedTurn:
    """A turn and its row, masked and encoded before the transaction: others wait for that."""

    turn: Turn
    row: dict[str, Any]
    unanswered: bool

    @classmethod
    def of(cls, turn: Turn) -> PreparedTurn:
        """Does the work."""
        unanswered = left_unanswered(turn)
        return cls(
            turn, _turn_row(turn, as_utc(turn.created_at), unanswered=unanswered), unanswered
        )


def write_turn(connection: Connection, prepared: PreparedTurn) -> bool:
    """Store a turn and everything that follows from it. False if it was stored before."""
    turn, unanswered = prepared.turn, prepared.unanswered
    now = as_utc(turn.created_at)
    said_at = _said_at(turn.message, now)
    found = lock_conversation(connection, turn.conversation_id, turn.message, said_at)
    if _is_stored(connection, turn):
        return False
    happened = [Event.CUSTOMER_MESSAGE]
    if turn.reply_text:
        happened.append(Event.BOT_REPLY)
    opening = None
    if turn.decision.action is Action.HAND_OVER:
        happened.append(Event.HAND_OVER)
        summary = dump(summary_within(connection, found, turn))
        opening = Opening(turn.decision.reason, turn.turn_id, summary)
    happen(connection, found, happened, max(now, said_at), opening=opening)
    before = locked(connection, turn.conversation_id) or found
    connection.execute(_INSERT_TURN, prepared.row)
    _write_customer_message(connection, turn.conversation_id, turn.message, said_at, turn.turn_id)
    write_utterance(
        connection, turn.conversation_id, "bot", turn.reply_text, at=now, turn_id=turn.turn_id
    )
    changes: dict[str, Any] = {
        "turn_count": before.turn_count + 1,
        "unanswered_count": before.unanswered_count + unanswered,
        "unhappy": before.unhappy or turn.mood.unhappy,
        "max_frustration": max(before.max_frustration, float(turn.mood.frustration)),
    }
    if turn.query.lang != "other":
        changes["lang"] = turn.query.lang
    _touch(connection, before, turn.message.text, max(now, said_at), changes)
    _ask_for_review(connection, prepared, now)
    publish_turn(connection, turn, unanswered=unanswered, unhappy_before=before.unhappy)
    return True


def write_message(connection: Connection, message: Message) -> bool:
    """Store what a customer said although the bot does not answer. False if it was known."""
    at = _said_at(message, utc_now())
    before = lock_conversation(connection, message.conversation_id, message, at)
    if not message.text or _is_known(connection, message):
        return False
    happen(connection, before, [Event.CUSTOMER_MESSAGE], at)
    _write_customer_message(connection, message.conversation_id, message, at, None)
    _touch(connection, before, message.text, at, {})
    return True


def lock_conversation(
    connection: Connection, conversation_id: str, message: Message, at: datetime
) -> Row[Any]:
    """The conversation's row, made if need be, locked until the transaction ends."""
    found = locked(connection, conversation_id)
    if found is not None:
        return found
    insert_unless_there(
        connection,
        conversations,
        {
            "id": conversation_id,
            "channel": message.channel,
            "customer_id": message.customer_id,
            "lang": message.interface_lang or "other",
            "created_at": at,
            "last_at": at,
            "previous_conversation_id": _previous(connection, message),
        },
    )
    made = locked(connection, conversation_id)
    if made is None:
        raise LookupError(f"conversation {conversation_id!r} vanished while it was made")
    return made


def _is_stored(connection: Connection, turn: Turn) -> bool:
    owner = connection.execute(_OWNER, {"one": turn.turn_id}).scalar_one_or_none()
    if owner is not None and owner != clean_key(turn.conversation_id):
        # Taking it for a repetition would lose what this customer said.
        raise StoreError(
            f"turn {turn.turn_id!r} of conversation {turn.conversation_id!r} cannot be stored:"
            f" conversation {owner!r} has a turn of that id",
            fix="make turn ids unique over all conversations",
        )
    return owner is not None


def _is_known(connection: Connection, message: Message) -> bool:
    query = select(messages.c.id).where(
        messages.c.conversation_id == message.conversation_id,
        messages.c.external_id == message.message_id,
    )
    return bool(message.message_id) and connection.execute(query).first() is not None


def _said_at(message: Message, otherwise: datetime) -> datetime:
    return otherwise if message.received_at is None else as_utc(message.received_at)


def _previous(connection: Connection, message: Message) -> str | None:
    if not message.customer_id:
        return None
    table = conversations.c
    query = (
        select(table.id)
        .where(table.channel == message.channel, table.customer_id == message.customer_id)
        .order_by(table.last_at.desc(), table.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _write_customer_message(
    connection: Connection,
    conversation_id: str,
    message: Message,
    at: datetime,
    turn_id: str | None,
) -> bool:
    external_id = message.message_id or None
    if write_utterance(
        connection,
        conversation_id,
        "customer",
        message.text,
        at=at,
        turn_id=turn_id,
        external_id=external_id,
    ):
        return True
    if turn_id is not None and external_id is not None:
        # It was stored while an agent had the conversation; now it has its turn.
        connection.execute(
            update(messages)
            .where(
                messages.c.conversation_id == conversation_id,
                messages.c.external_id == external_id,
                messages.c.turn_id.is_(None),
            )
            .values(turn_id=turn_id)
        )
    return False


def _touch(
    connection: Connection, before: Row[Any], text: str, at: datetime, also: Mapping[str, Any]
) -> None:
    changes: dict[str, Any] = {"last_at": max(before.last_at, at), **also}
    if text.strip():
        changes["last_text"] = text.strip()[:LAST_TEXT_CHARS]
    connection.execute(
        update(conversations).where(conversations.c.id == before.id).values(**changes)
    )


def _turn_row(turn: Turn, now: datetime, *, unanswered: bool) -> dict[str, Any]:
    timings = turn.timings_ms
    return {
        "turn_id": turn.turn_id,
        "conversation_id": turn.conversation_id,
        "created_at": now,
        "question": mask(turn.message.text),
        "lang": turn.query.lang,
        "intent": turn.query.intent.value,
        "action": turn.decision.action.value,
        "reason": turn.decision.reason,
        "answerability": float(turn.retrieval.answerability),
        "confidence": float(turn.decision.confidence),
        "unanswered": unanswered,
        "mood_label": turn.mood.label,
        "frustration": float(turn.mood.frustration),
        "unhappy": bool(turn.mood.unhappy),
        "total_ms": float(timings.get("total", sum(timings.values()))),
        "first_ms": timings.get("first_reply"),
        "generator": turn.versions.get("generator", ""),
        "encoder": turn.versions.get("encoder", ""),
        "mood_model": turn.mood.model,
        "index_version": turn.retrieval.index_version,
        "error": mask(turn.error),
        "data": dump_turn(turn),
    }


def _ask_for_review(connection: Connection, prepared: PreparedTurn, now: datetime) -> None:
    turn, row = prepared.turn, prepared.row
    wanted = {
        "turn_error": row["error"],
        "knowledge_gap": row["question"] if prepared.unanswered and not turn.error else "",
        "handover": turn.decision.reason if turn.decision.action is Action.HAND_OVER else "",
    }
    for kind, detail in wanted.items():
        if detail:
            connection.execute(
                insert(review_items).values(
                    kind=kind,
                    conversation_id=turn.conversation_id,
                    turn_id=turn.turn_id,
                    detail=detail,
                    created_at=now,
                )
            )

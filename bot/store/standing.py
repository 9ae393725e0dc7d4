"""Write who is up: the only place that changes a conversation's status, with all it causes.

Covered: status and assignment, the timer that watches over what the customer is owed, the record
of handovers, the review queue, what the customer is told, a clean start after being resolved.
Each function is part of a transaction that holds the conversation's row. Not covered: which change
is allowed (`bot.handover.states`), what a timer does when it runs out (`bot.store.timers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, bindparam, exists, func, insert, select, update

from bot.answering.notices import notice
from bot.handover.states import ElsewhereEvent, Event, Standing, after, followed, word_due
from bot.store.events import publish
from bot.store.handover_tables import episodes, handovers, timers
from bot.store.queue_records import Outgoing
from bot.store.queue_rows import write_outgoing
from bot.store.rows import insert_unless_there
from bot.store.tables import conversations, messages, outbox, review_items, turns
from bot.store.utterances import locked, write_utterance

_OWED: Final = select(exists().where(timers.c.conversation_id == bindparam("one")))


@dataclass(frozen=True, slots=True)
class Opening:
    """Why a conversation comes to wait. `summary` is a `HandoverSummary` as JSON, or empty."""

    reason: str
    turn_id: str = ""
    summary: str = ""


def standing_of(connection: Connection, row: Row[Any]) -> Standing:
    """Who is up in a conversation, from its row and its timer."""
    known = row.status == "waiting" or bool(connection.execute(_OWED, {"one": row.id}).scalar_one())
    return Standing(row.status, row.assigned_to, known and row.status != "resolved")


def happen(
    connection: Connection,
    row: Row[Any],
    events: Sequence[Event],
    at: datetime,
    *,
    agent: str = "",
    opening: Opening | None = None,
    push: bool = False,
) -> Standing:
    """Let events happen to a conversation, one after the other, and write what follows.

    Args:
        connection: of the transaction.
        row: the conversation, locked, as it was before.
        events: what happened, oldest first.
        at: when.
        agent: who did it; empty for the customer and the bot.
        opening: why it waits for people from now on, if it does.
        push: whether what the customer is told goes through the outbox.

    Raises:
        TransitionError: an event may not happen now; nothing was written.
    """
    before = now = standing_of(connection, row)
    word = ""
    for event in events:
        then, now = now, after(now, event, agent)
        word = word_due(then, now) or word
    _write(connection, row, before, now, at, agent, opening)
    _tell(connection, row, word, at, push=push)
    return now


def happen_elsewhere(
    connection: Connection,
    row: Row[Any],
    event: ElsewhereEvent,
    agent: str,
    at: datetime,
    *,
    said: bool,
) -> tuple[Standing, Standing]:
    """Follow what people did in the connected system. Returns the standing before and after.

    A person who takes over without a word (`said` is false) still owes what was owed before.
    """
    before = standing_of(connection, row)
    now = followed(before, event, agent)
    if event == "taken_over" and before.owed and not said:
        now = replace(now, owed=True)
    _write(connection, row, before, now, at, agent or row.channel, Opening("opened_elsewhere"))
    _tell(connection, row, word_due(before, now), at, push=True)
    return before, now


def reply_lost(connection: Connection, conversation_id: str, at: datetime, row_id: int = 0) -> None:
    """What the bot said did not reach the customer, and will not: they are owed an answer again.

    Args:
        connection: of the transaction.
        conversation_id: whose reply it was.
        at: when it was given up.
        row_id: only if this row of the outbox is dead by now; whatever its state when 0.
    """
    dead = select(exists().where(outbox.c.id == row_id, outbox.c.status == "dead"))
    if row_id and not connection.execute(dead).scalar_one():
        return
    row = locked(connection, conversation_id)
    if row is not None:
        happen(connection, row, [Event.REPLY_LOST], at)


def _write(
    connection: Connection,
    row: Row[Any],
    before: Standing,
    now: Standing,
    at: datetime,
    by: str,
    opening: Opening | None,
) -> None:
    if before == now:
        return
    changes: dict[str, Any] = {"status": now.status, "assigned_to": now.assigned_to}
    if before.status == "resolved":
        changes |= _start_clean(connection, row, at)
    if now.status == "waiting" and before.status != "waiting":
        opening = opening or Opening("")
        changes |= {"handover_at": at, "handover_reason": opening.reason}
        _open_handover(connection, row.id, opening, at)
        if not opening.turn_id:
            # One that a turn makes is published with the turn.
            _publish(connection, row, "conversation.handoff", reason=opening.reason)
    elif now.status == "agent" and before.status != "agent":
        _stamp(connection, row.id, taken_at=at, taken_by=by)
    elif now.status in ("bot", "resolved") and before.status in ("waiting", "agent"):
        _stamp(connection, row.id, closed_at=at, outcome=now.status)
    if now.status != "waiting" and before.status != now.status:
        _close_review(connection, row.id, by, at)
    if now.status == "resolved":
        _publish(connection, row, "conversation.resolved", by=by)
    _wind_timer(connection, row.id, before, now, at)
    connection.execute(update(conversations).where(conversations.c.id == row.id).values(**changes))


def _publish(connection: Connection, row: Row[Any], kind: str, **more: str) -> None:
    about = {"conversation_id": row.id, "channel": row.channel, "lang": row.lang}
    publish(kind, {**about, **more}, connection)


def _wind_timer(
    connection: Connection, conversation_id: str, before: Standing, now: Standing, at: datetime
) -> None:
    """Keep the timer as the standing wants it. A new one is due at once: whoever works the timers
    then puts it off by the shop's patience and hours, which nobody needs to know here."""
    mine = timers.c.conversation_id == conversation_id
    if not now.owed:
        connection.execute(timers.delete().where(mine))
        return
    fresh = {"started_at": at, "due_at": at if now.timed else None, "fired": 0}
    if insert_unless_there(connection, timers, {"conversation_id": conversation_id, **fresh}):
        return
    if (before.status, before.timed) != (now.status, now.timed):
        connection.execute(update(timers).where(mine).values(**fresh))


def _open_handover(
    connection: Connection, conversation_id: str, opening: Opening, at: datetime
) -> None:
    connection.execute(
        insert(handovers).values(
            conversation_id=conversation_id,
            turn_id=opening.turn_id,
            reason=opening.reason,
            opened_at=at,
            data=opening.summary,
        )
    )


def _stamp(connection: Connection, conversation_id: str, **values: object) -> None:
    connection.execute(
        update(handovers)
        .where(handovers.c.conversation_id == conversation_id, handovers.c.closed_at.is_(None))
        .values(**values)
    )


def _close_review(connection: Connection, conversation_id: str, by: str, at: datetime) -> None:
    connection.execute(
        update(review_items)
        .where(
            review_items.c.conversation_id == conversation_id,
            review_items.c.kind == "handover",
            review_items.c.closed_at.is_(None),
        )
        .values(closed_at=at, closed_by=by)
    )


def _start_clean(connection: Connection, row: Row[Any], at: datetime) -> dict[str, Any]:
    """Close the episode that was resolved; flags and memory of the conversation begin anew."""
    last_message = select(func.coalesce(func.max(messages.c.id), 0)).where(
        messages.c.conversation_id == row.id
    )
    last_turn = select(func.coalesce(func.max(turns.c.id), 0)).where(
        turns.c.conversation_id == row.id
    )
    number = select(func.count()).where(episodes.c.conversation_id == row.id)
    connection.execute(
        insert(episodes).values(
            conversation_id=row.id,
            number=connection.execute(number).scalar_one() + 1,
            ended_at=max(at, row.last_at),
            last_message_id=connection.execute(last_message).scalar_one(),
            last_turn=connection.execute(last_turn).scalar_one(),
            unhappy=row.unhappy,
            max_frustration=row.max_frustration,
            unanswered_count=row.unanswered_count,
            handover_reason=row.handover_reason,
        )
    )
    return {
        "unhappy": False,
        "max_frustration": 0.0,
        "unanswered_count": 0,
        "handover_reason": "",
        "handover_at": None,
    }


def _tell(connection: Connection, row: Row[Any], word: str, at: datetime, *, push: bool) -> None:
    if not word:
        return
    text = notice(word, row.lang)
    write_utterance(connection, row.id, "bot", text, at=at)
    if push:
        out = Outgoing(f"told:{uuid4().hex}", row.channel, row.id, "reply", text)
        write_outgoing(connection, out, at)

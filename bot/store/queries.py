"""What the console reads. Nothing here writes, and nothing re-runs a model.

Covered: the list with its filters, search and pages, one conversation whole, old versions of
passages, unanswered questions. Not covered: actions of agents (`bot.store.conversations`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    case,
    func,
    literal_column,
    select,
)

from bot.store.codec import load_turn
from bot.store.columns import fold
from bot.store.handover_tables import timers
from bot.store.handovers import SqlHandovers
from bot.store.listing import list_page, read_cursor, write_cursor
from bot.store.passage_rows import passage_of_row
from bot.store.records import (
    ConversationDetail,
    ConversationFilter,
    ConversationPage,
    ConversationSummary,
    MessageRecord,
    QueueCounts,
    Status,
    TurnRecord,
    UnansweredQuestion,
)
from bot.store.sealing import keyring_of
from bot.store.search_text import mentions
from bot.store.tables import conversations, feedback, messages, passage_versions, turns
from bot.store.transactions import reading
from bot.types import Passage

__all__ = [
    "ConsoleQueries",
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

MAX_PAGE = 500
MAX_SEARCH_CHARS = 200
MAX_SEARCH_WORDS = 8


class ConsoleQueries:
    """Reads for the agents' pages; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def conversations(
        self, where: ConversationFilter, limit: int = 50, before: str | None = None
    ) -> ConversationPage:
        """Who waits for people first: the unhappy and those whose timer has run out before the
        others, whoever has waited longest foremost; then the latest.

        Args:
            where: what to show.
            limit: lines on a page, 1 to 500.
            before: `next` of the page before; None for the first page.

        Raises:
            InputError: `before` was not made by this method.
        """
        limit = max(1, min(limit, MAX_PAGE))
        cursor = None if before is None else read_cursor(before)
        with reading(self._engine) as connection:
            rows = list_page(connection, _conditions(where, connection), limit + 1, cursor)
            items = _summaries(connection, rows[:limit])
        return ConversationPage(items, write_cursor(rows[limit - 1]) if len(rows) > limit else None)

    @property
    def encrypted(self) -> bool:
        """Whether texts are sealed, so that a search finds whole words only."""
        return keyring_of(self._engine.dialect) is not None

    def counts(self, agent: str = "") -> QueueCounts:
        """How many conversations each filter shows; `own` are those that `agent` has."""
        table = conversations.c
        query = select(
            func.count(),
            _how_many(table.status == "waiting"),
            _how_many(table.unhappy),
            _how_many(table.handover_at.is_not(None)),
            _how_many(table.unanswered_count > 0),
            _how_many(table.status == "agent"),
            _how_many(and_(table.status == "agent", table.assigned_to == agent)),
        ).select_from(conversations)
        with reading(self._engine) as connection:
            return QueueCounts(*connection.execute(query).one())

    def conversation(self, conversation_id: str) -> ConversationDetail | None:
        """Everything about one conversation, or None if there is none of this id.

        Raises:
            StoreError: a stored turn cannot be read.
        """
        found = select(conversations).where(conversations.c.id == conversation_id)
        told = _messages_query(conversation_id, 0)
        turned = _turns_query().where(turns.c.conversation_id == conversation_id)
        with reading(self._engine) as connection:
            row = connection.execute(found).one_or_none()
            if row is None:
                return None
            (summary,) = _summaries(connection, [row])
            utterances = tuple(_message(found) for found in connection.execute(told))
            stored = connection.execute(turned.order_by(turns.c.id)).all()
        past = SqlHandovers(self._engine)
        return ConversationDetail(
            summary,
            utterances,
            tuple(map(_turn_record, stored)),
            past.latest(conversation_id),
            past.episodes(conversation_id),
        )

    def summary(self, conversation_id: str) -> ConversationSummary | None:
        """The line of one conversation in the list, or None if there is none of this id."""
        query = select(conversations).where(conversations.c.id == conversation_id)
        with reading(self._engine) as connection:
            lines = _summaries(connection, connection.execute(query).all())
        return lines[0] if lines else None

    def turn(self, turn_id: str) -> TurnRecord | None:
        """One turn, or None if none is stored under this id.

        Raises:
            StoreError: the stored turn cannot be read.
        """
        with reading(self._engine) as connection:
            row = connection.execute(_turns_query().where(turns.c.turn_id == turn_id)).one_or_none()
        return None if row is None else _turn_record(row)

    def messages(self, conversation_id: str, after: int = 0) -> tuple[MessageRecord, ...]:
        """Utterances whose `message_id` is above `after`, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(_messages_query(conversation_id, after))
            return tuple(_message(row) for row in rows)

    def passage_version(self, passage_id: str, version: int) -> Passage | None:
        """The passage as it read in that version, deleted since or not; None if never there."""
        query = select(passage_versions).where(
            passage_versions.c.passage_id == passage_id, passage_versions.c.version == version
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else passage_of_row(row)

    def unanswered_questions(self, limit: int = 100) -> tuple[UnansweredQuestion, ...]:
        """What customers could not get answered, newest first."""
        table = turns.c
        query = (
            select(
                table.turn_id,
                table.conversation_id,
                table.question,
                table.lang,
                table.reason,
                table.answerability,
                table.error,
                table.created_at,
            )
            .where(table.unanswered)
            .order_by(table.id.desc())
            .limit(max(0, limit))
        )
        with reading(self._engine) as connection:
            return tuple(UnansweredQuestion(*row) for row in connection.execute(query))


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _conditions(where: ConversationFilter, connection: Connection) -> list[ColumnElement[bool]]:
    table = conversations.c
    conditions: list[ColumnElement[bool]] = []
    if where.unhappy:
        conditions.append(table.unhappy)
    if where.handed_over:
        conditions.append(table.handover_at.is_not(None))
    if where.unanswered:
        # Spelled out, not bound: only then will the small index over such rows do.
        conditions.append(table.unanswered_count > literal_column("0"))
    if where.status:
        conditions.append(table.status == where.status)
    if where.assigned_to:
        conditions.append(table.assigned_to == where.assigned_to)
    if where.channel:
        conditions.append(table.channel == where.channel)
    # The pattern length is bounded in SQLite, and nobody searches for a whole page.
    words = fold(where.search[:MAX_SEARCH_CHARS]).split()[:MAX_SEARCH_WORDS]
    return [*conditions, *(mentions(word, connection) for word in words)]


def _turns_query() -> Any:
    return select(turns.c.data, feedback.c.value, feedback.c.comment).outerjoin(
        feedback, feedback.c.turn_id == turns.c.turn_id
    )


def _turn_record(row: Row[Any]) -> TurnRecord:
    return TurnRecord(load_turn(row.data), row.value or 0, row.comment or "")


def _messages_query(conversation_id: str, after: int) -> Any:
    return (
        select(messages)
        .where(messages.c.conversation_id == conversation_id, messages.c.id > after)
        .order_by(messages.c.id)
    )


def _message(row: Row[Any]) -> MessageRecord:
    return MessageRecord(
        message_id=row.id,
        conversation_id=row.conversation_id,
        speaker=row.speaker,
        author=row.author,
        text=row.text,
        turn_id=row.turn_id or "",
        created_at=row.created_at,
    )


def _summaries(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[ConversationSummary, ...]:
    running = connection.execute(
        select(timers.c.conversation_id, timers.c.fired).where(
            timers.c.conversation_id.in_([row.id for row in rows])
        )
    )
    fired = {timer.conversation_id: timer.fired for timer in running}
    votes = connection.execute(
        select(turns.c.conversation_id, func.min(feedback.c.value).label("worst"))
        .join(feedback, feedback.c.turn_id == turns.c.turn_id)
        .where(turns.c.conversation_id.in_([row.id for row in rows]))
        .group_by(turns.c.conversation_id)
    )
    feedback_of = {vote.conversation_id: vote.worst for vote in votes}
    return tuple(
        ConversationSummary(
            conversation_id=row.id,
            channel=row.channel,
            customer_id=row.customer_id,
            status=row.status,
            lang=row.lang,
            created_at=row.created_at,
            last_at=row.last_at,
            turns=row.turn_count,
            last_text=row.last_text,
            unhappy=row.unhappy,
            frustration=row.max_frustration,
            handover_reason=row.handover_reason,
            waiting_since=row.handover_at if row.status == "waiting" else None,
            unanswered=row.unanswered_count,
            feedback=feedback_of.get(row.id, 0),
            assigned_to=row.assigned_to,
            previous_conversation_id=row.previous_conversation_id or "",
            external_account_id=row.external_account_id,
            external_conversation_id=row.external_conversation_id,
            overdue=row.status == "waiting" and fired.get(row.id, 0) > 0,
            owed=row.status == "agent" and row.id in fired,
        )
        for row in rows
    )

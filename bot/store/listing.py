"""The order of the agents' list, and its pages.

Covered: whom to serve first, going on where a page ended. Not covered: what a line shows, filters
(`bot.store.queries`).

Those who wait come first: unhappy customers and those whose timer has run out (rank 3) before the
others (rank 2), whoever has waited longest foremost. Then unhappy ones with the bot (1) and the rest
(0), the latest foremost. Few wait, so they are sorted by themselves; the rest comes off an index.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from bot.errors import InputError
from bot.store.columns import as_utc
from bot.store.handover_tables import timers
from bot.store.tables import conversations

_WAITING = 2
"""The least rank, and the least `priority`, of a conversation that waits."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: rank, `handover_at` of those who wait or `last_at`, id."""

    rank: int
    at: datetime
    conversation_id: str


def list_page(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    cursor: Cursor | None,
) -> list[Row[Any]]:
    """Rows of conversations with their `rank`, at most `limit`."""
    rows: list[Row[Any]] = []
    if cursor is None or cursor.rank >= _WAITING:
        rows += connection.execute(_waiting(conditions, cursor).limit(limit)).all()
    if len(rows) < limit:
        after = cursor if cursor is not None and cursor.rank < _WAITING else None
        rows += connection.execute(_others(conditions, after).limit(limit - len(rows))).all()
    return rows


def _waiting(conditions: Sequence[ColumnElement[bool]], cursor: Cursor | None) -> Any:
    table = conversations.c
    since = func.coalesce(table.handover_at, table.last_at)
    rank = case((or_(table.unhappy, timers.c.fired > 0), _WAITING + 1), else_=_WAITING)
    query = (
        select(conversations, rank.label("rank"))
        .outerjoin(timers, timers.c.conversation_id == table.id)
        .where(table.priority >= _WAITING, *conditions)
    )
    if cursor is not None:
        place = (literal(cursor.at, table.last_at.type), literal(cursor.conversation_id))
        behind = and_(rank == cursor.rank, tuple_(since, table.id) > tuple_(*place))
        query = query.where(or_(rank < cursor.rank, behind))
    return query.order_by(rank.desc(), since, table.id)


def _others(conditions: Sequence[ColumnElement[bool]], cursor: Cursor | None) -> Any:
    table = conversations.c
    order = (table.priority, table.last_at, table.id)
    query = select(conversations, table.priority.label("rank"))
    query = query.where(table.priority < _WAITING, *conditions)
    if cursor is not None:
        place = zip((cursor.rank, cursor.at, cursor.conversation_id), order, strict=True)
        query = query.where(
            tuple_(*order) < tuple_(*(literal(value, column.type) for value, column in place))
        )
    return query.order_by(*(column.desc() for column in order))


def write_cursor(row: Row[Any]) -> str:
    """The page behind this row."""
    at = (row.handover_at or row.last_at) if row.rank >= _WAITING else row.last_at
    key = json.dumps([row.rank, at.isoformat(), row.id])
    return base64.urlsafe_b64encode(key.encode()).decode()


def read_cursor(page: str) -> Cursor:
    """What `write_cursor` wrote.

    Raises:
        InputError: it did not write this.
    """
    try:
        rank, at, conversation_id = json.loads(base64.urlsafe_b64decode(page))
        # A page made by hand must not reach the database with a number it cannot hold.
        return Cursor(
            max(0, min(9, int(rank))), as_utc(datetime.fromisoformat(at)), str(conversation_id)
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"the page {page[:60]!r} does not exist", fix="start again at the first page"
        ) from error

"""What somebody should look at: turns that broke, gaps in the knowledge, customers waiting.

Covered: the list and closing an item. Items are opened with the turn (`turn_writes`); taking a
conversation over closes its handovers (`conversations`). Not covered: correcting an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, select, update

from bot.store.columns import utc_now
from bot.store.tables import review_items
from bot.store.transactions import reading, writing

ReviewKind = Literal["turn_error", "knowledge_gap", "handover"]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One open item; `detail` is the error, the question, or the reason of the handover."""

    item_id: int
    kind: ReviewKind
    conversation_id: str
    turn_id: str
    detail: str
    created_at: datetime


class SqlReview:
    """The review queue in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open_items(
        self, kind: ReviewKind | None = None, limit: int = 100
    ) -> tuple[ReviewItem, ...]:
        """Items nobody has closed, newest first; of one kind, or of all."""
        table = review_items.c
        query = (
            select(
                table.id,
                table.kind,
                table.conversation_id,
                table.turn_id,
                table.detail,
                table.created_at,
            )
            .where(table.closed_at.is_(None), *([] if kind is None else [table.kind == kind]))
            .order_by(table.id.desc())
            .limit(max(0, limit))
        )
        with reading(self._engine) as connection:
            return tuple(ReviewItem(*row) for row in connection.execute(query))

    def close(self, item_id: int, agent: str) -> bool:
        """Mark as done; False if it was closed or never there."""
        statement = (
            update(review_items)
            .where(review_items.c.id == item_id, review_items.c.closed_at.is_(None))
            .values(closed_at=utc_now(), closed_by=agent)
        )
        with writing(self._engine) as connection:
            return bool(connection.execute(statement).rowcount == 1)

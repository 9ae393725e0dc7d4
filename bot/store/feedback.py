"""Thumbs: what customers thought of an answer.

Covered: one vote per turn, changed or withdrawn at will. Not covered: the page that asks.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Engine, delete, exists, select, update

from bot.errors import InputError
from bot.store.columns import utc_now
from bot.store.rows import insert_unless_there
from bot.store.tables import feedback, turns
from bot.store.transactions import writing

MAX_COMMENT_CHARS = 2000


class SqlFeedback:
    """Votes in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def vote(self, turn_id: str, value: Literal[-1, 0, 1], comment: str = "") -> None:
        """Store the customer's vote, instead of an earlier one; 0 withdraws it.

        A comment longer than 2,000 characters is cut.

        Raises:
            InputError: the turn does not exist, or the value is another number.
        """
        if value not in (-1, 0, 1):
            raise InputError(f"a vote of {value!r} does not exist", fix="send -1, 0 or 1")
        values = {"value": value, "comment": comment[:MAX_COMMENT_CHARS], "created_at": utc_now()}
        with writing(self._engine) as connection:
            known = select(exists().where(turns.c.turn_id == turn_id))
            if not connection.execute(known).scalar_one():
                raise InputError(f"there is no answer {turn_id[:80]!r} to vote on")
            if value == 0:
                connection.execute(delete(feedback).where(feedback.c.turn_id == turn_id))
            elif not insert_unless_there(connection, feedback, {"turn_id": turn_id, **values}):
                connection.execute(
                    update(feedback).where(feedback.c.turn_id == turn_id).values(**values)
                )

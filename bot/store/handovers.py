"""Reading handovers: summaries for agents, where an episode begins, figures for the metrics.

Covered: reads, in a transaction of the caller or an own one. Not covered: writing
(`bot.store.standing`, `bot.store.timers`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from bot.handover.summary import HandoverSummary, summarise
from bot.store.codec import load, load_turn
from bot.store.columns import utc_now
from bot.store.handover_tables import episodes, handovers, timers
from bot.store.tables import conversations, turns
from bot.store.transactions import reading
from bot.types import Turn

_TURNS_BEFORE = 10


@dataclass(frozen=True, slots=True)
class HandoverRecord:
    """One handover. `summary` is None where no turn caused it (a person opened it)."""

    reason: str
    opened_at: datetime
    taken_at: datetime | None
    taken_by: str
    closed_at: datetime | None
    escalations: int
    summary: HandoverSummary | None


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """An earlier part of a conversation, up to the time it was resolved."""

    number: int
    ended_at: datetime
    last_message_id: int
    unhappy: bool
    max_frustration: float
    handover_reason: str


@dataclass(frozen=True, slots=True)
class HandoverFigures:
    """Figures for metrics.

    Attributes:
        unanswered: handovers that nobody has taken.
        unhappy: those of them whose customer is unhappy.
        escalated: those of them whose timer has run out.
        with_agents: handovers that somebody has taken and not closed.
        oldest_s: how long the longest has waited, in seconds; 0 if none waits.
    """

    unanswered: int
    unhappy: int
    escalated: int
    with_agents: int
    oldest_s: float


class SqlHandovers:
    """Reads handovers; safe to use from many threads."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def latest(self, conversation_id: str) -> HandoverRecord | None:
        """The newest handover of a conversation, open or not; None if it never had one.

        Raises:
            StoreError: what is stored cannot be read.
        """
        query = (
            select(handovers)
            .where(handovers.c.conversation_id == conversation_id)
            .order_by(handovers.c.id.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return HandoverRecord(
            row.reason,
            row.opened_at,
            row.taken_at,
            row.taken_by,
            row.closed_at,
            row.escalations,
            load(HandoverSummary, row.data) if row.data else None,
        )

    def episodes(self, conversation_id: str) -> tuple[EpisodeRecord, ...]:
        """Earlier parts of a conversation, oldest first."""
        table = episodes.c
        query = (
            select(
                table.number,
                table.ended_at,
                table.last_message_id,
                table.unhappy,
                table.max_frustration,
                table.handover_reason,
            )
            .where(table.conversation_id == conversation_id)
            .order_by(table.number)
        )
        with reading(self._engine) as connection:
            return tuple(EpisodeRecord(*row) for row in connection.execute(query))

    def figures(self) -> HandoverFigures:
        """How many customers wait, and how long."""
        table, now = conversations.c, self._clock()
        waiting = (
            select(
                table.handover_at, table.unhappy, func.coalesce(timers.c.fired, 0).label("fired")
            )
            .outerjoin(timers, timers.c.conversation_id == table.id)
            .where(table.status == "waiting")
        )
        taken = select(func.count()).where(
            handovers.c.closed_at.is_(None), handovers.c.taken_at.is_not(None)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(waiting).all()
            with_agents = connection.execute(taken).scalar_one()
        waits = [(now - row.handover_at).total_seconds() for row in rows if row.handover_at]
        return HandoverFigures(
            unanswered=len(rows),
            unhappy=sum(bool(row.unhappy) for row in rows),
            escalated=sum(row.fired > 0 for row in rows),
            with_agents=with_agents,
            oldest_s=max([0.0, *waits]),
        )


def episode_start(connection: Connection, conversation_id: str) -> tuple[int, int]:
    """Ids of the last message and the last turn before the present episode; 0 if it is the first."""
    query = (
        select(episodes.c.last_message_id, episodes.c.last_turn)
        .where(episodes.c.conversation_id == conversation_id)
        .order_by(episodes.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (0, 0) if row is None else (row.last_message_id, row.last_turn)


def summary_within(connection: Connection, row: Row[Any], turn: Turn) -> HandoverSummary:
    """The summary of a turn, as part of a transaction; `row` is its conversation's."""
    if row.status == "resolved":
        return summarise(turn)
    _, last_turn = episode_start(connection, row.id)
    query = (
        select(turns.c.data)
        .where(
            turns.c.conversation_id == row.id,
            turns.c.id > last_turn,
            turns.c.turn_id != turn.turn_id,
        )
        .order_by(turns.c.id.desc())
        .limit(_TURNS_BEFORE)
    )
    earlier = [load_turn(found.data) for found in connection.execute(query)]
    return summarise(turn, earlier[::-1])

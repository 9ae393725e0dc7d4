"""One stored turn, arranged for reading.

Covered: which hits were cited, where the time went, how the mood moved. Not covered: words and
layout (templates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.store.records import MessageRecord, TurnRecord
from bot.types import Hit, Turn

_STAGES = ("understand", "mood", "retrieve", "compose")
BAR_WIDTH = 400.0


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the time bar: where it begins and how long it is, in units of 400 a bar."""

    stage: str
    ms: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class HitLine:
    """One passage found; `number` counts from 1 as citations do."""

    number: int
    hit: Hit
    cited: bool


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn with what templates would otherwise have to work out."""

    record: TurnRecord
    hits: tuple[HitLine, ...]
    slices: tuple[Slice, ...]
    total_ms: float
    first_ms: float

    @property
    def turn(self) -> Turn:
        """The turn itself."""
        return self.record.turn


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance, with the turn behind it when the bot said it (or kept silent)."""

    message: MessageRecord
    view: TurnView | None = None
    mood: TurnView | None = None


def turn_view(record: TurnRecord) -> TurnView:
    """Arrange a turn."""
    turn = record.turn
    cited = {
        (citation.passage_id, citation.version)
        for reply in turn.replies
        for citation in reply.citations
    }
    hits = tuple(
        HitLine(number, hit, (hit.passage.passage_id, hit.passage.version) in cited)
        for number, hit in enumerate(turn.retrieval.hits, start=1)
    )
    total = turn.timings_ms.get("total", sum(turn.timings_ms.get(s, 0.0) for s in _STAGES))
    return TurnView(
        record,
        hits,
        _slices(turn.timings_ms, total),
        total,
        turn.timings_ms.get("first_reply", 0.0),
    )


def lines(messages: Sequence[MessageRecord], records: Sequence[TurnRecord]) -> tuple[Line, ...]:
    """Utterances with their turns. A turn in which the bot said nothing hangs on the question."""
    views = {record.turn.turn_id: turn_view(record) for record in records}
    spoken = {message.turn_id for message in messages if message.speaker == "bot"}
    return tuple(
        Line(
            message,
            view=views.get(message.turn_id)
            if message.speaker == "bot" or message.turn_id not in spoken
            else None,
            mood=views.get(message.turn_id) if message.speaker == "customer" else None,
        )
        for message in messages
    )


def moods(records: Sequence[TurnRecord]) -> list[float]:
    """Frustration turn by turn, in [0, 1]; turns in which nobody read it are left out."""
    return [r.turn.mood.frustration for r in records if r.turn.mood.label != "unknown"]


def _slices(timings: Mapping[str, float], total: float) -> tuple[Slice, ...]:
    found: list[Slice] = []
    x = 0.0
    known = [(stage, timings[stage]) for stage in _STAGES if timings.get(stage, 0.0) > 0]
    rest = total - sum(ms for _, ms in known)
    if rest > 1:
        known.append(("other", rest))
    whole = max(total, sum(ms for _, ms in known), 0.001)
    for stage, ms in known:
        width = BAR_WIDTH * ms / whole
        found.append(Slice(stage, ms, round(x, 2), round(width, 2)))
        x += width
    return tuple(found)

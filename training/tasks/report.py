"""What an evaluation of labelled texts returns: scores, and the cases behind them.

Covered: one report for sentiment, frustration and intent. Not covered: printing it
(`bot.commands.evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from training.data.jsonl import Row

Metrics = dict[str, float]


class Case(Protocol):
    """A labelled text."""

    @property
    def lang(self) -> str:
        """Language code as in the file, "" where it is missing."""
        ...

    @property
    def source(self) -> str:
        """Which set the text is from, "" where the file does not say."""
        ...


C = TypeVar("C", bound=Case)


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Scores over all rows, per language and per source, and one row per case.

    Attributes:
        n: rows that were scored.
        metrics: name to value; NaN where the rows do not tell.
        by_lang: the same for each `lang` of the file.
        by_source: the same for each `source`, where rows have one.
        details: one mapping per case, in the order of the file.
        problems: one sentence for each line that could not be used.
        confusion: counts, row = true label, column = predicted, in the order of `labels`.
    """

    n: int
    metrics: Metrics
    by_lang: Mapping[str, Metrics]
    by_source: Mapping[str, Metrics]
    details: tuple[Mapping[str, Any], ...]
    problems: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = field(default=())


def grouped(
    cases: Sequence[C],
    key: Callable[[C], str],
    score: Callable[[Sequence[int]], Metrics],
) -> dict[str, Metrics]:
    """Scores of the cases that share a key; cases whose key is empty are left out.

    Args:
        score: given positions in `cases`, the metrics of these.
    """
    places: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        places.setdefault(key(case), []).append(place)
    return {name: score(found) for name, found in sorted(places.items()) if name}


def worst(report: TaskReport, count: int = 50) -> tuple[Mapping[str, Any], ...]:
    """The cases that went wrong with the greatest confidence, worst first."""
    wrong = [row for row in report.details if not row["correct"]]
    return tuple(sorted(wrong, key=lambda row: -float(row["confidence"]))[:count])


def optional_text(row: Row, name: str) -> str:
    """A field that may be missing; numbers and the like are written out."""
    value = row.values.get(name, "")
    return value if isinstance(value, str) else str(value)

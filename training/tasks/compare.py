"""`shopkeeper eval compare A B`: which of two runs is better, row by row, with an interval.

Covered: two files of `--details` over the same rows; every number (or true/false) that both give
for a row is a measure. The interval is a paired bootstrap over rows. Not covered: runs over
different rows (only those in both files count) and averages that are not means over rows.

Source: Efron and Tibshirani, 1993, An Introduction to the Bootstrap; Koehn, 2004, for pairing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import InputError
from training.data.jsonl import Row, read_jsonl

_SAMPLES = 5000
_LOWER_IS_BETTER = (
    "_ms",
    "ms",
    "confidence_wrong",
    "answerable_ece",
    "over_abstain",
    "over_abstained",
    "blocked",
    "false_block",
    "unsupported_before",
    "unsupported_after",
)
_NEITHER_IS_BETTER = frozenset({"answer_chars", "draft_chars", "abstained"})
_NOT_MEASURES = frozenset({"answerable", "threshold", "answerability", "confidence"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in A and in B, the 95 % interval of B minus A, and the verdict."""

    measure: str
    n: int
    a: float
    b: float
    low: float
    high: float
    verdict: str

    @property
    def change(self) -> float:
        """B minus A."""
        return self.b - self.a

    def as_row(self) -> dict[str, float | int | str]:
        """For JSON."""
        numbers = {"a": self.a, "b": self.b, "change": self.change}
        interval = {"low": self.low, "high": self.high}
        return {
            "measure": self.measure,
            "n": self.n,
            **{name: round(value, 4) for name, value in (numbers | interval).items()},
            "verdict": self.verdict,
        }


def compare_files(a: Path, b: Path, seed: int = 11) -> list[Difference]:
    """Compare two details files on the rows that both hold.

    Raises:
        InputError: a file cannot be read, or they share no row with a number.
    """
    left, right = _rows(a), _rows(b)
    shared = [key for key in left if key in right]
    measures = [
        name
        for name in dict.fromkeys(name for key in shared for name in left[key])
        if name not in _NOT_MEASURES
    ]
    rng = np.random.default_rng(seed)
    found = []
    for name in measures:
        pairs = [
            (left[key][name], right[key][name])
            for key in shared
            if name in left[key] and name in right[key]
        ]
        if pairs:
            found.append(_difference(name, np.array(pairs, np.float64), rng))
    if not found:
        raise InputError(
            f"{a.name} and {b.name} share no row with a number",
            fix="give two files that --details wrote over the same questions",
        )
    return found


def _rows(path: Path) -> dict[str, dict[str, float]]:
    """The numbers of each row, by its id."""

    def convert(row: Row) -> tuple[str, dict[str, float]]:
        key = str(row.values.get("id", row.line))
        numbers = {
            name: float(value)
            for name, value in row.values.items()
            if isinstance(value, (bool, int, float)) and name != "id"
        }
        return key, numbers

    return dict(read_jsonl(path, convert).items)


def _difference(name: str, pairs: NDArray[np.float64], rng: np.random.Generator) -> Difference:
    change = pairs[:, 1] - pairs[:, 0]
    drawn = rng.integers(0, len(change), (_SAMPLES, len(change)))
    means = change[drawn].mean(axis=1)
    low, high = (float(x) for x in np.percentile(means, [2.5, 97.5]))
    a, b = (float(x) for x in pairs.mean(axis=0))
    return difference(name, len(change), a, b, low, high)


def difference(name: str, n: int, a: float, b: float, low: float, high: float) -> Difference:
    """A measure's two values and the interval of their difference, with the verdict in words."""
    if low <= 0.0 <= high:
        verdict = "no clear difference"
    elif name in _NEITHER_IS_BETTER:
        verdict = "differs"
    else:
        verdict = "B is better" if (low > 0) != name.endswith(_LOWER_IS_BETTER) else "A is better"
    return Difference(name, n, a, b, low, high, verdict)

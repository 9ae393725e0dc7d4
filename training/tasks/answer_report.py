"""The report over answered questions: every row a share that can be drawn again and again.

Covered: all metrics of `shopkeeper eval answers`, over all outcomes, a group of them, or any
drawing of them; two runs over the same questions side by side with an interval. Not covered: what
one answer scores (`training.tasks.answer_metrics`).

Source: Efron and Tibshirani, 1993, An Introduction to the Bootstrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.errors import InputError
from training.tasks.answer_metrics import Key, shares_of
from training.tasks.answers import Outcome
from training.tasks.compare import Difference, difference
from training.tasks.measures import calibration_error
from training.tasks.text_metrics import auroc

Floats = NDArray[np.float64]
_DRAWINGS = 2000
_QUANTILES = {"p50": 0.5, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What a run's outcomes add to each row of the report.

    Attributes:
        ids: of the questions, in order.
        names: of the rows that are shares.
        part: what each question adds, shape (questions, names).
        whole: of how much, same shape.
        answerability: by the calibration, shape (questions,).
        answerable: by the file.
        first_ms: until the first reply.
        total_ms: until the last one.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    part: Floats
    whole: Floats
    answerability: Floats
    answerable: NDArray[np.bool_]
    first_ms: Floats
    total_ms: Floats

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> AnswerReport:
        """The report over `outcomes`, of which there is at least one."""
        shares = [shares_of(outcome) for outcome in outcomes]
        names = tuple(shares[0])
        table = np.array([[row[name] for name in names] for row in shares], np.float64)
        return cls(
            tuple(outcome.question.id for outcome in outcomes),
            names,
            table[:, :, 0],
            table[:, :, 1],
            np.array([o.answerability for o in outcomes]),
            np.array([o.question.answerable for o in outcomes]),
            np.array([o.first_ms for o in outcomes]),
            np.array([o.total_ms for o in outcomes]),
        )

    def metrics(self, drawn: NDArray[np.intp] | None = None) -> dict[str, float]:
        """All rows over all questions, or over those at `drawn`; NaN where they do not tell."""
        at = np.arange(len(self.ids)) if drawn is None else drawn
        part, whole = self.part[at].sum(axis=0), self.whole[at].sum(axis=0)
        values = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
        found = dict(zip(self.names, values.tolist(), strict=True))
        found["answerable_auroc"] = auroc(self.answerability[at], self.answerable[at])
        found["answerable_ece"] = calibration_error(self.answerable[at], self.answerability[at])
        for name, times in (("first_sentence", self.first_ms), ("turn", self.total_ms)):
            for quantile, share in _QUANTILES.items():
                found[f"{name}_{quantile}_ms"] = float(np.quantile(times[at], share))
        return found


def grouped(outcomes: Sequence[Outcome], key: Key) -> dict[str, dict[str, float]]:
    """All metrics for each value of `key`; outcomes whose key is empty are left out."""
    values = sorted({key(outcome) for outcome in outcomes} - {""})
    return {
        value: AnswerReport.of([o for o in outcomes if key(o) == value]).metrics()
        for value in values
    }


def compare_reports(a: AnswerReport, b: AnswerReport, seed: int = 11) -> list[Difference]:
    """Every row of two runs over the same questions, with a paired bootstrap interval.

    Raises:
        InputError: the runs answered different questions.
    """
    if a.ids != b.ids:
        raise InputError(
            "the two runs answered different questions", fix="give both the same file and --limit"
        )
    rng = np.random.default_rng(seed)
    found_a, found_b = a.metrics(), b.metrics()
    names = [name for name in found_a if not np.isnan([found_a[name], found_b[name]]).any()]
    changes = []
    for _ in range(_DRAWINGS):
        drawn = rng.integers(0, len(a.ids), len(a.ids))
        left, right = a.metrics(drawn), b.metrics(drawn)
        changes.append([right[name] - left[name] for name in names])
    # A drawing may miss all questions that tell; the others decide.
    low, high = np.nanpercentile(np.array(changes), [2.5, 97.5], axis=0)
    return [
        difference(name, len(a.ids), found_a[name], found_b[name], float(below), float(above))
        for name, below, above in zip(names, low, high, strict=True)
    ]

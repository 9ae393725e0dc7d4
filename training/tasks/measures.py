"""Scores of classifiers in plain numpy, so that evaluation needs no training packages.

Covered: accuracy, macro-F1, F1 at a cut-off, expected calibration error, confusion counts, the
cut-off that reaches a wanted precision. The area under the ROC curve is in `text_metrics`, with
the scores of answers; retrieval has its own (`retrieval.metrics`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
_BINS = 15


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of equal pairs; 0 for none."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / max(len(gold), 1)


def macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Mean F1 over the labels that occur in `gold`; a label that is only predicted counts as a
    miss of the others and adds no term of its own (files of two classes stay comparable).
    """
    scores = []
    for label in sorted(set(gold)):
        hit = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
        scores.append(2 * hit / (list(gold).count(label) + list(predicted).count(label)))
    return float(np.mean(scores)) if scores else 0.0


def f1_at(gold: NDArray[np.bool_], score: Floats, threshold: float) -> float:
    """F1 of `score >= threshold` against `gold`."""
    flagged = score >= threshold
    total = int(flagged.sum() + gold.sum())
    return 2 * int((flagged & gold).sum()) / total if total else 0.0


def calibration_error(correct: NDArray[np.bool_], confidence: Floats) -> float:
    """Expected calibration error: |accuracy - confidence| over 15 equal bins, weighted by size.

    For a yes/no output pass the truth as `correct` and the probability of yes as `confidence`.

    Source: Guo et al., 2017 (arXiv:1706.04599).
    """
    if not len(correct):
        return 0.0
    bins = np.minimum((np.asarray(confidence) * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for index in np.unique(bins):
        inside = bins == index
        gap = abs(float(correct[inside].mean()) - float(confidence[inside].mean()))
        error += gap * inside.mean()
    return float(error)


def precision_recall(
    gold: NDArray[np.bool_], score: Floats, threshold: float
) -> tuple[float, float]:
    """Precision and recall of `score >= threshold`; NaN where nothing is flagged, or to be found."""
    flagged = score >= threshold
    hits = int((flagged & gold).sum())
    return (
        hits / int(flagged.sum()) if flagged.any() else float("nan"),
        hits / int(gold.sum()) if gold.any() else float("nan"),
    )


def confusion(
    gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]
) -> list[list[int]]:
    """Counts: row = true label, column = predicted label, both in the order of `labels`."""
    place = {label: index for index, label in enumerate(labels)}
    table = [[0] * len(labels) for _ in labels]
    for g, p in zip(gold, predicted, strict=True):
        if g in place and p in place:
            table[place[g]][place[p]] += 1
    return table


def threshold_for_precision(
    gold: NDArray[np.bool_], score: Floats, precision: float, least: int = 10
) -> float:
    """Lowest cut-off whose flagged cases are right at least `precision` of the time.

    At least `least` cases must be flagged for a cut-off to count, and a score of 0 is never
    flagged: where most cases are positive, flagging everybody would be precise enough. Where none
    qualifies the result is 1.0 (nothing is flagged).
    """
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(gold[order])
    flagged = np.arange(1, len(order) + 1)
    ranked = score[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    counts = (flagged >= least) & last_of_tie & (ranked > 0)
    good = np.flatnonzero((right / flagged >= precision) & counts)
    return float(ranked[good[-1]]) if good.size else 1.0

"""A small logistic regression: what a probability is made of, and how honest it is.

Covered: the fit in numpy with a ridge and weights, probabilities for questions that were left out of
it (a tenth at a time, whole topics together), the curve of precision over coverage. Not covered:
what goes into it (`retrieval.calibration`, `bot.answering.second_look`).

Sources: Platt, 1999, Probabilistic outputs for support vector machines; Geifman & El-Yaniv, 2017,
Selective classification for deep neural networks (arXiv:1705.08500) for the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_RIDGE = 1.0
_STEPS = 100
_FOLDS = 10


@dataclass(frozen=True, slots=True)
class Logistic:
    """probability = sigmoid(bias + weights · (values - mean) / scale)."""

    weights: tuple[float, ...]
    bias: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def probability(self, values: Sequence[float]) -> float:
        """Of one row of values, in (0, 1)."""
        scaled = (np.array(values) - self.mean) / self.scale
        score = self.bias + float(scaled @ np.array(self.weights))
        return float(1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0))))


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Answering only above `threshold` answers `coverage` of all questions, `precision` rightly."""

    threshold: float
    coverage: float
    precision: float


Curve = tuple[CurvePoint, ...]


def threshold_for(curve: Curve, precision: float) -> float:
    """The lowest probability above which answers were right this often; 1.0 if none is."""
    reached = [point.threshold for point in curve if point.precision >= precision]
    return min(reached, default=1.0)


def fit(x: Floats, y: Floats, w: Floats) -> Logistic:
    """Newton's method on the logistic loss with a small ridge; x (n, values), y of 0 and 1, w > 0."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-9] = 1.0
    design = np.hstack([np.ones((len(x), 1)), (x - mean) / scale])
    penalty = np.eye(design.shape[1]) * _RIDGE
    penalty[0, 0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30.0, 30.0)))
        gradient = design.T @ (w * (p - y)) + penalty @ weights
        hessian = (design * (w * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(hessian + np.eye(len(weights)) * 1e-9, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(
        weights=tuple(float(weight) for weight in weights[1:]),
        bias=float(weights[0]),
        mean=tuple(float(value) for value in mean),
        scale=tuple(float(value) for value in scale),
    )


def fit_with_curve(
    x: Floats, y: Floats, w: Floats, groups: Sequence[str]
) -> tuple[Logistic, Curve]:
    """The fit to all rows, and the curve of those that weigh 1 or more, each left out of the fit.

    Raises:
        ValueError: all of the rows were answered, or none was.
    """
    if len(y) == 0 or y.min() == y.max():
        raise ValueError("the fit needs questions with and without an answer")
    counted = w >= 1.0
    apart = held_out(x, y, w, groups)
    return fit(x, y, w), coverage_precision(apart[counted], y[counted].astype(np.bool_))


def held_out(x: Floats, y: Floats, w: Floats, groups: Sequence[str]) -> Floats:
    """Probabilities of every row by a fit to rows of other groups, shape (n,)."""
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    folds = np.array([names[group] % _FOLDS for group in groups])
    found = np.full(len(y), y.mean())
    for fold in range(_FOLDS):
        rest = folds != fold
        if rest.all() or not 0 < y[rest].mean() < 1:
            continue
        part = fit(x[rest], y[rest], w[rest])
        found[~rest] = [part.probability(row) for row in x[~rest].tolist()]
    return found


def coverage_precision(
    probabilities: NDArray[np.float64], answerable: NDArray[np.bool_]
) -> tuple[CurvePoint, ...]:
    """The curve over thresholds, from answering everything to answering only the surest."""
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(answerable[order])
    points = []
    for last in range(len(order) - 1, -1, -1):
        sure = probabilities[order[last]]
        if last + 1 < len(order) and probabilities[order[last + 1]] == sure:
            continue
        share, precision = (last + 1) / len(order), right[last] / (last + 1)
        points.append(
            CurvePoint(round(float(sure), 4), round(share, 4), round(float(precision), 4))
        )
    return tuple(points[:: max(1, len(points) // 100)])

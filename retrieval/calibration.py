"""One honest probability: do these passages answer this question?

A logistic regression over what a search knows about itself. Covered: the features, fitting in
numpy, the coverage/precision curve and the threshold for a wanted precision, reading and writing
as JSON. Not covered: making the features (`retrieval.evidence`).

Sources: Platt, 1999, Probabilistic outputs for support vector machines; Geifman & El-Yaniv, 2017,
Selective classification for deep neural networks (arXiv:1705.08500) for the curve.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import ConfigError

_RIDGE = 1.0
_STEPS = 100
_FOLDS = 10
_IGNORED = {"weight": 0.0, "mean": 0.0, "scale": 1.0}
DEFAULT_FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Features:
    """What is known about one search. Shares are in [0, 1], cosines in [-1, 1].

    Attributes:
        best_cosine: dense similarity of the best passage.
        margin: its lead over the next entry (translations of the same entry do not count).
        lexical: the best BM25 as a share of what the query could reach.
        agreement: 1 / rank, in the word search, of the entry the dense search puts first.
        term_coverage: share of the query's terms, weighted by rarity, in the best passage.
        top_coverage: the same in the three best passages together.
        rarest_missing: rarity of the rarest term that none of these three holds; 1 is a word
            that occurs nowhere in the shop's texts, 0 means nothing is missing.
        number_coverage: share of the query's numbers in these three; 1 without numbers.
        unknown_code: 1 when the query names a model code that occurs nowhere.
        exact: 1 when a product was called by its number, model or name.
        chinese: 1 when the query has Chinese characters (cosines of Chinese texts are higher).
        reading: log-odds, by the reader, that the best passage answers, within ±8; 0 unread.
        reading_lead: its lead over the best passage of another entry, within 0 and 8.
        span: how sure the reader is of one short answer in the best passage; 0 unread.
    """

    best_cosine: float
    margin: float
    lexical: float
    agreement: float
    term_coverage: float
    top_coverage: float
    rarest_missing: float
    number_coverage: float
    unknown_code: float
    exact: float
    chinese: float
    reading: float = 0.0
    reading_lead: float = 0.0
    span: float = 0.0

    def row(self) -> list[float]:
        """The values in the order of the fields."""
        return [float(getattr(self, field.name)) for field in fields(self)]


FEATURE_NAMES = tuple(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Answering only above `threshold` answers `coverage` of all questions, `precision` rightly."""

    threshold: float
    coverage: float
    precision: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted regression: probability = sigmoid(bias + weights · (features - mean) / scale)."""

    weights: tuple[float, ...]
    bias: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    fitted_on: str = ""
    curve: tuple[CurvePoint, ...] = ()

    def probability(self, features: Features) -> float:
        """How likely the passages answer the question, in (0, 1)."""
        values = (np.array(features.row()) - self.mean) / self.scale
        score = self.bias + float(values @ np.array(self.weights))
        return float(1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0))))

    def threshold_for(self, precision: float) -> float:
        """The lowest probability above which answers were right this often; 1.0 if none is."""
        reached = [point.threshold for point in self.curve if point.precision >= precision]
        return min(reached, default=1.0)

    @classmethod
    def fit(
        cls,
        features: Sequence[Features],
        answered: Sequence[bool],
        *,
        groups: Sequence[str] = (),
        weights: Sequence[float] = (),
        fitted_on: str = "",
    ) -> Calibration:
        """Fit to searches and whether their hits answered.

        The curve is made of probabilities for questions left out of the fit, a tenth at a time.

        Args:
            features: one per search.
            answered: whether the hits hold the answer.
            groups: topic of each question; questions of one topic are left out together.
            weights: how much each search counts; all the same by default. The curve is made of
                those with a weight of 1 or more.
            fitted_on: a note on where the questions come from.

        Raises:
            ValueError: all of the searches were answered, or none was.
        """
        x = np.array([item.row() for item in features], np.float64)
        y = np.array(answered, np.float64)
        if len(y) == 0 or y.min() == y.max():
            raise ValueError("calibration needs questions with and without an answer")
        w = np.array(weights, np.float64) if len(weights) else np.ones(len(y))
        labels = list(groups) or [str(number) for number in range(len(y))]
        names = {name: number for number, name in enumerate(sorted(set(labels)))}
        folds = np.array([names[label] % _FOLDS for label in labels])
        held_out = np.full(len(y), y.mean())
        for fold in range(_FOLDS):
            rest = folds != fold
            if rest.all() or not 0 < y[rest].mean() < 1:
                continue
            part = _fitted(x[rest], y[rest], w[rest])
            held_out[~rest] = [
                part.probability(features[at]) for at in np.flatnonzero(~rest).tolist()
            ]
        counted = w >= 1.0
        curve = coverage_precision(held_out[counted], y[counted].astype(np.bool_))
        return replace(_fitted(x, y, w), fitted_on=fitted_on, curve=curve)

    def save(self, path: Path) -> None:
        """Write as JSON, features by name."""
        record = {
            "fitted_on": self.fitted_on,
            "bias": self.bias,
            "features": {
                name: {"weight": weight, "mean": mean, "scale": scale}
                for name, weight, mean, scale in zip(
                    FEATURE_NAMES, self.weights, self.mean, self.scale, strict=True
                )
            },
            "curve": [asdict(point) for point in self.curve],
        }
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path = DEFAULT_FILE) -> Calibration:
        """Read a fitted calibration; without a path the one that ships with the program.

        Raises:
            ConfigError: the file is missing, damaged, or of other features.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            stored = record["features"]
            if not set(stored) <= set(FEATURE_NAMES):
                raise ValueError(f"expected the features {', '.join(FEATURE_NAMES)}")  # noqa: TRY301
            # A feature that the fit did not know counts nothing.
            stored = {name: stored.get(name, _IGNORED) for name in FEATURE_NAMES}
            return cls(
                weights=tuple(float(stored[name]["weight"]) for name in FEATURE_NAMES),
                bias=float(record["bias"]),
                mean=tuple(float(stored[name]["mean"]) for name in FEATURE_NAMES),
                scale=tuple(float(stored[name]["scale"]) for name in FEATURE_NAMES),
                fitted_on=str(record["fitted_on"]),
                curve=tuple(CurvePoint(**point) for point in record["curve"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"the calibration in {path} cannot be read: {error}",
                fix="delete the file; the one shipped with the program is used then",
            ) from error


def _fitted(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> Calibration:
    """Newton's method on the logistic loss with a small ridge; x (n, features), y of 0 and 1, w > 0."""
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
    return Calibration(
        weights=tuple(float(weight) for weight in weights[1:]),
        bias=float(weights[0]),
        mean=tuple(float(value) for value in mean),
        scale=tuple(float(value) for value in scale),
    )


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

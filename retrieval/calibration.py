"""One honest probability: do these passages answer this question?

A logistic regression over what a search knows about itself. Covered: the features, fitting them,
the threshold for a wanted precision, reading and writing as JSON. Not covered: making the features
(`retrieval.evidence`), the mathematics (`retrieval.regression`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from bot.errors import ConfigError
from retrieval.regression import Curve, CurvePoint, Logistic, fit_with_curve, threshold_for

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
class Calibration:
    """A fitted regression: probability = sigmoid(bias + weights · (features - mean) / scale)."""

    weights: tuple[float, ...]
    bias: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    fitted_on: str = ""
    curve: Curve = ()

    def probability(self, features: Features) -> float:
        """How likely the passages answer the question, in (0, 1)."""
        model = Logistic(self.weights, self.bias, self.mean, self.scale)
        return model.probability(features.row())

    def threshold_for(self, precision: float) -> float:
        """The lowest probability above which answers were right this often; 1.0 if none is."""
        return threshold_for(self.curve, precision)

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
        w = np.array(weights, np.float64) if len(weights) else np.ones(len(y))
        labels = list(groups) or [str(number) for number in range(len(y))]
        model, curve = fit_with_curve(x, y, w, labels)
        return cls(model.weights, model.bias, model.mean, model.scale, fitted_on, curve)

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

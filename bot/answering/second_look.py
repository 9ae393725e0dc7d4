"""A second look at the best hits: the generator judges whether they answer, beside the search.

The reader is small and quick and takes "about the same thing" for an answer: parking for the address
of the showroom. The generator is slower and knows more of the world; asked for one word it costs a
fraction of a draft. Covered: a `Retriever` around another one that judges its best hits, the weighing
of both opinions and its fit, which pairs of judge and weights go together. Not covered: the prompt
(`bot.answering.judging`), the search.

Source: stacking (Wolpert, 1992, Stacked generalization): a regression over what two models say.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from bot.answering.evidence import shown
from bot.answering.judging import judge_prompt
from bot.errors import ConfigError, GeneratorError
from bot.protocols import Generator, Judge, Retriever
from bot.types import Hit, Query, Retrieval
from retrieval.regression import Curve, CurvePoint, Logistic, fit_with_curve, threshold_for
from retrieval.rerank import weighed

log = structlog.get_logger(__name__)
SHIPPED = Path(__file__).with_name("second_look.json")
LOOKED_AT = 3
"""Hits that are judged: those that may be quoted or shown to the generator."""
_BOUND = 8.0
_WEIGHT = 0.0075
"""What one unit of the judge's log-odds moves a score (golden dev: 0.005 to 0.01 do alike)."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What is known of one search, as log-odds within ±8: that its hits answer, by the search and
    its reader; that one of them does, by the judge of the one it likes best."""

    search: float
    judge: float

    def row(self) -> tuple[float, float]:
        """The values in the order of the weights."""
        return self.search, self.judge


_NAMES = tuple(field.name for field in fields(Opinions))


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much each opinion counts.

    Attributes:
        model: the regression over `Opinions.row`.
        judge: name of the generator that it was fitted with; another one's word is not asked for.
        fitted_on: a note on where the questions come from.
        curve: precision by threshold, of questions left out of the fit.
    """

    model: Logistic
    judge: str
    fitted_on: str = ""
    curve: Curve = ()

    def probability(self, opinions: Opinions) -> float:
        """How likely the hits answer, in (0, 1)."""
        return self.model.probability(opinions.row())

    def threshold_for(self, precision: float) -> float:
        """The lowest probability above which answers were right this often; 1.0 if none is."""
        return threshold_for(self.curve, precision)

    @classmethod
    def fit(cls, said: Sequence[Said], judge: str, fitted_on: str) -> Weighing:
        """Fit to searches whose hits were judged.

        Raises:
            ValueError: all of them were answered, or none was.
        """
        x = np.array([one.opinions.row() for one in said], np.float64)
        y = np.array([one.answered for one in said], np.float64)
        w = np.array([one.weight for one in said], np.float64)
        model, curve = fit_with_curve(x, y, w, [one.topic for one in said])
        return cls(model, judge, fitted_on, curve)

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Weighing:
        """What `save` wrote; without a path the one that ships with the program.

        Raises:
            ConfigError: the file is missing or damaged.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            model = Logistic(**{key: _plain(value) for key, value in record["model"].items()})
            if not len(model.weights) == len(model.mean) == len(model.scale) == len(_NAMES):
                raise ValueError(f"expected the opinions {', '.join(_NAMES)}")  # noqa: TRY301
            curve = tuple(CurvePoint(**point) for point in record["curve"])
            return cls(model, str(record["judge"]), str(record["fitted_on"]), curve)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"the weights of the second look in {path} cannot be read: {error}",
                fix="delete the file; the one shipped with the program is used then",
            ) from error

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Said:
    """One question that was searched for and judged, and whether its hits answer."""

    opinions: Opinions
    answered: bool
    topic: str
    weight: float = 1.0


class SecondLook:
    """Implements `bot.protocols.Retriever` around another one. Safe to share between threads."""

    def __init__(self, inner: Retriever, judge: Judge, weighing: Weighing) -> None:
        self._inner = inner
        self._judge = judge
        self._weighing = weighing

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """What the other one finds, with the answerability that both opinions make.

        A judge that fails leaves the search's own probability, and a line in the log.
        """
        found = self._inner.search(query, limit)
        if not found.hits:
            return found
        started = time.perf_counter()
        try:
            found = judged(self._judge, query, found)
        except GeneratorError as error:
            log.warning("second_look_failed", error=error.message)
            return found
        took = {"second_look": 1000 * (time.perf_counter() - started)}
        known = self._weighing.probability(opinions_of(found))
        return replace(found, answerability=known, timings_ms={**found.timings_ms, **took})


@dataclass(frozen=True, slots=True)
class Look:
    """A generator that judges, and what its word counts."""

    judge: Judge
    weighing: Weighing

    @classmethod
    def of(cls, generator: Generator, own: Path) -> Look | None:
        """None if the generator cannot judge, or the weights were fitted with another one.

        Args:
            own: file of the weights fitted by the shop; those that ship if there is none.

        Raises:
            ConfigError: the weights cannot be read.
        """
        if not isinstance(generator, Judge):
            return None
        weighing = Weighing.load(own if own.exists() else SHIPPED)
        if weighing.judge != generator.name:
            log.info("no_second_look", fitted_with=weighing.judge, generator=generator.name)
            return None
        return cls(generator, weighing)

    def around(self, retriever: Retriever) -> SecondLook:
        """The retriever with its hits judged."""
        return SecondLook(retriever, self.judge, self.weighing)


def judged(judge: Judge, query: Query, found: Retrieval) -> Retrieval:
    """The same with the best hits judged, and in the order that this makes of them.

    Raises:
        GeneratorError: the judge failed.
    """
    looked_at = found.hits[:LOOKED_AT]
    prompts = [judge_prompt(query.search_text, _text(hit)) for hit in looked_at]
    said = zip(looked_at, judge.log_odds(prompts), strict=True)
    hits = [replace(hit, judged=_bounded(odds)) for hit, odds in said]
    return replace(found, hits=(*_in_order(hits), *found.hits[LOOKED_AT:]))


def _in_order(hits: Sequence[Hit]) -> Sequence[Hit]:
    """Hits that were judged, by score and judgement; what was asked for by its number stays first."""
    if hits[0].exact:
        return hits
    return weighed(hits, [_WEIGHT * (hit.judged or 0.0) for hit in hits])


def opinions_of(found: Retrieval) -> Opinions:
    """What search and judge say of hits that were judged."""
    said = [hit.judged for hit in found.hits if hit.judged is not None]
    known = min(max(found.answerability, 1e-6), 1.0 - 1e-6)
    return Opinions(_bounded(math.log(known / (1.0 - known))), max(said))


def _text(hit: Hit) -> str:
    return f"{hit.passage.title}\n{shown(hit)}".strip()


def _bounded(log_odds: float) -> float:
    return min(max(log_odds, -_BOUND), _BOUND)


def _plain(value: object) -> Any:
    return tuple(float(item) for item in value) if isinstance(value, list) else float(str(value))

"""Measures of a ranking, each with its value per question, so that a bad average can be traced.

A question may have several right passages. `recall@k` is 1 when any of them is among the first k
(each alone answers the question), `mrr` looks at the first of them, `ndcg` at all of them.

Source: Järvelin & Kekäläinen, 2002, Cumulated gain-based evaluation of IR techniques.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

Measure = Callable[[Sequence[str], Collection[str]], float]


@dataclass(frozen=True, slots=True)
class Score:
    """A mean and the values it is the mean of, in the order of the questions."""

    value: float
    per_question: tuple[float, ...]


def recall_at(k: int) -> Measure:
    """1 when a right passage is among the first `k`, else 0."""

    def measure(ranking: Sequence[str], gold: Collection[str]) -> float:
        return float(any(passage in gold for passage in ranking[:k]))

    return measure


def mrr_at(k: int) -> Measure:
    """1 / rank of the first right passage, 0 when none is among the first `k`."""

    def measure(ranking: Sequence[str], gold: Collection[str]) -> float:
        ranks = (rank for rank, passage in enumerate(ranking[:k], start=1) if passage in gold)
        return 1.0 / next(ranks, math.inf)

    return measure


def ndcg_at(k: int) -> Measure:
    """Discounted gain of the right passages among the first `k`, as a share of the best possible."""

    def measure(ranking: Sequence[str], gold: Collection[str]) -> float:
        if not gold:
            return 0.0
        gain = sum(
            1 / math.log2(rank + 1)
            for rank, passage in enumerate(ranking[:k], start=1)
            if passage in gold
        )
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))
        return gain / best

    return measure


MEASURES: Mapping[str, Measure] = {
    "recall@1": recall_at(1),
    "recall@5": recall_at(5),
    "recall@10": recall_at(10),
    "mrr@10": mrr_at(10),
    "ndcg@10": ndcg_at(10),
}


def score(
    measure: Measure, rankings: Sequence[Sequence[str]], golds: Sequence[Collection[str]]
) -> Score:
    """The mean of a measure over questions, with the value of each; 0 without questions."""
    values = tuple(measure(ranking, gold) for ranking, gold in zip(rankings, golds, strict=True))
    return Score(sum(values) / len(values) if values else 0.0, values)

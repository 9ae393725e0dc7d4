"""BM25: what it knows of a collection, and the numbers it makes of it.

Covered: inverse document frequencies, the share of each word in each passage's score. Not covered:
looking up a question's words (`retrieval.lexical`).

Sources: Robertson & Zaragoza, 2009, The Probabilistic Relevance Framework: BM25 and Beyond; the
normalisation by the highest score a query could reach is from Bruch, Gai & Ingber, 2023, An
Analysis of Fusion Functions for Hybrid Retrieval (arXiv:2210.11934).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """BM25 of every passage, shape (passages,), and the highest score the query could reach."""

    bm25: NDArray[np.float32]
    ceiling: float

    @property
    def evidence(self) -> NDArray[np.float32]:
        """BM25 as a share of the ceiling, in [0, 1): 0 where no word of the query occurs."""
        return self.evidence_at(slice(None))

    def evidence_at(self, positions: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """`evidence` of some passages only."""
        bm25 = self.bm25[positions]
        return bm25 / np.float32(self.ceiling) if self.ceiling > 0 else bm25


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 knows of a collection: `holding[number]` counts the passages with a word."""

    count: int
    mean_length: float
    holding: NDArray[np.int64]

    @property
    def unseen(self) -> float:
        """Inverse document frequency of a word that occurs nowhere."""
        return math.log(1 + (self.count + 0.5) / 0.5)

    def idf(self, numbers: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Lucene's inverse document frequency of some words."""
        holding = np.minimum(self.holding[np.asarray(numbers, np.int64)], self.count)
        return np.asarray(np.log1p((self.count - holding + 0.5) / (holding + 0.5)))


@dataclass(frozen=True, slots=True)
class Counted:
    """How often each word occurs in each passage, sorted by word, then row."""

    numbers: NDArray[np.int64]
    rows: NDArray[np.int64]
    counts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    holding: NDArray[np.int64]

    @classmethod
    def of(cls, terms: NDArray[np.int32], starts: NDArray[np.int64], words: int) -> Counted:
        """Count the terms of all passages, laid out as in `LexicalIndex`, of `words` words."""
        lengths = np.diff(starts)
        size = max(1, len(lengths))
        pairs = np.repeat(np.arange(len(lengths)), lengths) + terms.astype(np.int64) * size
        pairs, counts = np.unique(pairs, return_counts=True)
        numbers, rows = np.divmod(pairs, size)
        return cls(numbers, rows, counts, lengths, np.bincount(numbers, minlength=words))

    def scores(self, statistics: Statistics) -> dict[str, Any]:
        """What each word adds to each passage.

        The same numbers as `BM25.index` computes, without a Python loop over the passages: an edit
        must be searchable within a second, which that loop uses up at a few thousand passages.
        """
        mean = statistics.mean_length or 1.0
        norm = K1 * (1 - B + B * self.lengths[self.rows] / mean)
        idf = statistics.idf(self.numbers)
        return {
            "data": (idf * self.counts / (self.counts + norm)).astype(np.float32),
            "indices": self.rows.astype(np.int32),
            "indptr": np.concatenate([[0], np.cumsum(self.holding)]).astype(np.int64),
            "num_docs": len(self.lengths),
        }

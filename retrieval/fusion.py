"""One ranking out of two: how the dense and the word search are put together.

Covered: the convex combination that is used, and reciprocal-rank fusion, which it was measured
against. Not covered: exact hits, which are set before either ranking (`retrieval.exact`).

The combination scored higher than reciprocal ranks on every development set (docs/retrieval.md):
ranks forget that a question whose words all occur in one passage is settled, and that a Chinese
question has no words to match in an English passage.

Sources: Bruch, Gai & Ingber, 2023, An Analysis of Fusion Functions for Hybrid Retrieval
(arXiv:2210.11934); Cormack, Clarke & Büttcher, 2009, Reciprocal Rank Fusion outperforms Condorcet
and Individual Rank Learning Methods (SIGIR).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

SKU_BONUS = 3.0
"""Added to a passage whose article number was named: more than a cosine and all words together."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """How much the word search counts.

    `lexical_weight` was tuned for E5 with the shipped adapter for search (`python -m
    bench.reranking`); an encoder with a wider spread of cosines wants a larger one. `full_evidence` is for passages in another
    language than the question: the share of its weight that some passage must account for before
    words count in full there. Below it, matches are stray (a number, a name) and count less.
    """

    method: Literal["convex", "rrf"] = "convex"
    lexical_weight: float = 0.4
    full_evidence: float = 0.25
    rrf_k: int = 60


def fuse(
    cosine: Scores, evidence: Scores, foreign: NDArray[np.bool_], settings: FusionSettings
) -> Scores:
    """A score for every candidate, all arrays of shape (candidates,).

    Args:
        cosine: dense similarity of each candidate.
        evidence: its BM25 as a share of what the query could reach.
        foreign: whether it is in another language than the question.
        settings: method and weights.
    """
    if settings.method == "rrf":
        found = np.where(evidence > 0, evidence, -np.inf).astype(np.float32)
        return reciprocal_ranks(cosine, settings.rrf_k) + reciprocal_ranks(found, settings.rrf_k)
    trust = min(1.0, float(evidence.max(initial=0.0)) / settings.full_evidence)
    weights = np.where(foreign, settings.lexical_weight * trust, settings.lexical_weight)
    return (cosine + weights * evidence).astype(np.float32)


def reciprocal_ranks(scores: Scores, k: int) -> Scores:
    """1 / (k + rank) for every score, ranks from 1; 0 for minus infinity (not returned)."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), np.float32)
    ranks[order] = np.arange(1, len(scores) + 1, dtype=np.float32)
    return np.where(np.isneginf(scores), 0.0, 1.0 / (k + ranks)).astype(np.float32)

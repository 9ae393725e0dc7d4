"""Reranking within a time budget: a cross-encoder over the best hits, as far as time allows.

Covered: the order of the hits, stopping between batches. Not covered: the cross-encoder itself,
which is any `bot.protocols.Reranker`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from bot.protocols import Reranker
from bot.types import Hit
from retrieval.fusion import SKU_BONUS

RERANKED = 20
"""How many of the fused hits are looked at again."""

_BATCH = 4


def rerank_within(
    reranker: Reranker, question: str, hits: Sequence[Hit], budget_s: float
) -> list[Hit]:
    """The hits in the reranker's order; those it had no time for follow as they were.

    Hits found by article number keep their place in front. No batch is begun that would end after
    the budget, judged by the slowest batch so far; one batch is always scored.
    """
    fixed = list(takewhile(lambda hit: hit.score >= SKU_BONUS - 1, hits))
    rest = hits[len(fixed) :]
    started = time.perf_counter()
    slowest = 0.0
    scored: list[Hit] = []
    for start in range(0, min(RERANKED, len(rest)), _BATCH):
        begun = time.perf_counter()
        if start and begun - started + slowest > budget_s:
            break
        batch = rest[start : min(start + _BATCH, RERANKED)]
        texts = [f"{hit.passage.title}\n{hit.passage.text}".strip() for hit in batch]
        scores = reranker.score(question, texts)
        scored += [
            replace(hit, rerank=float(score)) for hit, score in zip(batch, scores, strict=True)
        ]
        slowest = max(slowest, time.perf_counter() - begun)
    scored.sort(key=lambda hit: -(hit.rerank or 0.0))
    return [*fixed, *scored, *rest[len(scored) :]]

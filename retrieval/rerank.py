"""Reranking within a time budget: a cross-encoder over the best hits, as far as time allows.

Covered: the order of the hits, stopping between batches. Not covered: the cross-encoder itself,
which is any `bot.protocols.Reader`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from bot.protocols import Reader
from bot.types import EvidenceSentence, Hit, Reading
from retrieval.fusion import SKU_BONUS

RERANKED = 20
"""How many of the fused hits are looked at again."""

_BATCH = 4


def rerank_within(
    reader: Reader, question: str, hits: Sequence[Hit], budget_s: float
) -> list[Hit]:
    """The hits in the reader's order, with their readings; those it had no time for follow as they were.

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
        readings = reader.read(question, texts)
        scored += [
            replace(hit, reading=_of_text(reading, hit))
            for hit, reading in zip(batch, readings, strict=True)
        ]
        slowest = max(slowest, time.perf_counter() - begun)
    scored.sort(key=lambda hit: -hit.reading.logit if hit.reading else 0.0)
    return [*fixed, *scored, *rest[len(scored) :]]


def _of_text(reading: Reading, hit: Hit) -> Reading:
    """The reading with places in the passage's text alone: it was read with its title."""
    skipped = len(hit.passage.title) + 1 if hit.passage.title else 0
    sentences = tuple(
        EvidenceSentence(max(0, s.start - skipped), s.end - skipped, s.needed)
        for s in reading.sentences
        if s.end > skipped
    )
    start, end = (max(0, place - skipped) for place in reading.span)
    return replace(reading, sentences=sentences, span=(start, end))

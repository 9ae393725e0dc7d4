"""Reranking within a time budget: a cross-encoder over the best hits, as far as time allows.

Covered: the order of the hits, by the searches' score and the reading together, stopping between
batches. Not covered: the cross-encoder itself, which is any `bot.protocols.Reader`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, takewhile

from bot.protocols import Reader
from bot.types import EvidenceSentence, Hit, Reading
from retrieval.fusion import SKU_BONUS
from retrieval.named_facts import with_named_facts

RERANKED = 8
"""How many of the fused hits are looked at again."""

READING_WEIGHT = 0.005
"""What one unit of the reader's log-odds moves a fused score (docs/retrieval.md)."""

_BATCH = 4
_BOUND = 8.0


def rerank_within(reader: Reader, question: str, hits: Sequence[Hit], budget_s: float) -> list[Hit]:
    """The hits, with readings, as the reader moves them; those it had no time for follow as they were.

    Hits found by article number keep their place in front. No batch is begun that would end after
    the budget, judged by the slowest batch so far; one batch is always scored.
    """
    started = time.perf_counter()
    slowest = 0.0
    read: list[Hit] = []
    for start in range(0, min(RERANKED, len(hits)), _BATCH):
        begun = time.perf_counter()
        if start and begun - started + slowest > budget_s:
            break
        batch = hits[start : min(start + _BATCH, RERANKED)]
        read += with_readings(reader, question, batch)
        slowest = max(slowest, time.perf_counter() - begun)
    return [*reordered(read), *hits[len(read) :]]


def with_readings(reader: Reader, question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits with what the reader says of each, in the same order."""
    texts = [f"{hit.passage.title}\n{hit.passage.text}".strip() for hit in hits]
    return [
        with_named_facts(replace(hit, reading=_of_text(reading, hit)), question)
        for hit, reading in zip(hits, reader.read(question, texts), strict=True)
    ]


def reordered(read: Sequence[Hit], weight: float = READING_WEIGHT) -> list[Hit]:
    """Hits in the order of the searches' score and of `weight` times what the reader said of them.

    Hits found by article number keep their place in front.
    """
    fixed = list(takewhile(lambda hit: hit.score >= SKU_BONUS - 1, read))
    moved = read[len(fixed) :]
    return [*fixed, *weighed(moved, [weight * _bounded(hit) for hit in moved])]


def weighed(hits: Sequence[Hit], said: Sequence[float]) -> list[Hit]:
    """Hits in the order of their scores and of what somebody else said of each of them."""
    # The order counts, not the scores alone: translations stand behind for a reason.
    bases = accumulate((hit.score for hit in hits), min)
    values = [base + more for base, more in zip(bases, said, strict=True)]
    return [hits[at] for at in sorted(range(len(hits)), key=lambda at: -values[at])]


def _bounded(hit: Hit) -> float:
    logit = hit.reading.logit if hit.reading else 0.0
    return min(max(logit, -_BOUND), _BOUND)


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

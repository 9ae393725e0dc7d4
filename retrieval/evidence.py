"""What a search knows about itself: the features that answerability is judged by.

Covered: how near, how far ahead, how well the words and numbers of the question occur, whether
both searches agree. The weighing is in `retrieval.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bot.types import Hit
from retrieval.calibration import Features
from retrieval.candidates import Candidates
from retrieval.exact import model_codes
from retrieval.index import HybridIndex
from retrieval.passages import search_text
from retrieval.text import has_han, numbers

_BOUND = 8.0
LOOKED_AT = 3
"""Hits whose texts are looked at: those that reach the generator."""


def features_of(
    index: HybridIndex,
    text: str,
    terms: Sequence[str],
    candidates: Candidates,
    hits: Sequence[Hit],
) -> Features | None:
    """Features of one search; None when it found nothing.

    Args:
        index: what was searched.
        text: the question.
        terms: its terms.
        candidates: all passages in question.
        hits: the same in their final order.
    """
    if not hits:
        return None
    entries = [index.entries[position] for position in candidates.positions.tolist()]
    cosine = np.where(np.isfinite(candidates.cosine), candidates.cosine, 0.0)
    nearest = entries[int(np.argmax(cosine))]
    others = [float(c) for c, entry in zip(cosine, entries, strict=True) if entry != nearest]
    best = float(cosine.max())

    wanted = dict.fromkeys(terms)
    rarity = {term: index.lexical.rarity(term) for term in wanted}
    total = sum(rarity.values()) or 1.0
    rows = {index.passages[at].passage_id: int(at) for at in candidates.positions}
    looked_at = [hit.passage for hit in hits[:LOOKED_AT]]
    held = [index.lexical.terms_in(terms, rows[passage.passage_id]) for passage in looked_at]
    anywhere = frozenset().union(*held)

    reading, lead, span = _read(index, rows, hits)
    figures = numbers(text)
    texts = [search_text(passage) for passage in looked_at] if figures else []
    present = frozenset().union(*(numbers(text) for text in texts))
    return Features(
        best_cosine=best,
        margin=best - max(others, default=0.0),
        lexical=float(candidates.evidence.max()),
        agreement=_agreement(candidates, entries, nearest),
        term_coverage=sum(rarity[term] for term in held[0]) / total,
        top_coverage=sum(rarity[term] for term in anywhere) / total,
        rarest_missing=max((rarity[term] for term in wanted if term not in anywhere), default=0.0),
        number_coverage=len(figures & present) / len(figures) if figures else 1.0,
        unknown_code=float(any(index.lexical.rarity(code) == 1.0 for code in model_codes(text))),
        exact=float(hits[0].exact),
        chinese=float(has_han(text)),
        reading=reading,
        reading_lead=lead,
        span=span,
    )


def _read(
    index: HybridIndex, rows: Mapping[str, int], hits: Sequence[Hit]
) -> tuple[float, float, float]:
    """What the reader makes of the best passage, its lead over other entries, and its span."""
    read = [(hit, hit.reading) for hit in hits if hit.reading]
    if not read:
        return 0.0, 0.0, 0.0
    best, reading = max(read, key=lambda pair: pair[1].logit)
    entry = index.entries[rows[best.passage.passage_id]]
    others = [
        other.logit for hit, other in read if index.entries[rows[hit.passage.passage_id]] != entry
    ]
    lead = reading.logit - max(others) if others else _BOUND
    return (
        float(np.clip(reading.logit, -_BOUND, _BOUND)),
        float(np.clip(lead, 0.0, _BOUND)),
        reading.span_score,
    )


def _agreement(candidates: Candidates, entries: Sequence[str], nearest: str) -> float:
    """1 / rank, among the entries the word search found, of the one the dense search prefers."""
    order = np.argsort(-candidates.evidence, kind="stable")
    ranked = dict.fromkeys(entries[at] for at in order if candidates.evidence[at] > 0)
    ranks = {entry: rank for rank, entry in enumerate(ranked, start=1)}
    return 1.0 / ranks[nearest] if nearest in ranks else 0.0

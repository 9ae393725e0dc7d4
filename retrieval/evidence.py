"""What a search knows about itself: the features that answerability is judged by.

Covered: how near, how far ahead, how well the words and numbers of the question occur, whether
both searches agree. The weighing is in `retrieval.calibration`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.types import Hit, Lang
from retrieval.calibration import Features
from retrieval.candidates import Candidates
from retrieval.index import HybridIndex
from retrieval.passages import search_text
from retrieval.text import numbers

_LOOKED_AT = 3
"""Hits whose texts may hold the question's numbers: those that reach the generator."""


def features_of(
    index: HybridIndex,
    text: str,
    terms: Sequence[str],
    candidates: Candidates,
    hits: Sequence[Hit],
    lang: Lang,
) -> Features | None:
    """Features of one search; None when it found nothing.

    Args:
        index: what was searched.
        text: the question.
        terms: its terms.
        candidates: all passages in question.
        hits: the same in their final order.
        lang: the customer's language.
    """
    if not hits:
        return None
    entries = [_entry(index, int(position)) for position in candidates.positions]
    cosine = np.where(np.isfinite(candidates.cosine), candidates.cosine, 0.0)
    by_cosine = [entries[at] for at in np.argsort(-cosine, kind="stable")]
    nearest = by_cosine[0]
    others = [float(c) for c, entry in zip(cosine, entries, strict=True) if entry != nearest]
    best = float(cosine.max())
    top = hits[0].passage
    position = int(
        next(at for at in candidates.positions if index.passages[at].passage_id == top.passage_id)
    )
    wanted = numbers(text)
    present: set[str] = set()
    for hit in hits[:_LOOKED_AT]:
        present |= numbers(search_text(hit.passage))
    return Features(
        best_cosine=best,
        margin=best - max(others, default=0.0),
        lexical=float(candidates.evidence.max()),
        agreement=_agreement(candidates, entries, nearest),
        term_coverage=index.lexical.coverage(terms, position),
        number_coverage=len(wanted & present) / len(wanted) if wanted else 1.0,
        exact=float(hits[0].exact),
        foreign=float(top.lang[:2] != lang[:2]),
    )


def _entry(index: HybridIndex, position: int) -> str:
    passage = index.passages[position]
    return passage.group or passage.passage_id


def _agreement(candidates: Candidates, entries: Sequence[str], nearest: str) -> float:
    """1 / rank, among the entries the word search found, of the one the dense search prefers."""
    order = np.argsort(-candidates.evidence, kind="stable")
    ranked = dict.fromkeys(entries[at] for at in order if candidates.evidence[at] > 0)
    ranks = {entry: rank for rank, entry in enumerate(ranked, start=1)}
    return 1.0 / ranks[nearest] if nearest in ranks else 0.0

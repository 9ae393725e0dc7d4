"""Candidates: what each search puts forward for a question, and what all of them say about it.

Covered: nearest passages by vector, best by words, products called by name, the best of those that
meet what the question demands, and the translations of all of these, with passages left out that
are not valid. Not covered: which of them is best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.index import HybridIndex
from retrieval.segment import rows_of
from retrieval.text import has_han

Mode = Literal["dense", "lexical", "hybrid", "rerank"]
MODES: tuple[Mode, ...] = ("dense", "lexical", "hybrid", "rerank")

CANDIDATES = 50
"""How many passages each search may put forward."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages in question, all arrays of shape (n,), positions ascending.

    `cosine` is minus infinity without a dense search; `evidence` is BM25 as a share of what the
    query could reach; `foreign` marks passages in another script than the question.
    """

    positions: NDArray[np.int64]
    cosine: NDArray[np.float32]
    bm25: NDArray[np.float32]
    evidence: NDArray[np.float32]
    foreign: NDArray[np.bool_]
    by_sku: NDArray[np.bool_]
    by_name: NDArray[np.bool_]


def gather(
    index: HybridIndex,
    mode: Mode,
    text: str,
    terms: Sequence[str],
    vector: NDArray[np.float32] | None,
    day: date,
    meeting: NDArray[np.bool_] | None = None,
) -> Candidates:
    """The union of what the searches of `mode` put forward, each passage scored by all of them.

    Args:
        index: what is searched.
        mode: `dense` and `lexical` leave the other search, names and translations out.
        text: the question, for names.
        terms: its terms, for words.
        vector: its unit vector, shape (dimension,); None in mode `lexical`.
        day: passages not valid on it are left out.
        meeting: of these the best are put forward whatever else is near, shape (passages,).
    """
    valid = index.valid_on(day)
    cosine = np.full(len(index.passages), -np.inf, np.float32)
    if vector is not None and index.dense is not None:
        rows, cosines = index.dense.search(vector, CANDIDATES, index.allowed_rows(day))
        np.maximum.at(cosine, index.owners[rows], cosines)
        if meeting is not None:
            both = meeting if valid is None else meeting & valid
            rows, cosines = index.dense.search(vector, CANDIDATES, both[index.owners])
            np.maximum.at(cosine, index.owners[rows], cosines)
    chosen = set(np.flatnonzero(np.isfinite(cosine)).tolist())
    lexical = index.lexical.score(terms)
    if mode != "dense":
        allowed_bm25 = lexical.bm25 if valid is None else np.where(valid, lexical.bm25, 0)
        chosen.update(_best(allowed_bm25))
        if meeting is not None:
            chosen.update(_best(np.where(meeting, allowed_bm25, 0)))
    by_sku: frozenset[int] = frozenset()
    by_name: frozenset[int] = frozenset()
    if mode in {"hybrid", "rerank"}:
        by_sku, by_name = index.exact.find(text)
        chosen |= by_sku | by_name
        chosen = index.translations(chosen)
    positions = np.array(sorted(at for at in chosen if valid is None or valid[at]), np.int64)
    if vector is not None:
        _fill_cosines(index, cosine, positions, vector)
    return Candidates(
        positions=positions,
        cosine=cosine[positions],
        bm25=lexical.bm25[positions],
        evidence=lexical.evidence_at(positions),
        foreign=index.chinese[positions] != has_han(text),
        by_sku=np.isin(positions, list(by_sku)),
        by_name=np.isin(positions, list(by_name)),
    )


def _best(bm25: NDArray[np.float32]) -> list[int]:
    """Positions with the highest scores above 0, the lower position first among equals."""
    found = np.flatnonzero(bm25 > 0)
    if len(found) > 4 * CANDIDATES:  # sort only what can be among the best
        bound = np.partition(bm25[found], -CANDIDATES)[-CANDIDATES]
        found = found[bm25[found] >= bound]
    order = np.argsort(-bm25[found], kind="stable")[:CANDIDATES]
    return [int(position) for position in found[order]]


def _fill_cosines(
    index: HybridIndex,
    cosine: NDArray[np.float32],
    positions: NDArray[np.int64],
    vector: NDArray[np.float32],
) -> None:
    """Write the cosines of candidates that only words or a name put forward into `cosine`."""
    missing = positions[np.isneginf(cosine[positions])]
    if index.dense is None or not len(missing):
        return
    rows = rows_of(index.owners, missing)
    np.maximum.at(cosine, index.owners[rows], index.dense.cosines(vector, rows))

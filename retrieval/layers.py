"""Two segments seen as one: positions and rows of the second follow those of the first.

Covered: what `retrieval.candidates` and `retrieval.evidence` ask an index. Not covered: leaving out
what was replaced, which is a mask of the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Vectors
from bot.types import Passage
from retrieval.bm25 import LexicalScores
from retrieval.dense import DenseIndex
from retrieval.exact import ExactIndex
from retrieval.lexical import LexicalIndex


class LayeredPassages(Sequence[Passage]):
    """Passages of both, by position."""

    def __init__(self, first: Sequence[Passage], second: Sequence[Passage]) -> None:
        self._first = first
        self._second = second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    @overload
    def __getitem__(self, position: int) -> Passage: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Passage, ...]: ...
    def __getitem__(self, position: int | slice) -> Passage | tuple[Passage, ...]:
        if isinstance(position, slice):
            return tuple(self[at] for at in range(*position.indices(len(self))))
        at = int(position) + (len(self) if position < 0 else 0)
        if at < len(self._first):
            return self._first[at]
        return self._second[at - len(self._first)]

    def __iter__(self) -> Iterator[Passage]:
        yield from self._first
        yield from self._second


class LayeredDense:
    """Vectors of both, by row. The second is small: all of it is compared."""

    def __init__(self, first: DenseIndex, second: DenseIndex) -> None:
        self._first = first
        self._second = second

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return self._first.rows + self._second.rows

    def search(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `DenseIndex.search`."""
        split = self._first.rows
        masks = (None, None) if allowed is None else (allowed[:split], allowed[split:])
        rows, cosines = self._first.search(vector, count, masks[0])
        more_rows, more_cosines = self._second.search(vector, count, masks[1])
        rows = np.concatenate([rows, more_rows + split])
        cosines = np.concatenate([cosines, more_cosines])
        best = np.argsort(-cosines, kind="stable")[:count]
        return rows[best], cosines[best]

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `DenseIndex.cosines`."""
        return np.asarray(self.reconstructed(rows) @ vector, np.float32)

    def reconstructed(self, rows: NDArray[np.int64]) -> Vectors:
        """As `DenseIndex.reconstructed`."""
        split = self._first.rows
        vectors = np.empty((len(rows), self._first.dimension), np.float32)
        early = rows < split
        vectors[early] = self._first.reconstructed(rows[early])
        vectors[~early] = self._second.reconstructed(rows[~early] - split)
        return vectors

    def vectors(self) -> Vectors:
        """All vectors, shape (rows, dimension)."""
        return np.concatenate([self._first.vectors(), self._second.vectors()])


class LayeredLexical:
    """Words of both; the second was built beside the first and knows the words of both."""

    def __init__(self, first: LexicalIndex, second: LexicalIndex) -> None:
        self._first = first
        self._second = second

    def score(self, terms: Sequence[str]) -> LexicalScores:
        """As `LexicalIndex.score`."""
        newer = self._second.score(terms)
        bm25 = np.concatenate([self._first.score(terms).bm25, newer.bm25])
        return LexicalScores(bm25, newer.ceiling)

    def rarity(self, term: str) -> float:
        """As `LexicalIndex.rarity`."""
        return self._second.rarity(term)

    def terms_in(self, terms: Sequence[str], row: int) -> frozenset[str]:
        """As `LexicalIndex.terms_in`."""
        if row < len(self._first):
            return self._first.terms_in(terms, row)
        return self._second.terms_in(terms, row - len(self._first))


class LayeredExact:
    """Names of both."""

    def __init__(self, first: ExactIndex, second: ExactIndex, split: int) -> None:
        self._first = first
        self._second = second
        self._split = split

    def find(self, query: str) -> tuple[frozenset[int], frozenset[int]]:
        """As `ExactIndex.find`."""
        by_sku, by_name = self._first.find(query)
        newer_sku, newer_name = self._second.find(query)
        return (
            by_sku | {position + self._split for position in newer_sku},
            by_name | {position + self._split for position in newer_name},
        )

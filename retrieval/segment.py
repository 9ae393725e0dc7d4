"""A segment: passages and the three ways to find them, built once, never changed.

Covered: building, joining two into one without what was replaced, files. Not covered: how segments
make up an index (`retrieval.index`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Vectors
from bot.types import Passage
from retrieval.columns import Columns, mapped
from retrieval.dense import DenseFacts, DenseIndex, Kind, Progress
from retrieval.exact import ExactIndex
from retrieval.lexical import LexicalIndex
from retrieval.passage_file import PassageFile, write_passages

_DENSE = "dense.faiss"
_OWNERS = "owners.npy"


@dataclass(frozen=True, slots=True)
class Segment:
    """Passages by position. `owners` holds the position each vector belongs to, ascending.

    `products` are those of the passages that are one, also by position, kept in memory. `name` is unique: two segments of one name hold the same.
    """

    passages: Sequence[Passage]
    columns: Columns
    lexical: LexicalIndex
    dense: DenseIndex | None
    owners: NDArray[np.int32]
    products: Mapping[int, Passage]
    exact: ExactIndex
    name: str = field(default_factory=lambda: secrets.token_hex(6))

    def __len__(self) -> int:
        return len(self.passages)

    @classmethod
    def of(
        cls,
        passages: Sequence[Passage],
        lexical: LexicalIndex,
        vectors: Vectors | None,
        owners: Iterable[int],
        progress: Progress | None = None,
        *,
        kind: Kind | None = None,
        threads: int = 0,
    ) -> Segment:
        """A segment of finished texts; `vectors` None leaves the dense search out."""
        dense = None
        if vectors is not None:
            dense = DenseIndex.build(vectors, kind, progress, threads=threads)
        products = {at: p for at, p in enumerate(passages) if p.kind == "product"}
        return cls(
            passages=tuple(passages),
            columns=Columns.of(passages),
            lexical=lexical,
            dense=dense,
            owners=np.asarray(owners, np.int32),
            products=products,
            exact=ExactIndex.of(products),
        )

    def joined(
        self,
        other: Segment,
        kept: NDArray[np.bool_],
        progress: Progress | None = None,
        *,
        threads: int = 0,
    ) -> Segment:
        """One segment of what is `kept` of this and `other`, which was built beside it."""
        passages = tuple(
            passage
            for passage, keep in zip((*self.passages, *other.passages), kept, strict=True)
            if keep
        )
        owners = np.concatenate([self.owners, other.owners + np.int32(len(self))])
        rows = kept[owners]
        positions = np.cumsum(kept) - 1
        vectors = None
        if self.dense is not None and other.dense is not None:
            vectors = np.concatenate([self.dense.vectors(), other.dense.vectors()])[rows]
        lexical = LexicalIndex.joined(self.lexical, other.lexical, kept)
        kept_owners = positions[owners[rows]]
        return Segment.of(passages, lexical, vectors, kept_owners, progress, threads=threads)

    def rows_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of all vectors of some passages, passage by passage."""
        return rows_of(self.owners, positions)

    def save(self, folder: Path) -> None:
        """Write into `folder`, which must exist."""
        write_passages(self.passages, folder)
        self.columns.save(folder)
        self.lexical.save(folder)
        np.save(folder / _OWNERS, self.owners)
        if self.dense is not None:
            self.dense.save(folder / _DENSE)

    @classmethod
    def load(cls, folder: Path, name: str, facts: DenseFacts | None) -> Segment:
        """Map what `save` wrote; `facts` None for a segment without vectors.

        Raises:
            OSError, RuntimeError, ValueError, EOFError: a file is missing or damaged.
        """
        passages = PassageFile.open(folder)
        owners: Any = mapped(folder / _OWNERS)
        columns = Columns.load(folder)
        products = {at: passages[at] for at in np.flatnonzero(columns.product).tolist()}
        segment = cls(
            passages=passages,
            columns=columns,
            lexical=LexicalIndex.load(folder),
            dense=DenseIndex.load(folder / _DENSE, facts) if facts else None,
            owners=owners,
            products=products,
            exact=ExactIndex.of(products),
            name=name,
        )
        vectors = segment.dense.rows if segment.dense else 0
        counts = {len(passages), len(segment.lexical), len(segment.columns.chinese)}
        if len(counts) > 1 or vectors != len(owners):
            raise ValueError(f"the files in {folder} do not fit together")
        return segment


def rows_of(owners: NDArray[np.int32], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows whose owner is one of `positions`, in that order; `owners` is ascending."""
    wanted = positions.astype(owners.dtype)  # NumPy would copy all owners into a common type
    starts = np.searchsorted(owners, wanted, "left")
    ends = np.searchsorted(owners, wanted, "right")
    spans = [np.arange(a, b) for a, b in zip(starts, ends, strict=True)]
    return np.concatenate([*spans, np.zeros(0, np.int64)]).astype(np.int64)

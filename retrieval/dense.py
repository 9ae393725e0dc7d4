"""Vector search: nearest passages by cosine, exact or approximate by size.

Covered: an exact flat index up to `FLAT_LIMIT` vectors, an HNSW graph above it, both behind one
class, and a mask of rows that may be returned. Not covered: compressed indexes for more than a
few million passages.

Sources: Douze et al., 2024, The Faiss library (arXiv:2401.08281); Malkov & Yashunin, 2018,
Efficient and robust approximate nearest neighbor search using HNSW graphs (arXiv:1603.09320).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from bot.protocols import Vectors

FLAT_LIMIT = 50_000
_LINKS = 32
_EF_CONSTRUCTION = 120
_EF_SEARCH = 160
_SPARSE = 0.2
"""Share of allowed rows below which they are compared one by one."""


class DenseIndex:
    """An immutable index of unit vectors; row numbers are those of the array it was built from."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors, flat_limit: int = FLAT_LIMIT) -> DenseIndex:
        """Index `vectors`, shape (rows, dimension), rows of length 1."""
        dimension = vectors.shape[1]
        if len(vectors) <= flat_limit:
            index: Any = faiss.IndexFlatIP(dimension)
        else:
            index = faiss.IndexHNSWFlat(dimension, _LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = _EF_CONSTRUCTION
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        index.add(np.ascontiguousarray(vectors, np.float32))
        return cls(index)

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def is_exact(self) -> bool:
        """Whether every vector is compared (flat) rather than a graph walked."""
        return isinstance(self._index, faiss.IndexFlat)

    def vectors(self) -> Vectors:
        """All vectors, shape (rows, dimension)."""
        return np.asarray(self._index.reconstruct_n(0, self.rows), np.float32)

    def search(
        self, vector: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest rows and their cosines, best first, at most `count`.

        Args:
            vector: one unit vector, shape (dimension,).
            count: how many rows to return.
            allowed: mask over rows, shape (rows,); None allows all.
        """
        count = min(count, self.rows)
        if count <= 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        selector = None
        if allowed is not None and not self.is_exact and allowed.mean() < _SPARSE:
            # A walk through the graph gets stuck among rows that are not allowed.
            rows = np.flatnonzero(allowed)
            cosines = self.cosines(vector, rows)
            best = np.argsort(-cosines, kind="stable")[:count]
            return rows[best], cosines[best]
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        library: Any = faiss  # its type stubs do not know these classes
        parameters = (
            library.SearchParameters(sel=selector)
            if self.is_exact
            else library.SearchParametersHNSW(sel=selector, efSearch=max(_EF_SEARCH, 2 * count))
        )
        # One query has no work for two threads: on a busy machine waiting for the second one took
        # 50 times as long as the search. The setting is the calling thread's own.
        faiss.omp_set_num_threads(1)
        cosines, rows = self._index.search(
            np.ascontiguousarray(vector[None, :], np.float32), count, params=parameters
        )
        found = rows[0] >= 0
        return rows[0][found], cosines[0][found]

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of `vector` with chosen rows, shape (len(rows),)."""
        if not len(rows):
            return np.zeros(0, np.float32)
        return np.asarray(self._index.reconstruct_batch(rows) @ vector, np.float32)

    def save(self, path: Path) -> None:
        """Write to one file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> DenseIndex:
        """Read what `save` wrote.

        Raises:
            RuntimeError: the file is missing or damaged (FAISS raises nothing finer).
        """
        return cls(faiss.read_index(str(path)))

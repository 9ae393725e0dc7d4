"""Vector search: nearest passages by cosine, exact or approximate by size.

Covered: an exact scan up to `FLAT_LIMIT` vectors, inverted lists above it, an HNSW graph for those
who ask for one; recall against an exact search measured while building, with the effort raised
until it is reached; a mask of rows that may be returned; files that are mapped, not read. Not
covered: product quantisation, which saves memory nobody was short of (docs/retrieval.md).

All kinds keep half-precision vectors, except `ivf_sq8`: they halve memory and time, and no recall
was lost (docs/retrieval.md). Lists rather than a graph: as quick to search, twenty times quicker to
build, and an index of live knowledge is built again and again.

Sources: Douze et al., 2024, The Faiss library (arXiv:2401.08281); Malkov & Yashunin, 2018,
Efficient and robust approximate nearest neighbor search using HNSW graphs (arXiv:1603.09320).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from bot.protocols import Vectors

library: Any = faiss  # its type stubs do not know these classes

Kind = Literal["flat", "hnsw", "ivf", "ivf_sq8"]
Progress = Callable[[int, int], None]
"""Called with vectors done and to do; what it raises ends the work."""

FLAT_LIMIT = 100_000
HALF_PRECISION_LIMIT = 500_000
"""Vectors above which one byte a dimension is kept instead of two."""
RECALL_TARGET = 0.97
"""Recall@10 on vectors that lie as questions do."""

_LINKS = 32
_EF_CONSTRUCTION = 120
_FIRST_EFFORT = {"flat": 0, "hnsw": 80, "ivf": 24, "ivf_sq8": 32}
_SPARSE = 0.2
"""Share of allowed rows below which they are compared one by one."""
_AT_ONCE = 5_000
_SAMPLE = 100
_CORNERS = 3
_AWAY = 0.5
_NEAREST = 10
_POINTS_PER_LIST = 40
_TRAINING_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class DenseFacts:
    """How an index searches. `effort` is what HNSW calls efSearch and IVF nprobe, 0 for flat.

    `recall` is recall@10 against an exact search, measured when it was built.
    """

    kind: Kind = "flat"
    effort: int = 0
    recall: float = 1.0


def kind_for(rows: int, flat_limit: int = FLAT_LIMIT) -> Kind:
    """The kind of index that so many vectors get."""
    if rows <= flat_limit:
        return "flat"
    return "ivf" if rows <= HALF_PRECISION_LIMIT else "ivf_sq8"


class DenseIndex:
    """An immutable index of unit vectors; row numbers are those of the array it was built from."""

    def __init__(self, index: Any, facts: DenseFacts) -> None:
        self._index = index
        self.facts = facts

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        kind: Kind | None = None,
        progress: Progress | None = None,
        *,
        threads: int = 0,
        recall_target: float = RECALL_TARGET,
    ) -> DenseIndex:
        """Index `vectors`, shape (rows, dimension), rows of length 1.

        Args:
            vectors: what is indexed.
            kind: None for the one that suits the number of rows.
            progress: told after every few thousand rows.
            threads: 0 for all cores.
            recall_target: the effort of a search is raised until it is reached.
        """
        faiss.omp_set_num_threads(threads or os.cpu_count() or 1)
        kind = kind or kind_for(len(vectors))
        index = _empty(kind, vectors)
        for start in range(0, len(vectors), _AT_ONCE):
            index.add(np.ascontiguousarray(vectors[start : start + _AT_ONCE], np.float32))
            if progress:
                progress(min(start + _AT_ONCE, len(vectors)), len(vectors))
        if kind.startswith("ivf"):
            index.make_direct_map()
        built = cls(index, DenseFacts(kind, _FIRST_EFFORT[kind]))
        return built if kind == "flat" else built._tuned(vectors, recall_target)

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
        """Whether every vector is compared rather than those of some lists or a graph."""
        return self.facts.kind == "flat"

    def vectors(self) -> Vectors:
        """All vectors as they are kept, shape (rows, dimension)."""
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
        # One query has no work for two threads: on a busy machine waiting for the second one took
        # 50 times as long as the search. The setting is the calling thread's own.
        faiss.omp_set_num_threads(1)
        cosines, rows = self._index.search(
            np.ascontiguousarray(vector[None, :], np.float32),
            count,
            params=self._parameters(selector, count),
        )
        found = rows[0] >= 0
        return rows[0][found], cosines[0][found]

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of `vector` with chosen rows, shape (len(rows),)."""
        if not len(rows):
            return np.zeros(0, np.float32)
        return np.asarray(self.reconstructed(rows) @ vector, np.float32)

    def reconstructed(self, rows: NDArray[np.int64]) -> Vectors:
        """Chosen vectors as they are kept, shape (len(rows), dimension)."""
        if not len(rows):
            return np.zeros((0, self.dimension), np.float32)
        return np.asarray(self._index.reconstruct_batch(rows), np.float32)

    def save(self, path: Path) -> None:
        """Write to one file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, facts: DenseFacts) -> DenseIndex:
        """Map what `save` wrote into memory; pages are read when a search needs them.

        Raises:
            RuntimeError: the file is missing or damaged (FAISS raises nothing finer).
        """
        index: Any = faiss.read_index(str(path), library.IO_FLAG_MMAP_IFC)
        if facts.kind.startswith("ivf"):
            index.make_direct_map()
        return cls(index, facts)

    def _parameters(self, selector: Any, count: int) -> Any:
        effort = self.facts.effort
        if self.facts.kind == "flat":
            return library.SearchParameters(sel=selector)
        if self.facts.kind == "hnsw":
            return library.SearchParametersHNSW(sel=selector, efSearch=max(effort, 2 * count))
        return library.SearchParametersIVF(sel=selector, nprobe=effort)

    def _tuned(self, vectors: Vectors, target: float) -> DenseIndex:
        """This index, searching as hard as `target` asks for."""
        queries = between(vectors, _SAMPLE)
        truth = exact_nearest(vectors, queries, _NEAREST)
        tried = self
        while True:
            recall = tried.recall(queries, truth)
            tried = DenseIndex(self._index, replace(tried.facts, recall=round(recall, 4)))
            if recall >= target or tried.facts.effort >= 32 * self.facts.effort:
                return tried
            harder = replace(tried.facts, effort=2 * tried.facts.effort)
            tried = DenseIndex(self._index, harder)

    def recall(self, queries: Vectors, truth: NDArray[np.int64]) -> float:
        """Share of `truth`, shape (queries, k), that searches for k rows return."""
        found = [self.search(query, truth.shape[1])[0] for query in queries]
        hits = [len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True)]
        return float(np.sum(hits)) / truth.size


def _empty(kind: Kind, vectors: Vectors) -> Any:
    dimension, inner = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    half = library.ScalarQuantizer.QT_fp16
    if kind == "flat":
        return library.IndexScalarQuantizer(dimension, half, inner)
    if kind == "hnsw":
        graph = library.IndexHNSWSQ(dimension, half, _LINKS, inner)
        graph.hnsw.efConstruction = _EF_CONSTRUCTION
        return graph
    lists = max(1, min(int(4 * np.sqrt(len(vectors))), len(vectors) // _POINTS_PER_LIST))
    size = half if kind == "ivf" else library.ScalarQuantizer.QT_8bit
    coarse: Any = faiss.IndexFlatIP(dimension)
    index = library.IndexIVFScalarQuantizer(coarse, dimension, lists, size, inner)
    index.own_fields = True
    coarse.this.disown()
    index.cp.niter = _TRAINING_ROUNDS
    index.cp.min_points_per_centroid = 1  # it warns on standard error otherwise
    some = np.random.default_rng(0).permutation(len(vectors))[: lists * _POINTS_PER_LIST]
    index.train(np.ascontiguousarray(vectors[np.sort(some)], np.float32))
    return index


def between(vectors: Vectors, count: int) -> Vectors:
    """Unit vectors that lie as questions lie: between passages, and away from them.

    A question is near to several passages and at none of them: to 50,000 passages the demo shop's
    questions have a best cosine of 0.74, these of 0.77, and at every effort recall for both was the
    same within two points. Steps away from single rows, as one thinks of first, are found at a tenth
    of the effort (docs/retrieval.md).
    """
    rng = np.random.default_rng(1)
    middle = np.zeros((count, vectors.shape[1]), np.float32)
    for _ in range(_CORNERS):
        middle += vectors[rng.integers(0, len(vectors), count)]
    steps = rng.normal(size=middle.shape).astype(np.float32)
    return _unit(_unit(middle) + _AWAY * _unit(steps))


def _unit(rows: Vectors) -> Vectors:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray(rows / lengths, np.float32)


def exact_nearest(vectors: Vectors, queries: Vectors, count: int) -> NDArray[np.int64]:
    """The `count` rows nearest to each query by comparing all, shape (queries, count)."""
    exact = faiss.knn(queries, np.ascontiguousarray(vectors), count, faiss.METRIC_INNER_PRODUCT)
    return np.asarray(exact[1], np.int64)

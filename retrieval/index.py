"""The index: everything that searches passages. Never changed; an edit makes another one.

Covered: a large segment and a small one beside it for what was edited since, a mask over what was
replaced or deleted, building with progress. Not covered: edits (`retrieval.edits`), searching
(`retrieval.retriever`), files (`retrieval.index_files`), following the database
(`retrieval.live`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder
from bot.types import Passage
from retrieval.columns import key_of
from retrieval.dense import DenseFacts, DenseIndex
from retrieval.encoding import Progress, VectorJournal, encode_passages
from retrieval.exact import ExactIndex
from retrieval.layers import LayeredDense, LayeredExact, LayeredLexical, LayeredPassages
from retrieval.lexical import LexicalIndex
from retrieval.passage_file import content_hash
from retrieval.passages import search_text
from retrieval.segment import Segment
from retrieval.text import terms

FORMAT_VERSION = 3
"""Counts changes of what is stored or of how texts are cut; an older index is rebuilt."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made of. `encoder` is "" for an index without vectors.

    `knowledge_version` and `knowledge_stamp` are the database's; all its changes up to that one
    are in the index. `dense` tells how the large segment searches.
    """

    format_version: int
    encoder: str
    dimension: int
    passages: int
    knowledge_version: int
    knowledge_stamp: str
    content_hash: str
    dense: DenseFacts | None

    @property
    def index_version(self) -> str:
        """Short name of this state of the knowledge, stored with every turn."""
        return f"{self.knowledge_version}-{self.content_hash[:12]}"


class HybridIndex:
    """Passages and the three ways to find them. Immutable; safe to share between threads."""

    def __init__(
        self, manifest: Manifest, base: Segment, delta: Segment, dead: NDArray[np.bool_]
    ) -> None:
        """`delta` is built beside `base`; `dead` masks what was replaced, shape (len(base),)."""
        self.manifest = manifest
        self.base = base
        self.delta = delta
        self.dead = dead
        self.passages: Sequence[Passage] = base.passages
        """By position; those that were replaced are among them, `valid_on` leaves them out."""
        self.lexical: LexicalIndex | LayeredLexical = base.lexical
        self.dense: DenseIndex | LayeredDense | None = base.dense
        self.exact: ExactIndex | LayeredExact = base.exact
        self.owners = base.owners
        self.entries = base.columns.entries.keys
        """Per position, what it is a translation of."""
        self.chinese = base.columns.chinese
        if len(delta):
            self.passages = LayeredPassages(base.passages, delta.passages)
            self.lexical = LayeredLexical(base.lexical, delta.lexical)
            if base.dense is not None and delta.dense is not None:
                self.dense = LayeredDense(base.dense, delta.dense)
            self.exact = LayeredExact(base.exact, delta.exact, len(base))
            self.owners = np.concatenate([base.owners, delta.owners + np.int32(len(base))])
            self.entries = np.concatenate([self.entries, delta.columns.entries.keys])
            self.chinese = np.concatenate([self.chinese, delta.columns.chinese])
        self._always = not (dead.any() or base.columns.dated or delta.columns.dated)
        self._valid: tuple[date, NDArray[np.bool_] | None, NDArray[np.bool_] | None] | None = None

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        encoder: Encoder | None,
        progress: Progress | None = None,
        *,
        knowledge_version: int = 0,
        knowledge_stamp: str = "",
        journal: VectorJournal | None = None,
    ) -> HybridIndex:
        """Index `passages`; without an encoder only by words and names.

        Raises:
            StoreError: the journal, which keeps vectors for the case of a crash, is unwritable.
        """
        vectors, owners = None, np.zeros(0, np.int32)
        if encoder:
            vectors, owners = encode_passages(passages, encoder, progress, journal)
        lexical = LexicalIndex.build(terms(search_text(passage)) for passage in passages)
        base = Segment.of(passages, lexical, vectors, owners)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            encoder=encoder.name if encoder else "",
            dimension=encoder.dimension if encoder else 0,
            passages=len(passages),
            knowledge_version=knowledge_version,
            knowledge_stamp=knowledge_stamp,
            content_hash=content_hash(passages),
            dense=base.dense.facts if base.dense else None,
        )
        return cls.over(manifest, base)

    def unlike(self, passages: Sequence[Passage]) -> list[Passage]:
        """Those of `passages` that are not in here as they are."""
        return [passage for passage in passages if self.get(passage.passage_id) != passage]

    def get(self, passage_id: str) -> Passage | None:
        """The passage of this id; None when there is none."""
        positions = self.positions_of([passage_id])
        return self.passages[int(positions[0])] if len(positions) else None

    def live(self) -> Iterator[Passage]:
        """Every passage that was not replaced or deleted."""
        for passage, dead in zip(self.base.passages, self.dead.tolist(), strict=True):
            if not dead:
                yield passage
        yield from self.delta.passages

    def products(self) -> dict[int, Passage]:
        """Every live product, by position."""
        base = {at: p for at, p in self.base.products.items() if not self.dead[at]}
        return base | {at + len(self.base): p for at, p in self.delta.products.items()}

    def positions_of(self, passage_ids: Collection[str]) -> NDArray[np.int64]:
        """Positions of those ids that are live."""
        wanted = set(passage_ids)
        keys = np.array([key_of(key) for key in wanted], np.uint64)
        found = self.base.columns.ids.find(keys)
        newer = self.delta.columns.ids.find(keys) + len(self.base)
        positions = [*found[~self.dead[found]].tolist(), *newer.tolist()]
        same = [at for at in positions if self.passages[at].passage_id in wanted]
        return np.array(same, np.int64)

    def translations(self, positions: Collection[int]) -> set[int]:
        """Positions of every passage that belongs to the same entries, themselves included."""
        keys = np.unique(self.entries[np.fromiter(positions, np.int64, len(positions))])
        found = self.base.columns.entries.find(keys).tolist()
        newer = self.delta.columns.entries.find(keys) + len(self.base)
        return {*found, *newer.tolist()}

    def valid_on(self, day: date) -> NDArray[np.bool_] | None:
        """Mask of passages that may answer on `day`, shape (positions,); None when all may."""
        return self._masks(day)[0]

    def allowed_rows(self, day: date) -> NDArray[np.bool_] | None:
        """The same for vectors, shape (rows,)."""
        return self._masks(day)[1]

    def _masks(self, day: date) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]:
        if self._always:
            return None, None
        cached = self._valid
        if cached is None or cached[0] != day:
            base = self.base.columns.valid_on(day) & ~self.dead
            mask = np.concatenate([base, self.delta.columns.valid_on(day)])
            cached = (day, None, None) if mask.all() else (day, mask, mask[self.owners])
            self._valid = cached  # one assignment: another thread sees the old or the new one
        return cached[1:]

    def save(self, folder: Path) -> None:
        """Write into `folder`; a reader or a crash sees the old index or the new one, whole."""
        from retrieval.index_files import save_index

        save_index(self, folder)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None) -> HybridIndex:
        """Read a saved index.

        Raises:
            IndexMismatchError: there is none, it is damaged, or of another encoder or format.
        """
        from retrieval.index_files import load_index

        return load_index(folder, encoder)

    @classmethod
    def over(cls, manifest: Manifest, base: Segment) -> HybridIndex:
        """An index with nothing beside its base."""
        vectors = None if base.dense is None else np.zeros((0, manifest.dimension), np.float32)
        delta = Segment.of((), base.lexical.beside(()), vectors, ())
        return cls(manifest, base, delta, np.zeros(len(base), np.bool_))

"""The index: everything that searches passages, built once, never changed, replaced as a whole.

Covered: building with progress, building anew from an older index with only the changed passages
encoded, saving and loading. Not covered: searching (`retrieval.retriever`), files
(`retrieval.index_files`), following the database (`retrieval.live`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Vectors
from bot.types import Passage
from retrieval.dense import DenseIndex
from retrieval.exact import ExactIndex
from retrieval.lexical import LexicalIndex
from retrieval.passages import search_text, search_texts
from retrieval.text import terms

FORMAT_VERSION = 2
"""Counts changes of what is stored or of how texts are cut; an older index is rebuilt."""

_ENCODE_AT_ONCE = 256
_FIELDS = tuple(field.name for field in fields(Passage))

Progress = Callable[[int, int], None]
"""Called with how many texts are encoded and how many there are."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made of. `encoder` is "" for an index without vectors."""

    format_version: int
    encoder: str
    dimension: int
    passages: int
    vectors: int
    knowledge_version: int
    content_hash: str

    @property
    def index_version(self) -> str:
        """Short name of this state of the knowledge, stored with every turn."""
        return f"{self.knowledge_version}-{self.content_hash[:12]}"


class HybridIndex:
    """Passages and the three ways to find them. Immutable; safe to share between threads."""

    def __init__(
        self,
        passages: tuple[Passage, ...],
        manifest: Manifest,
        lexical: LexicalIndex,
        dense: DenseIndex | None,
        owners: NDArray[np.int32],
    ) -> None:
        """`owners` holds the position of the passage each vector belongs to, ascending."""
        self.passages = passages
        self.manifest = manifest
        self.lexical = lexical
        self.dense = dense
        self.owners = owners
        self.exact = ExactIndex.build(passages)
        self.entries = tuple(p.group or p.passage_id for p in passages)
        """Per passage, what it is a translation of."""
        self.groups = _groups(passages)
        self.chinese = np.array([p.lang.startswith("zh") for p in passages], np.bool_)
        self._dated = any(passage.valid_from or passage.valid_until for passage in passages)
        self._valid_on: tuple[date, NDArray[np.bool_] | None] | None = None

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        encoder: Encoder | None,
        progress: Progress | None = None,
        *,
        knowledge_version: int = 0,
    ) -> HybridIndex:
        """Index `passages`; without an encoder only by words and names."""
        texts = [search_texts(passage) for passage in passages] if encoder else []
        owners = [position for position, windows in enumerate(texts) for _ in windows]
        dense = None
        if encoder:
            flat = [text for windows in texts for text in windows]
            dense = DenseIndex.build(_encode(flat, encoder, progress))
        lexical = LexicalIndex.build(terms(search_text(passage)) for passage in passages)
        return cls._finished(passages, encoder, lexical, dense, owners, knowledge_version)

    def updated(
        self,
        passages: Sequence[Passage],
        encoder: Encoder | None,
        progress: Progress | None = None,
        *,
        knowledge_version: int = 0,
    ) -> HybridIndex:
        """A new index of `passages`; what has not changed since this one is not encoded again."""
        known = {passage.passage_id: at for at, passage in enumerate(self.passages)}
        sources: list[int | None] = []
        for passage in passages:
            at = known.get(passage.passage_id)
            same = at is not None and search_text(self.passages[at]) == search_text(passage)
            sources.append(at if same else None)
        changed = [p for p, source in zip(passages, sources, strict=True) if source is None]
        lexical = self.lexical.rebuilt(sources, (terms(search_text(p)) for p in changed))
        dense: DenseIndex | None = None
        owners: list[int] = []
        if encoder:
            vectors, owners = self._vectors(passages, sources, encoder, progress)
            dense = DenseIndex.build(vectors)
        return self._finished(passages, encoder, lexical, dense, owners, knowledge_version)

    def _vectors(
        self,
        passages: Sequence[Passage],
        sources: Sequence[int | None],
        encoder: Encoder,
        progress: Progress | None,
    ) -> tuple[Vectors, list[int]]:
        """Vectors and owners for `passages`: from this index where a source is named."""
        if self.dense is None or self.manifest.encoder != encoder.name:
            sources = [None] * len(passages)
        new = [
            search_texts(passage) if source is None else ()
            for passage, source in zip(passages, sources, strict=True)
        ]
        fresh = _encode([text for windows in new for text in windows], encoder, progress)
        old = self.dense.vectors() if self.dense else fresh
        positions = range(len(self.passages))
        starts = np.searchsorted(self.owners, positions, "left")
        ends = np.searchsorted(self.owners, positions, "right")
        pieces: list[Vectors] = [np.zeros((0, encoder.dimension), np.float32)]
        owners: list[int] = []
        used = 0
        for position, (source, windows) in enumerate(zip(sources, new, strict=True)):
            if source is None:
                piece = fresh[used : used + len(windows)]
                used += len(windows)
            else:
                piece = old[starts[source] : ends[source]]
            pieces.append(piece)
            owners.extend([position] * len(piece))
        return np.concatenate(pieces), owners

    @classmethod
    def _finished(
        cls,
        passages: Sequence[Passage],
        encoder: Encoder | None,
        lexical: LexicalIndex,
        dense: DenseIndex | None,
        owners: Sequence[int],
        knowledge_version: int,
    ) -> HybridIndex:
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            encoder=encoder.name if encoder else "",
            dimension=encoder.dimension if encoder else 0,
            passages=len(passages),
            vectors=len(owners),
            knowledge_version=knowledge_version,
            content_hash=content_hash(passages),
        )
        return cls(tuple(passages), manifest, lexical, dense, np.asarray(owners, np.int32))

    def valid_on(self, day: date) -> NDArray[np.bool_] | None:
        """Mask of passages that may answer on `day`, shape (passages,); None when all may."""
        if not self._dated:
            return None
        cached = self._valid_on
        if cached is None or cached[0] != day:
            mask = np.array([passage.is_valid_on(day) for passage in self.passages], np.bool_)
            cached = (day, None if mask.all() else mask)
            self._valid_on = cached  # one assignment: another thread sees the old or the new one
        return cached[1]

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


def as_record(passage: Passage) -> dict[str, Any]:
    """A passage as JSON has it (`dataclasses.asdict` copies deeply, which is ten times slower)."""
    record = {name: getattr(passage, name) for name in _FIELDS}
    record["attributes"] = dict(passage.attributes)
    record["alternatives"] = list(passage.alternatives)
    for day in ("valid_from", "valid_until"):
        record[day] = record[day].isoformat() if record[day] else None
    return record


def content_hash(passages: Sequence[Passage]) -> str:
    """A digest of everything in the passages, in their order."""
    digest = hashlib.sha256()
    for passage in passages:
        digest.update(json.dumps(as_record(passage), sort_keys=True).encode())
    return digest.hexdigest()


def _encode(texts: Sequence[str], encoder: Encoder, progress: Progress | None) -> Vectors:
    pieces: list[Vectors] = [np.zeros((0, encoder.dimension), np.float32)]
    for start in range(0, len(texts), _ENCODE_AT_ONCE):
        pieces.append(encoder.encode(texts[start : start + _ENCODE_AT_ONCE], "passage"))
        if progress:
            progress(min(start + _ENCODE_AT_ONCE, len(texts)), len(texts))
    return np.concatenate(pieces)


def _groups(passages: Sequence[Passage]) -> dict[str, tuple[int, ...]]:
    members: dict[str, list[int]] = {}
    for position, passage in enumerate(passages):
        if passage.group:
            members.setdefault(passage.group, []).append(position)
    return {group: tuple(found) for group, found in members.items() if len(found) > 1}

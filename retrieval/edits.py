"""Edits of an index: each makes a new one and leaves the old one to the searches that use it.

Covered: putting passages in, replacing and taking out by a small segment beside the large one;
joining both in the background; edits made while they were being joined. Not covered: when to do
which (`retrieval.live`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Vectors
from bot.types import Passage
from retrieval.dense import Progress
from retrieval.encoding import encode_passages
from retrieval.index import HybridIndex
from retrieval.passage_file import changed_hash
from retrieval.passages import search_text, search_texts
from retrieval.segment import Segment, rows_of
from retrieval.text import terms


def difference(index: HybridIndex, passages: Sequence[Passage]) -> tuple[list[Passage], list[str]]:
    """What of `passages` is not in `index` as it is, and the ids in there that are not among them."""
    mine = {passage.passage_id: passage for passage in index.live()}
    theirs = {passage.passage_id for passage in passages}
    changed = [passage for passage in passages if mine.get(passage.passage_id) != passage]
    return changed, [key for key in mine if key not in theirs]


def apply(
    index: HybridIndex,
    changed: Sequence[Passage],
    gone: Collection[str],
    encoder: Encoder | None,
    *,
    version: int | None = None,
    stamp: str | None = None,
) -> HybridIndex:
    """`index` with `changed` passages put in or replaced and the ids of `gone` taken out.

    Only texts that are new are encoded; the rest takes time by the number of edits since the base
    was built, not by its size. Without `version` and `stamp` those of `index` stay.
    """
    changed = _last_of_each(changed)
    vectors = _vectors_of(index, changed, encoder) if encoder else None
    edited = _apply(index, changed, gone, vectors)
    manifest = replace(
        edited.manifest,
        knowledge_version=index.manifest.knowledge_version if version is None else version,
        knowledge_stamp=index.manifest.knowledge_stamp if stamp is None else stamp,
    )
    return HybridIndex(manifest, edited.base, edited.delta, edited.dead)


def compact(
    index: HybridIndex, progress: Progress | None = None, *, threads: int = 0
) -> HybridIndex:
    """The same passages with nothing beside the base; what `progress` raises ends the work.

    Words are counted anew, so that scores are those of an index built from nothing.
    """
    kept = np.concatenate([~index.dead, np.ones(len(index.delta), np.bool_)])
    base = index.base.joined(index.delta, kept, progress, threads=threads)
    facts = base.dense.facts if base.dense else None
    return HybridIndex.over(replace(index.manifest, dense=facts), base)


def rebase(start: HybridIndex, now: HybridIndex, onto: HybridIndex) -> HybridIndex:
    """`onto`, compacted from `start`, with the edits that made `now` of `start`."""
    before = {passage.passage_id: passage for passage in start.delta.passages}
    after = {passage.passage_id: passage for passage in now.delta.passages}
    changed = [passage for key, passage in after.items() if before.get(key) != passage]
    replaced = np.flatnonzero(now.dead & ~start.dead).tolist()
    gone = {now.base.passages[at].passage_id for at in replaced} | before.keys()
    vectors = _vectors_of(now, changed, None) if now.dense is not None else None
    edited = _apply(onto, changed, gone - after.keys(), vectors)
    manifest = replace(now.manifest, dense=onto.manifest.dense)
    return HybridIndex(manifest, edited.base, edited.delta, edited.dead)


def _apply(
    index: HybridIndex,
    changed: Sequence[Passage],
    gone: Collection[str],
    vectors: tuple[Vectors, NDArray[np.int32]] | None,
) -> HybridIndex:
    out = index.positions_of([*(passage.passage_id for passage in changed), *gone])
    removed = [index.passages[at] for at in out.tolist()]
    dead = index.dead.copy()
    dead[out[out < len(index.base)]] = True
    kept = np.ones(len(index.delta), np.bool_)
    kept[out[out >= len(index.base)] - len(index.base)] = False
    manifest = replace(
        index.manifest,
        passages=index.manifest.passages + len(changed) - len(removed),
        content_hash=changed_hash(index.manifest.content_hash, changed, removed),
    )
    return HybridIndex(manifest, index.base, _beside(index, changed, kept, vectors), dead)


def _beside(
    index: HybridIndex,
    added: Sequence[Passage],
    kept: NDArray[np.bool_],
    vectors: tuple[Vectors, NDArray[np.int32]] | None,
) -> Segment:
    """The delta with only its `kept` passages, and `added` behind them."""
    old = index.delta
    new_terms = (terms(search_text(passage)) for passage in added)
    lexical = index.base.lexical.beside(new_terms, old.lexical, kept)
    staying = [passage for passage, keep in zip(old.passages, kept, strict=True) if keep]
    if vectors is None or old.dense is None:
        return Segment.of([*staying, *added], lexical, None, ())
    rows = kept[old.owners]
    positions = np.cumsum(kept) - 1
    return Segment.of(
        [*staying, *added],
        lexical,
        np.concatenate([old.dense.vectors()[rows], vectors[0]]),
        np.concatenate([positions[old.owners[rows]], vectors[1] + len(staying)]),
        kind="flat",
    )


def _vectors_of(
    index: HybridIndex, passages: Sequence[Passage], encoder: Encoder | None
) -> tuple[Vectors, NDArray[np.int32]]:
    """Vectors and their owners, from `index` where it holds the same texts."""
    places = [_rows_with_same_texts(index, passage) for passage in passages]
    new = [p for p, rows in zip(passages, places, strict=True) if rows is None]
    fresh = np.zeros((0, index.manifest.dimension), np.float32)
    fresh_owners = np.zeros(0, np.int32)
    if new and encoder is None:
        raise ValueError(f"{new[0].passage_id!r} is not in the index its vector should come from")
    if encoder is not None:
        fresh, fresh_owners = encode_passages(new, encoder)
    pieces: list[Vectors] = [fresh[:0]]
    used = 0
    for rows in places:
        if rows is None or index.dense is None:
            pieces.append(fresh[fresh_owners == used])
            used += 1
        else:
            pieces.append(index.dense.reconstructed(rows))
    owners = np.repeat(np.arange(len(passages)), [len(piece) for piece in pieces[1:]])
    return np.concatenate(pieces), owners.astype(np.int32)


def _rows_with_same_texts(index: HybridIndex, passage: Passage) -> NDArray[np.int64] | None:
    at = index.positions_of([passage.passage_id])
    if not len(at) or search_texts(index.passages[int(at[0])]) != search_texts(passage):
        return None
    return rows_of(index.owners, at)


def _last_of_each(passages: Sequence[Passage]) -> list[Passage]:
    return list({passage.passage_id: passage for passage in passages}.values())

"""Vectors of passages, made once: the slow part of building an index.

Covered: batches with progress, a journal on disk, so that a build that was killed goes on where it
was. Not covered: which passages need new vectors (`retrieval.index`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import StoreError
from bot.protocols import Encoder, Vectors
from bot.types import Passage
from retrieval.passages import search_texts

Progress = Callable[[int, int], None]
"""Called with how many texts are encoded and how many there are."""

_AT_ONCE = 256
_KEY_BYTES = 16


class VectorJournal:
    """Vectors by the text they were made of, appended to two files as they are made.

    A process that is killed leaves at most half a row at the end of a file, which is cut off. It
    holds the vectors of one build: `clear` it when the index is saved.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """Files in `folder` that belong to this encoder."""
        mark = hashlib.blake2b(f"{encoder.name}/{encoder.dimension}".encode(), digest_size=6)
        self._keys = folder / f"building-{mark.hexdigest()}.keys"
        self._vectors = folder / f"building-{mark.hexdigest()}.vectors"
        self._row_bytes = 4 * encoder.dimension
        self._dimension = encoder.dimension

    def read(self) -> tuple[dict[bytes, int], Vectors]:
        """Row of each text's key, and the rows, mapped.

        Raises:
            StoreError: the files cannot be read or cut.
        """
        try:
            sizes = [p.stat().st_size if p.exists() else 0 for p in (self._keys, self._vectors)]
            rows = min(sizes[0] // _KEY_BYTES, sizes[1] // self._row_bytes)
            if not rows:
                return {}, np.zeros((0, self._dimension), np.float32)
            for path, width in ((self._keys, _KEY_BYTES), (self._vectors, self._row_bytes)):
                with path.open("r+b") as file:
                    file.truncate(rows * width)
            keys = self._keys.read_bytes()
            known = {
                keys[start : start + _KEY_BYTES]: start // _KEY_BYTES
                for start in range(0, len(keys), _KEY_BYTES)
            }
            shape = (rows, self._dimension)
            return known, np.memmap(self._vectors, np.float32, mode="r", shape=shape)
        except OSError as error:
            raise _unwritable(self._keys.parent, error) from error

    def append(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Add rows; vectors first, so that a key always has one.

        Raises:
            StoreError: the disk is full or the folder cannot be written.
        """
        try:
            self._keys.parent.mkdir(parents=True, exist_ok=True)
            with self._vectors.open("ab") as file:
                file.write(np.ascontiguousarray(vectors, np.float32).tobytes())
            with self._keys.open("ab") as file:
                file.write(b"".join(keys))
        except OSError as error:
            raise _unwritable(self._keys.parent, error) from error

    def clear(self) -> None:
        """Forget everything."""
        self._keys.unlink(missing_ok=True)
        self._vectors.unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the index cannot be written to {folder}: {error}",
        fix="free some disk space or choose another SHOPKEEPER_HOME",
    )


def encode_passages(
    passages: Sequence[Passage],
    encoder: Encoder,
    progress: Progress | None = None,
    journal: VectorJournal | None = None,
) -> tuple[Vectors, NDArray[np.int32]]:
    """Vectors of all texts of `passages`, and for each the position of its passage.

    Raises:
        StoreError: the journal cannot be written.
    """
    windows = [search_texts(passage) for passage in passages]
    texts = [text for some in windows for text in some]
    owners = np.repeat(np.arange(len(windows)), [len(some) for some in windows]).astype(np.int32)
    vectors = np.zeros((len(texts), encoder.dimension), np.float32)
    known, earlier = journal.read() if journal else ({}, vectors[:0])
    keys = [_key(text) for text in texts] if journal else []
    missing = []
    for at in range(len(texts)):
        row = known.get(keys[at]) if known else None
        if row is None:
            missing.append(at)
        else:
            vectors[at] = earlier[row]
    done = len(texts) - len(missing)
    for start in range(0, len(missing), _AT_ONCE):
        some = missing[start : start + _AT_ONCE]
        vectors[some] = encoder.encode([texts[at] for at in some], "passage")
        if journal:
            journal.append([keys[at] for at in some], vectors[some])
        if progress:
            progress(done + start + len(some), len(texts))
    return vectors, owners


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()

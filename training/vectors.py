"""Vectors of training texts, made once and kept outside the repository.

Covered: a file per encoder with the vectors of all texts seen so far, so that a head is trained
again in seconds. Not covered: serving (`retrieval.cached` remembers the latest texts in memory).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Vectors

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is finished, and how much there is."""

_CHUNK = 512


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


class VectorCache:
    """Vectors of texts in the role of a query, remembered in `folder`.

    Args:
        encoder: makes vectors of new texts.
        folder: where the file lives; made if missing.
        fingerprint: identifies the encoder's weights; another value is another file.
    """

    def __init__(self, encoder: Encoder, folder: Path, fingerprint: str) -> None:
        self._encoder = encoder
        self._path = folder / f"query-{fingerprint[:16]}.npz"
        self._known: dict[str, NDArray[np.float16]] = {}
        if self._path.exists():
            with np.load(self._path) as stored:
                keys = [key.decode() for key in stored["keys"]]
                self._known = dict(zip(keys, stored["vectors"], strict=True))

    def vectors(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Unit vectors, shape (len(texts), dimension), float32 from a float16 store."""
        keys = [_key(text) for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._known
        }
        if missing:
            self._encode(missing, progress)
        if not texts:
            return np.zeros((0, self._encoder.dimension), np.float32)
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def _encode(self, missing: dict[str, str], progress: Progress) -> None:
        # Sorted by length: texts of one chunk then share batches without much padding.
        todo = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(todo), _CHUNK):
            chunk = todo[start : start + _CHUNK]
            made = self._encoder.encode([text for _, text in chunk], "query")
            self._known.update(
                (key, row.astype(np.float16)) for (key, _), row in zip(chunk, made, strict=True)
            )
            progress("encoding", min(start + _CHUNK, len(todo)), len(todo))
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial.npz")
        np.savez(
            partial,
            keys=np.array([key.encode() for key in self._known]),
            vectors=np.stack(list(self._known.values())),
        )
        partial.replace(self._path)


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

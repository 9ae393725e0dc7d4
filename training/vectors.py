"""Vectors of training texts, made once and kept outside the repository.

Covered: a file per encoder with the vectors of all texts seen so far, so that a head is trained
again in seconds. Not covered: serving (`bot.remember` keeps the latest texts in memory).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Vectors

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is finished, and how much there is."""

_CHUNK = 512


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


class StoredEncoder:
    """An `Encoder` whose vectors are kept in a file of `folder` and are never made twice.

    Args:
        encoder: makes vectors of new texts.
        folder: where the files live; made if missing.
        fingerprint: identifies the encoder's weights; another value is another file.
        progress: told while new texts are encoded.
    """

    def __init__(
        self, encoder: Encoder, folder: Path, fingerprint: str, progress: Progress = no_progress
    ) -> None:
        self._encoder = encoder
        self._path = folder / f"vectors-{fingerprint[:16]}.npz"
        self._progress = progress
        self._known: dict[str, NDArray[np.float16]] = {}
        if self._path.exists():
            with np.load(self._path) as stored:
                keys = [key.decode() for key in stored["keys"]]
                self._known = dict(zip(keys, stored["vectors"], strict=True))

    @property
    def name(self) -> str:
        """The name of the encoder behind it."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension): float32 from a float16 store."""
        keys = [_key(role, text) for text in texts]
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        if missing:
            self._make(missing, role)
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def _make(self, missing: dict[str, str], role: Literal["query", "passage"]) -> None:
        # Sorted by length: texts of one chunk then share batches without much padding.
        todo = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(todo), _CHUNK):
            chunk = todo[start : start + _CHUNK]
            made = self._encoder.encode([text for _, text in chunk], role).astype(np.float16)
            self._known.update((key, row) for (key, _), row in zip(chunk, made, strict=True))
            self._progress("encoding", min(start + _CHUNK, len(todo)), len(todo))
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial.npz")
        keys = np.array([key.encode() for key in self._known])
        np.savez(partial, keys=keys, vectors=np.stack(list(self._known.values())))
        partial.replace(self._path)


def _key(role: str, text: str) -> str:
    data = f"{role}: {text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()

"""Passages for sizes that no demo shop has, and vectors for them without hours of encoding.

Covered: texts shuffled from the demo shop's words; vectors drawn around real ones. A vector is that
of a real passage, moved by the difference of two others and a little noise, so that the cloud has
the directions and the crowding of the real one: isotropic noise alone would spread the vectors over
dimensions that texts do not use, where an approximate search has neither near nor far. Not covered:
whether the right passage is found; that takes real texts (docs/retrieval.md).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from bench.workload import knowledge
from bot.protocols import Encoder, Vectors
from bot.types import Passage
from retrieval.text import has_han

_FOR_REAL = 8
"""Passages at once that are encoded for real: edits, as opposed to the first build."""
_MOVE = 0.5
_NOISE = 0.15
_AT_ONCE = 20_000


def passages(count: int) -> list[Passage]:
    """The demo shop's passages, then mixtures of their words."""
    rng = random.Random(5)
    real = knowledge()
    made = []
    for number in range(count):
        title, text = real[number % len(real)]
        lang: Any = "zh-Hans" if has_han(title) else "en"
        if number >= len(real):
            words = text.split()
            rng.shuffle(words)
            title, text = f"{title} {number}", " ".join(words)
        made.append(Passage(f"p{number:07}", "faq", lang, title, text))
    return made


def cloud(real: Vectors, count: int, seed: int = 5) -> Vectors:
    """`count` unit vectors around `real` ones, shape (count, dimension)."""
    rng = np.random.default_rng(seed)
    made = np.empty((count, real.shape[1]), np.float32)
    for start in range(0, count, _AT_ONCE):
        end = min(start + _AT_ONCE, count)
        centre, one, other = (rng.integers(0, len(real), end - start) for _ in range(3))
        noise = rng.normal(size=(end - start, real.shape[1])).astype(np.float32)
        noise *= _NOISE / np.sqrt(real.shape[1])
        moved = real[centre] + _MOVE * (real[one] - real[other]) + noise
        made[start:end] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return made


class SyntheticEncoder:
    """Encodes questions and single edits for real; gives a build vectors of the cloud."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._seed = 0
        texts = [f"{title}\n{text}" for title, text in knowledge()]
        self.real = encoder.encode(texts, "passage")

    @property
    def name(self) -> str:
        """Marks the index as one for measuring only."""
        return self._encoder.name + "-synthetic"

    @property
    def dimension(self) -> int:
        """As the real encoder."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""
        if role == "query" or len(texts) <= _FOR_REAL:
            return self._encoder.encode(texts, role)
        self._seed += 1
        return cloud(self.real, len(texts), self._seed)

"""One encoder pass per text: a small memory in front of the encoder.

Mood, intent and retrieval all look at the customer's message; through one `RememberingEncoder`
they share a single pass. Covered: the latest few hundred texts, from any number of threads. Not
covered: building an index (a batch larger than the memory goes straight through).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Vectors


class RememberingEncoder:
    """An `Encoder` that keeps the vectors of the texts it saw last.

    Args:
        encoder: does the work.
        capacity: how many vectors are kept (1.5 KB each for 384 dimensions).
    """

    def __init__(self, encoder: Encoder, capacity: int = 512) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the encoder behind it."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension); only unknown texts cost a pass."""
        if len(texts) > self._capacity:
            return self._encoder.encode(texts, role)
        wanted = dict.fromkeys(texts)
        with self._lock:
            found = {text: v for text in wanted if (v := self._recall(role, text)) is not None}
        missing = [text for text in wanted if text not in found]
        if missing:
            fresh = dict(zip(missing, self._encoder.encode(missing, role), strict=True))
            found.update(fresh)
            with self._lock:
                for text, vector in fresh.items():
                    self._remember(role, text, vector)
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([found[text] for text in texts])

    def _recall(self, role: str, text: str) -> NDArray[np.float32] | None:
        vector = self._known.get((role, text))
        if vector is not None:
            self._known.move_to_end((role, text))
        return vector

    def _remember(self, role: str, text: str, vector: NDArray[np.float32]) -> None:
        self._known[role, text] = vector.copy()
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

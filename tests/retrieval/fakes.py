"""Stand-ins for the encoder, the reader and a failing store: scriptable, with a memory."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from bot.errors import StoreError
from bot.protocols import Vectors
from bot.types import Passage, Reading
from retrieval.text import fold
from tests.fakes import FakeKnowledgeStore


class FakeEncoder:
    """Hashed bags of character trigrams: texts that share spelling lie near each other."""

    def __init__(self, name: str = "fake", dimension: int = 256) -> None:
        self._name = name
        self._dimension = dimension
        self.encoded: list[tuple[str, str]] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        vectors = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in enumerate(texts):
            self.encoded.append((role, text))
            folded = f"  {fold(text)} "
            for start in range(len(folded) - 2):
                vectors[row, zlib.crc32(folded[start : start + 3].encode()) % self._dimension] += 1
            vectors[row, 0] += 0.01
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def passages_encoded(self) -> list[str]:
        return [text for role, text in self.encoded if role == "passage"]


class FakeReader:
    """Likes passages that contain `favourite`; takes `seconds` per batch."""

    name = "fake-reader"

    def __init__(self, favourite: str, seconds: float = 0.0) -> None:
        self._favourite = favourite
        self._seconds = seconds
        self.batches: list[Sequence[str]] = []

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        self.batches.append(passages)
        time.sleep(self._seconds)
        return [Reading(8.0 if self._favourite in text else -8.0) for text in passages]


class BreakableStore(FakeKnowledgeStore):
    """A knowledge store in memory that can be made to fail."""

    broken = False

    def version(self) -> int:
        if self.broken:
            raise StoreError("the database is locked")
        return super().version()


def faq(passage_id: str, title: str, text: str = "", **more: object) -> Passage:
    """An English FAQ passage with sensible defaults."""
    made = Passage(passage_id, "faq", "en", title, text or f"Answer to: {title}")
    return replace(made, **more)  # type: ignore[arg-type]

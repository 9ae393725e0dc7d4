"""Encoders and heads for the tests: small, exact, and scriptable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bot.heads import Heads, Output
from bot.protocols import Vectors

WORDS = ("angry", "happy", "question", "human", "weather")


class WordEncoder:
    """A direction per word of `WORDS`; a text points towards the words it contains.

    `error` is raised by every call while it is set; `encoded` remembers what was asked.
    """

    name = "words"
    dimension = len(WORDS) + 1

    def __init__(self) -> None:
        self.encoded: list[str] = []
        self.error: Exception | None = None

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        if self.error:
            raise self.error
        self.encoded.extend(texts)
        vectors = np.full((len(texts), self.dimension), 0.05, np.float32)
        for row, text in enumerate(texts):
            for place, word in enumerate(WORDS):
                vectors[row, place] += text.lower().count(word)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows(**weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """A weight matrix with one named row per label, and a zero bias."""
    matrix = np.array(list(weights.values()), np.float32)
    return matrix, np.zeros(len(matrix), np.float32)


def mood_heads(**context: float) -> Heads:
    """Negative and frustrated for "angry", positive for "happy", else neutral."""
    sentiment = rows(
        negative=[8, 0, 0, 0, 0, 0], neutral=[0, 0, 0, 0, 0, 10], positive=[0, 8, 0, 0, 0, 0]
    )
    return Heads(
        name="test-mood",
        encoder=WordEncoder.name,
        dimension=WordEncoder.dimension,
        body=(),
        outputs={
            "sentiment": Output(
                "sentiment", "softmax", ("negative", "neutral", "positive"), *sentiment
            ),
            "frustration": Output(
                "frustration",
                "sigmoid",
                ("frustrated",),
                np.array([[8, -4, 0, 0, 0, -2]], np.float32),
                np.array([-3], np.float32),
                thresholds={"unhappy": 0.8},
            ),
        },
        extra={"context": context} if context else {},
    )

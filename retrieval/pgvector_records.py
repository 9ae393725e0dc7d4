"""What goes between the tables of an index in PostgreSQL and the search over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.protocols import Vectors
from bot.types import Passage


@dataclass(frozen=True, slots=True)
class State:
    """What the tables hold: which change of the knowledge, how many passages and terms."""

    version: int = 0
    stamp: str = ""
    content_hash: str = f"{0:032x}"
    passages: int = 0
    words: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A passage in question, with what is needed to score it."""

    passage: Passage
    terms: Sequence[str]
    vectors: Vectors

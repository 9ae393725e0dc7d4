"""The contracts between parts: small Protocols, implemented elsewhere, named together in build.py.

Implementations take finished parts in their constructors; `load`/`from_…` class methods do work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bot.types import (
    HistoryEntry,
    KnowledgeChanges,
    Message,
    Mood,
    Passage,
    Prompt,
    Query,
    ReadinessCheck,
    Reading,
    Reply,
    Retrieval,
    Turn,
    Waiting,
)

Vectors = NDArray[np.float32]
"""Row-major float32 array of shape (texts, dimension), rows of length 1."""

AnswerMessage = Callable[[Message], Iterator[Reply]]
"""The one callable a channel is given: message in, checked replies out, one by one."""


Readiness = Callable[[], Sequence[ReadinessCheck]]
"""Looks at models, index and database now; may take a while and may raise."""


class Encoder(Protocol):
    """Turns texts into unit vectors; queries and passages are encoded differently (E5)."""

    @property
    def name(self) -> str:
        """Identifies weights and pooling; an index built with another name is refused."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Vectors of `texts`, shape (len(texts), dimension). Safe to call from many threads."""
        ...


class Generator(Protocol):
    """Continues a prompt. Implementations are safe to call from many threads."""

    @property
    def name(self) -> str:
        """Identifies weights and adapter; stored with every turn."""
        ...

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """Pieces of text as they are made. Closing the iterator frees the generator.

        Args:
            prompt: system and user text; the generator applies its own chat template.
            max_tokens: upper bound on new tokens.

        Raises:
            GeneratorError: the model failed or took too long.
        """
        ...


@runtime_checkable
class Judge(Protocol):
    """Says yes or no, and how sure it is; safe to call from many threads."""

    @property
    def name(self) -> str:
        """Identifies weights and adapter; what was fitted with one judge is worth nothing with another."""
        ...

    def log_odds(self, prompts: Sequence[Prompt]) -> tuple[float, ...]:
        """Log-odds that the reply to each prompt is "yes" rather than "no", 0 if it is neither.

        Raises:
            GeneratorError: the model failed or took too long.
        """
        ...


class Retriever(Protocol):
    """Finds passages. Never raises for a strange query: no hits is an answer."""

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """At most `limit` hits, best first, valid today."""
        ...


class Reader(Protocol):
    """Reads passages with a question in mind (a cross-encoder): which answers, and where."""

    @property
    def name(self) -> str:
        """Identifies weights."""
        ...

    def read(self, question: str, passages: Sequence[str]) -> Sequence[Reading]:
        """One reading per passage, in order. Safe to call from many threads."""
        ...


class MoodReader(Protocol):
    """Reads the customer's mood from a message and what came before it."""

    def read(self, message: Message, history: Sequence[HistoryEntry]) -> Mood:
        """Never raises: a mood that cannot be read is `Mood()`, label `unknown`."""
        ...


class Understand(Protocol):
    """Makes a query of a message: language, intent, follow-up completed from the history."""

    def __call__(self, message: Message, history: Sequence[HistoryEntry]) -> Query:
        """The query. Never raises."""
        ...


class TurnStore(Protocol):
    """What the service needs of the database while it answers."""

    def history(self, conversation_id: str, limit: int = 12) -> tuple[HistoryEntry, ...]:
        """The latest utterances, oldest first; empty for an unknown conversation."""
        ...

    def is_with_agent(self, conversation_id: str) -> bool:
        """Whether a person has taken the conversation over, so that the bot keeps silent."""
        ...

    def failed_before(self, conversation_id: str) -> bool:
        """Whether the latest turn ended in "I don't know"."""
        ...

    def waiting(self, conversation_id: str) -> Waiting | None:
        """Since when and why the conversation waits for a person; None if it does not."""
        ...

    def save(self, turn: Turn) -> None:
        """Store message, replies and turn in one transaction. Saving a turn twice is harmless."""
        ...


class KnowledgeStore(Protocol):
    """The passages in SQL, the source of truth that an index is built from."""

    def upsert(self, passages: Sequence[Passage]) -> int:
        """Add or change passages; unchanged ones keep their version. Returns how many changed."""
        ...

    def delete(self, passage_ids: Sequence[str]) -> int:
        """Mark passages as deleted; old turns keep the text they cited."""
        ...

    def live_passages(self) -> tuple[Passage, ...]:
        """All current passages, expired ones included, deleted ones not; ordered by id."""
        ...

    def version(self) -> int:
        """Grows with every change; a reader that sees a new one asks for what changed."""
        ...

    def changes_since(self, version: int, stamp: str) -> KnowledgeChanges | None:
        """What changed after `version`, the newest first.

        None when this database never had a change of that number and stamp, or is too old to
        tell: then only `snapshot` helps. (0, "") is the empty beginning.
        """
        ...

    def snapshot(self) -> KnowledgeChanges:
        """All live passages, as if they had all changed."""
        ...

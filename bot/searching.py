"""How a shop's knowledge is searched: over an index in memory, or in PostgreSQL with pgvector.

Covered: which of the two the settings name, the folder of each encoder's index, what is told when
the saved index is of another encoder or damaged. Not covered: the searches (`retrieval`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Engine

from bot.config import Settings
from bot.errors import ConfigError, IndexMismatchError
from bot.protocols import Encoder, KnowledgeStore, Retriever
from retrieval.encoding import Progress, VectorJournal
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.retriever import HybridRetriever

log = structlog.get_logger(__name__)

_UNSAFE = re.compile(r"[^\w.-]+")


class ShopRetriever(Retriever, Protocol):
    """A retriever that follows the shop's knowledge."""

    @property
    def size(self) -> int:
        """Passages that can be found."""
        ...

    @property
    def following(self) -> bool:
        """Whether edits still arrive."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...


class Searching:
    """Opens the searches of one shop."""

    def __init__(
        self,
        settings: Settings,
        store: KnowledgeStore,
        encoder: Encoder,
        over: Callable[[HybridIndex], HybridRetriever],
    ) -> None:
        """`over` makes a retriever of an index."""
        self._settings = settings
        self._store = store
        self._encoder = encoder
        self._over = over

    @property
    def folder(self) -> Path:
        """Where the index lives; each encoder has its own, so that going back costs nothing."""
        name = f"{self._encoder.name}/{self._encoder.dimension}"
        mark = hashlib.blake2b(name.encode(), digest_size=3).hexdigest()
        readable = _UNSAFE.sub("-", self._encoder.name)[-40:].strip("-.")
        return self._settings.index_dir / f"{readable}-{mark}"

    def live(self, progress: Progress | None = None) -> LiveRetriever:
        """Over an index in memory, brought up to date; not yet following.

        Raises:
            StoreError: the database cannot be read, or the index not be saved.
        """
        retriever = LiveRetriever(
            self._over(self._saved()), self._store, self._encoder, folder=self.folder
        )
        retriever.refresh(progress)
        return retriever

    def following(self, engine: Engine, progress: Progress | None = None) -> ShopRetriever:
        """What the settings name, brought up to date and following edits.

        Raises:
            ConfigError: pgvector is set without PostgreSQL.
            StoreError: the database fails, or has no pgvector.
        """
        if self._settings.search == "local":
            return self.live(progress).start()
        if engine.dialect.name != "postgresql":
            raise ConfigError(
                f"SHOPKEEPER_SEARCH=pgvector needs PostgreSQL, the database is {engine.dialect.name}",
                fix="set SHOPKEEPER_DATABASE_URL=postgresql+psycopg://… or SHOPKEEPER_SEARCH=local",
            )
        from retrieval.pgvector import PgVectorRetriever

        ranker = self._over(HybridIndex.build((), self._encoder))
        retriever = PgVectorRetriever(ranker, self._store, self._encoder, engine).prepare()
        retriever.refresh(progress)
        return retriever.start()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Build the index from the database, whatever is saved.

        Raises:
            StoreError: the database cannot be read, or the index not be saved.
        """
        whole = self._store.snapshot()
        journal = VectorJournal(self.folder, self._encoder)
        index = HybridIndex.build(
            whole.passages,
            self._encoder,
            progress,
            knowledge_version=whole.version,
            knowledge_stamp=whole.stamp,
            journal=journal,
        )
        index.save(self.folder)
        journal.clear()

    def _saved(self) -> HybridIndex:
        """The index of the last run; an empty one, and why, when there is none that fits."""
        try:
            return HybridIndex.load(self.folder, self._encoder)
        except IndexMismatchError as error:
            others = sorted(
                path.parent.name
                for path in self._settings.index_dir.glob("*/manifest.json")
                if path.parent != self.folder
            )
            if (self.folder / "manifest.json").exists():
                log.warning("the saved index is built anew", reason=error.message)
            elif others:
                log.warning(
                    "the saved index is of another encoder; one is built for the encoder in use, "
                    "the other stays and is used again with its encoder",
                    encoder_in_use=self._encoder.name,
                    kept=others,
                )
            return HybridIndex.build((), self._encoder)

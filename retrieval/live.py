"""Live knowledge: an index that follows the database while questions are answered from it.

Covered: noticing a new version by polling (edits of other processes too), encoding only what
changed, replacing the index in one step while searches go on with the old one, saving it for the
next start. Not covered: a delta index for knowledge so large that rebuilding its word index or
graph takes more than a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from bot.errors import ShopkeeperError
from bot.protocols import Encoder, KnowledgeStore
from bot.types import Query, Retrieval
from retrieval.index import HybridIndex, Progress, content_hash
from retrieval.retriever import HybridRetriever

log = structlog.get_logger(__name__)

POLL_S = 0.25


class LiveRetriever:
    """Implements `bot.protocols.Retriever`; the index behind it changes with the knowledge."""

    def __init__(
        self,
        retriever: HybridRetriever,
        store: KnowledgeStore,
        encoder: Encoder,
        *,
        folder: Path | None = None,
        poll_s: float = POLL_S,
        on_update: Callable[[HybridIndex], None] | None = None,
    ) -> None:
        """Take finished parts; `start` begins to follow.

        Args:
            retriever: over any index, an empty one too; it is brought up to date by `refresh`.
            store: where the passages are.
            encoder: the one the index was built with.
            folder: where to save the index after a change; None to keep it in memory only.
            poll_s: seconds between two looks at the version.
            on_update: called with every new index, after searches use it.
        """
        self._retriever = retriever
        self._store = store
        self._encoder = encoder
        self._folder = folder
        self._poll_s = poll_s
        self._on_update = on_update
        self._checked = False
        self._updating = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def index(self) -> HybridIndex:
        """The index in use."""
        return self._retriever.index

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """At most `limit` hits from the index in use when the search began."""
        return self._retriever.search(query, limit)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date now; whether there was anything to do.

        Raises:
            StoreError: the database cannot be read, or the index not be saved.
        """
        with self._updating:
            # The version is read first: an edit made in between is seen again at the next look.
            version = self._store.version()
            current = self._retriever.index
            same_version = version == current.manifest.knowledge_version
            if same_version and self._checked:
                return False
            passages = self._store.live_passages()
            # Versions only count within one database: the first look compares the texts as well.
            self._checked = True
            if same_version and content_hash(passages) == current.manifest.content_hash:
                return False
            index = current.updated(passages, self._encoder, progress, knowledge_version=version)
            self._retriever = self._retriever.with_index(index)
            log.info("index updated", version=version, passages=len(passages))
            if self._on_update:
                self._on_update(index)
            if self._folder:
                index.save(self._folder)
            return True

    def start(self) -> Self:
        """Follow the database from now on, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="knowledge", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop following and wait until a running update is finished."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _follow(self) -> None:
        failed = ""
        while not self._stop.wait(self._poll_s):
            try:
                self.refresh()
                failed = ""
            except Exception as error:  # the thread must outlive a locked or absent database
                if str(error) != failed:  # once, not four times a second
                    known = isinstance(error, ShopkeeperError)
                    log.warning("index not updated", error=str(error), exc_info=not known)
                failed = str(error)

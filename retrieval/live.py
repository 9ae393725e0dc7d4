"""Live knowledge: an index that follows the database while questions are answered from it.

Covered: noticing a new version by polling (edits of other processes too), encoding only what
changed, replacing the index in one step while searches go on with the old one, the newest edits
first when there are many, joining edits into the large segment in the background, saving for the
next start, taking over what another process of the same shop has saved. Not covered: a database
put back to an older state under a running server with as many changes since: restart it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from bot.protocols import Encoder, KnowledgeStore
from bot.types import KnowledgeChanges, Query, Retrieval
from retrieval.compaction import Compaction, Limits
from retrieval.edits import apply, compact, difference, rebase
from retrieval.encoding import Progress, VectorJournal
from retrieval.follower import POLL_S, Follower
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever
from retrieval.shared_folder import SharedFolder

log = structlog.get_logger(__name__)

_AT_ONCE = 128
"""Passages encoded before what is ready can be searched: a second's work for the encoder."""


class LiveRetriever(Follower):
    """Implements `bot.protocols.Retriever`; the index behind it changes with the knowledge."""

    def __init__(
        self,
        retriever: HybridRetriever,
        store: KnowledgeStore,
        encoder: Encoder,
        *,
        folder: Path | None = None,
        poll_s: float = POLL_S,
        limits: Limits | None = None,
        on_update: Callable[[HybridIndex], None] | None = None,
    ) -> None:
        """Take finished parts; `start` begins to follow.

        Args:
            retriever: over any index, an empty one too; it is brought up to date by `refresh`.
            store: where the passages are.
            encoder: the one the index was built with.
            folder: where to save the index after a change; None to keep it in memory only.
            poll_s: seconds between two looks at the version.
            limits: when edits are joined into the large segment.
            on_update: called with every new index, after searches use it.
        """
        super().__init__(poll_s)
        self._retriever = retriever
        self._store = store
        self._encoder = encoder
        self._folder = folder
        self._on_update = on_update
        self._checked = False
        self._updating = threading.Lock()
        self._limits = limits or Limits()
        self._compaction = Compaction(self._swap_compacted)
        self._shared = SharedFolder(folder, encoder, self.index) if folder else None

    @property
    def index(self) -> HybridIndex:
        """The index in use."""
        return self._retriever.index

    @property
    def size(self) -> int:
        """Passages that can be found."""
        return self.index.manifest.passages

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """At most `limit` hits from the index in use when the search began."""
        return self._retriever.search(query, limit)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date now; whether there was anything to do.

        Raises:
            StoreError: the database cannot be read, or the index not be saved.
        """
        with self._updating:
            known = self.index.manifest
            if self._checked and self._store.version() == known.knowledge_version:
                return False
            others = self._shared.other_base(self.index) if self._shared else None
            if others is not None:
                self._swap(others)
            changes = self._changes()
            # Versions only count within one database: the first look compares their marks as well.
            self._checked = True
            marks = (known.knowledge_version, known.knowledge_stamp)
            if others is None and (changes.version, changes.stamp) == marks:
                return False
            if len(changes.passages) > max(self.size, self._limits.small):
                self._rebuild(progress)
            else:
                self._apply(changes, progress)
            log.info("index updated", version=changes.version, passages=self.size)
            if self._shared:
                self._shared.save(self.index)
            return True

    def close(self) -> None:
        """Stop following and wait until a running update is finished."""
        super().close()
        self._compaction.close()

    def _changes(self) -> KnowledgeChanges:
        """What the index lacks; everything that differs when its mark is not of this database."""
        known = self.index.manifest
        changes = self._store.changes_since(known.knowledge_version, known.knowledge_stamp)
        if changes is not None:
            return changes
        whole = self._store.snapshot()
        changed, gone = difference(self.index, whole.passages)
        return KnowledgeChanges(whole.version, whole.stamp, tuple(changed), tuple(gone))

    def _apply(self, changes: KnowledgeChanges, progress: Progress | None) -> None:
        """Put the changes in, part by part; edits made meanwhile go before those still waiting."""
        waiting = self.index.unlike(changes.passages)
        done = 0
        while True:
            some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            marks = (None, None) if waiting else (changes.version, changes.stamp)
            edited = apply(
                self.index, some, changes.deleted, self._encoder, version=marks[0], stamp=marks[1]
            )
            self._swap(compact(edited) if self._limits.at_once(edited) else edited)
            if self._limits.due(self.index):
                self._compaction.begin(self.index)
            done += len(some)
            if progress and done:
                progress(done, done + len(waiting))
            if not waiting or self.stopping:
                return  # what is still waiting is found again at the next start
            if self._store.version() != changes.version:
                changes = self._changes()
                waiting = self.index.unlike(changes.passages)

    def _rebuild(self, progress: Progress | None) -> None:
        """Build anew: quicker than edits, and a build that is killed goes on where it was."""
        whole = self._store.snapshot()
        journal = VectorJournal(self._folder, self._encoder) if self._folder else None
        index = HybridIndex.build(
            whole.passages,
            self._encoder,
            progress,
            knowledge_version=whole.version,
            knowledge_stamp=whole.stamp,
            journal=journal,
        )
        if self._shared and self._shared.save(index, replaces=self.index):
            index = self._shared.mapped() or index
        if journal:
            journal.clear()
        self._swap(index)

    def _swap(self, index: HybridIndex) -> None:
        self._retriever = self._retriever.with_index(index)
        if self._on_update:
            self._on_update(index)

    def _swap_compacted(self, start: HybridIndex, compacted: HybridIndex) -> None:
        with self._updating:
            if self.index.base is not start.base:
                return  # built anew meanwhile, or taken over from another process
            index = rebase(start, self.index, compacted)
            if self._shared and self._shared.save(index, replaces=start):
                index = self._shared.mapped() or index
            self._swap(index)
            log.info("edits joined into the index", passages=self.size)

"""Search in PostgreSQL with pgvector: for shops whose knowledge outgrows one machine's memory.

Covered: `bot.protocols.Retriever` with the same ranking as over FAISS. The database puts candidates
forward (nearest vectors, best words, names, translations); an index of these few, with the counts
of words of all, is then ranked by the same code. Live: one process at a time brings the tables up
to date, everybody sees them at once. Not covered: products that meet what a question demands
though no search puts them forward (`retrieval.filters` sees the candidates only).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from bot.errors import StoreError
from bot.protocols import Encoder, KnowledgeStore
from bot.types import KnowledgeChanges, Passage, Query, Retrieval
from retrieval.bm25 import Statistics
from retrieval.candidates import CANDIDATES
from retrieval.dense import DenseFacts
from retrieval.encoding import Progress, encode_passages
from retrieval.exact import spans_in
from retrieval.follower import POLL_S, Follower
from retrieval.index import FORMAT_VERSION, HybridIndex, Manifest
from retrieval.lexical import LexicalIndex
from retrieval.passage_file import digest
from retrieval.pgvector_records import Found, State
from retrieval.pgvector_tables import PgTables
from retrieval.retriever import MAX_QUERY_CHARS, HybridRetriever, said_of, today
from retrieval.segment import Segment
from retrieval.text import INVISIBLE, terms

log = structlog.get_logger(__name__)

_AT_ONCE = 128
_LONGEST_NAME = 24
_MODULUS = 1 << 128


class PgVectorRetriever(Follower):
    """Implements `bot.protocols.Retriever` over the tables of `PgTables`. Safe to share."""

    def __init__(
        self,
        ranker: HybridRetriever,
        store: KnowledgeStore,
        encoder: Encoder,
        engine: Engine,
        *,
        poll_s: float = POLL_S,
        day: Callable[[], date] = today,
    ) -> None:
        """Take finished parts; `prepare` makes the tables, `start` begins to follow.

        Args:
            ranker: over any index, an empty one too; it ranks the candidates.
            store: where the passages are.
            encoder: of passages and questions; the tables belong to it.
            engine: of a PostgreSQL database with the extension `vector`.
            poll_s: seconds between two looks at the version.
            day: gives the day on which passages must be valid.
        """
        super().__init__(poll_s)
        self._ranker = ranker
        self._store = store
        self._encoder = encoder
        self._engine = engine
        self._day = day
        self._tables = PgTables(encoder.name, encoder.dimension)
        self._updating = threading.Lock()
        self._size = 0

    @property
    def size(self) -> int:
        """Passages that can be found, as of the last look."""
        return self._size

    def prepare(self) -> PgVectorRetriever:
        """Make the tables where they are missing.

        Raises:
            StoreError: the server has no pgvector, or the user may not create it.
        """
        try:
            with self._engine.begin() as connection:
                self._tables.create(connection)
        except DBAPIError as error:
            raise StoreError(
                f"the search index cannot be made in PostgreSQL: {error.orig}",
                fix="install pgvector on the server and run, as its administrator: "
                "CREATE EXTENSION vector; or set SHOPKEEPER_SEARCH=local",
            ) from error
        return self

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """At most `limit` hits, best first, valid today.

        Raises:
            StoreError: the database failed.
        """
        question = INVISIBLE.sub("", query.search_text[:MAX_QUERY_CHARS]).strip()
        try:
            with self._engine.connect() as connection:
                index = self._narrowed(connection, question, said_of(query))
        except DBAPIError as error:
            raise StoreError(f"the search index in PostgreSQL failed: {error.orig}") from error
        return self._ranker.with_index(index).search(query, limit)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the tables up to date, part by part; whether there was anything to do.

        Raises:
            StoreError: the database failed.
        """
        with self._updating:
            try:
                return self._refresh(progress)
            except DBAPIError as error:
                raise StoreError(f"the search index in PostgreSQL failed: {error.orig}") from error

    def _refresh(self, progress: Progress | None) -> bool:
        with self._engine.connect() as connection:
            state = self._tables.read_state(connection)
            self._size = state.passages
            if self._changes(state) == KnowledgeChanges(state.version, state.stamp):
                return False
            # The one who holds the lock writes; the others look again at the next poll. It ends
            # with the connection, should this process be killed.
            lock = {"lock": self._tables.lock}
            taken = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), lock)
            if not taken.scalar_one():
                return False
            connection.commit()
            try:
                self._bring_up_to_date(progress)
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)
                connection.commit()
            return True

    def _bring_up_to_date(self, progress: Progress | None) -> None:
        """Part by part, each in a transaction; edits made meanwhile go before those that wait."""
        changes: KnowledgeChanges | None = None
        waiting: list[Passage] = []
        gone: Collection[str] = ()
        done = 0
        while not self.stopping:
            with self._engine.begin() as connection:
                state = self._tables.read_state(connection)
                if changes is None or self._store.version() != changes.version:
                    known = self._tables.digests(connection)
                    changes = self._changes(state)
                    if changes is None:
                        changes = self._store.snapshot()
                        gone = known.keys() - {p.passage_id for p in changes.passages}
                    else:
                        gone = changes.deleted
                    waiting = [p for p in changes.passages if known.get(p.passage_id) != _mark(p)]
                some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
                if not waiting:
                    state = replace(state, version=changes.version, stamp=changes.stamp)
                state = self._apply(connection, state, some, gone)
            self._size, gone = state.passages, ()
            done += len(some)
            if progress:
                progress(done, done + len(waiting))
            if not waiting:
                log.info("index updated", version=changes.version, passages=state.passages)
                return

    def _changes(self, state: State) -> KnowledgeChanges | None:
        return self._store.changes_since(state.version, state.stamp)

    def _apply(
        self, connection: Connection, state: State, some: Sequence[Passage], gone: Collection[str]
    ) -> State:
        vectors, owners = encode_passages(some, self._encoder)
        out = {passage.passage_id for passage in some} | set(gone)
        removed, fewer = self._tables.remove(connection, out)
        more = self._tables.add(connection, some, vectors, owners)
        total = int(state.content_hash, 16) + sum(map(digest, some))
        total -= sum(int(mark, 16) for mark in removed)
        state = replace(
            state,
            content_hash=f"{total % _MODULUS:032x}",
            passages=state.passages + len(some) - len(removed),
            words=state.words + more - fewer,
        )
        self._tables.write_state(connection, state)
        return state

    def _narrowed(self, connection: Connection, question: str, said: str) -> HybridIndex:
        """An index of what the database puts forward for a question."""
        state = self._tables.read_state(connection)
        if not question or not state.passages:
            return self._index_of((), state, {})
        day = self._day()
        wanted = terms(question) + terms(said)
        holding = self._tables.holding(connection, set(wanted))
        mean = state.words / state.passages
        weights = self._weights(wanted, holding, state, mean)
        chosen = set(self._tables.best_by_words(connection, weights, mean, day, CANDIDATES))
        vector = self._ranker.vector_of(question, said)
        if vector is not None:
            chosen.update(self._tables.nearest(connection, vector, day, CANDIDATES))
        chosen.update(self._tables.named(connection, spans_in(question, _LONGEST_NAME)))
        return self._index_of(self._tables.fetch(connection, chosen), state, holding)

    def _weights(
        self, wanted: Sequence[str], holding: dict[str, int], state: State, mean: float
    ) -> dict[str, float]:
        counts = np.array(list(holding.values()), np.int64)
        idf = Statistics(state.passages, mean, counts).idf(np.arange(len(counts)))
        return {
            term: wanted.count(term) * float(weight)
            for term, weight in zip(holding, idf, strict=True)
        }

    def _index_of(
        self, found: Sequence[Found], state: State, holding: dict[str, int]
    ) -> HybridIndex:
        mean = state.words / state.passages if state.passages else 1.0
        lexical = LexicalIndex.sample([f.terms for f in found], state.passages, mean, holding)
        empty = np.zeros((0, self._encoder.dimension), np.float32)
        base = Segment.of(
            [f.passage for f in found],
            lexical,
            np.concatenate([empty, *(f.vectors for f in found)]),
            np.repeat(np.arange(len(found)), [len(f.vectors) for f in found]),
            kind="flat",
        )
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            encoder=self._encoder.name,
            dimension=self._encoder.dimension,
            passages=len(found),
            knowledge_version=state.version,
            knowledge_stamp=state.stamp,
            content_hash=state.content_hash,
            dense=DenseFacts(),
        )
        return HybridIndex.over(manifest, base)


def _mark(passage: Passage) -> str:
    """The digest of a passage as the tables keep it."""
    return f"{digest(passage):032x}"

"""The tables of an index in PostgreSQL with pgvector, and what is asked of them.

Covered: passages with their terms and names, vectors with an HNSW graph, BM25 over postings, the
mark of the knowledge that is in. Not covered: ranking (`retrieval.pgvector`). The tables hold
nothing that cannot be made again from the knowledge, so they are made here and not by migrations;
their names carry a mark of the encoder: another one gets tables of its own and these stay.

Source: Malkov & Yashunin, 2018 (arXiv:1603.09320); filtered searches go on until they have enough
(pgvector's iterative scan).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
)

from bot.protocols import Vectors
from bot.types import Passage
from retrieval.bm25 import K1, B
from retrieval.exact import names_of
from retrieval.passage_file import as_record, digest, passage_of
from retrieval.passages import search_text
from retrieval.pgvector_records import Found, State
from retrieval.text import terms

SHARED = 40
"""Passages with one name that are looked at; a name of more products than that is none."""


class PgTables:
    """Reads and writes of one index, each on a connection of the caller."""

    def __init__(self, encoder: str, dimension: int) -> None:
        mark = hashlib.blake2b(f"{encoder}/{dimension}".encode(), digest_size=4).hexdigest()
        self.lock = int(mark, 16)
        self.metadata = MetaData()
        name = f"search_{mark}"
        owner = f"{name}_passages.passage_id"
        self.state = Table(
            f"{name}_state",
            self.metadata,
            Column("id", Integer, primary_key=True),
            Column("version", BigInteger, nullable=False),
            Column("stamp", Text, nullable=False),
            Column("content_hash", Text, nullable=False),
            Column("passages", BigInteger, nullable=False),
            Column("words", BigInteger, nullable=False),
        )
        self.passages = Table(
            f"{name}_passages",
            self.metadata,
            Column("passage_id", Text, primary_key=True),
            Column("entry", Text, nullable=False, index=True),
            Column("record", Text, nullable=False),
            Column("digest", Text, nullable=False),
            Column("terms", ARRAY(Text), nullable=False),
            Column("valid_from", Date),
            Column("valid_until", Date),
        )
        self.names = Table(
            f"{name}_names",
            self.metadata,
            Column("name", Text, primary_key=True),
            Column("passage_id", ForeignKey(owner, ondelete="CASCADE"), primary_key=True),
            Index(f"{name}_names_owner", "passage_id"),
        )
        self.postings = Table(
            f"{name}_postings",
            self.metadata,
            Column("term", Text, primary_key=True),
            Column("passage_id", ForeignKey(owner, ondelete="CASCADE"), primary_key=True),
            Column("times", Integer, nullable=False),
            Column("length", Integer, nullable=False),
            Index(f"{name}_postings_owner", "passage_id"),
        )
        self.vectors = Table(
            f"{name}_vectors",
            self.metadata,
            Column("id", BigInteger, primary_key=True),
            Column("passage_id", ForeignKey(owner, ondelete="CASCADE"), nullable=False, index=True),
            Column("embedding", HALFVEC(dimension), nullable=False),
            Index(
                f"{name}_vectors_graph",
                "embedding",
                postgresql_using="hnsw",
                postgresql_ops={"embedding": "halfvec_ip_ops"},
            ),
        )

    def create(self, connection: Connection) -> None:
        """Make extension and tables where they are missing."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": self.lock})
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        self.metadata.create_all(connection)

    def read_state(self, connection: Connection) -> State:
        """What is in."""
        columns = [column for column in self.state.c if column.name != "id"]
        row = connection.execute(select(*columns)).one_or_none()
        return State(*row) if row else State()

    def write_state(self, connection: Connection, state: State) -> None:
        """Say what is in."""
        connection.execute(delete(self.state))
        values = {name: getattr(state, name) for name in State.__dataclass_fields__}
        connection.execute(insert(self.state), {"id": 1, **values})

    def digests(self, connection: Connection) -> dict[str, str]:
        """The digest of every passage, by id."""
        rows = connection.execute(select(self.passages.c.passage_id, self.passages.c.digest))
        return {row.passage_id: row.digest for row in rows}

    def remove(self, connection: Connection, passage_ids: Collection[str]) -> tuple[list[str], int]:
        """Take passages out; the digests of those that were there, and how many terms they had."""
        table = self.passages.c
        gone = delete(self.passages).where(_among(table.passage_id, passage_ids))
        rows = connection.execute(
            gone.returning(table.digest, func.cardinality(table.terms).label("words"))
        ).all()
        return [row.digest for row in rows], sum(row.words for row in rows)

    def add(
        self,
        connection: Connection,
        passages: Sequence[Passage],
        vectors: Vectors,
        owners: NDArray[np.int32],
    ) -> int:
        """Put passages in that are not there; how many terms they have."""
        if not passages:
            return 0
        words = [terms(search_text(passage)) for passage in passages]
        connection.execute(
            insert(self.passages),
            [self._row(p, own) for p, own in zip(passages, words, strict=True)],
        )
        names = [
            {"name": name, "passage_id": passage.passage_id}
            for passage in passages
            if passage.kind == "product"
            for name in frozenset().union(*names_of(passage))
        ]
        postings = [
            {"term": term, "times": times, "length": len(own), "passage_id": passage.passage_id}
            for passage, own in zip(passages, words, strict=True)
            for term, times in Counter(own).items()
        ]
        ids = [passages[owner].passage_id for owner in owners.tolist()]
        embeddings = [
            {"passage_id": passage_id, "embedding": vector}
            for passage_id, vector in zip(ids, vectors, strict=True)
        ]
        for table, rows in (
            (self.names, names),
            (self.postings, postings),
            (self.vectors, embeddings),
        ):
            if rows:
                connection.execute(insert(table), rows)
        return sum(map(len, words))

    def _row(self, passage: Passage, own: Sequence[str]) -> dict[str, Any]:
        return {
            "passage_id": passage.passage_id,
            "entry": passage.group or passage.passage_id,
            "record": json.dumps(as_record(passage), ensure_ascii=False),
            "digest": f"{digest(passage):032x}",
            "terms": list(own),
            "valid_from": passage.valid_from,
            "valid_until": passage.valid_until,
        }

    def nearest(
        self, connection: Connection, vector: NDArray[np.float32], day: date, count: int
    ) -> list[str]:
        """Ids of the passages with the nearest vectors."""
        connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
        connection.execute(text(f"SET LOCAL hnsw.ef_search = {2 * count}"))
        rows = connection.execute(
            select(self.vectors.c.passage_id)
            .join(self.passages)
            .where(self._valid(day))
            .order_by(self.vectors.c.embedding.max_inner_product(vector))
            .limit(count)
        )
        return [row.passage_id for row in rows]

    def holding(self, connection: Connection, wanted: Collection[str]) -> dict[str, int]:
        """How many passages hold each of some terms; those that none holds are left out."""
        term = self.postings.c.term
        query = select(term, func.count()).where(_among(term, wanted)).group_by(term)
        return {name: int(count) for name, count in connection.execute(query)}

    def best_by_words(
        self,
        connection: Connection,
        weights: Mapping[str, float],
        mean_length: float,
        day: date,
        count: int,
    ) -> list[str]:
        """Ids of the passages with the highest BM25; `weights` are inverse frequencies."""
        if not weights:
            return []
        own = self.postings.c
        given = func.unnest(
            bindparam("words", list(weights), ARRAY(Text)),
            bindparam("idf", list(weights.values()), ARRAY(Double)),
        ).table_valued("word", "idf", name="given", joins_implicitly=True)
        given = given.render_derived()
        norm = K1 * (1 - B + B * own.length / mean_length)
        score = func.sum(given.c.idf * own.times / (own.times + norm))
        rows = connection.execute(
            select(own.passage_id)
            .join(self.passages)
            .where(own.term == given.c.word, self._valid(day))
            .group_by(own.passage_id)
            .order_by(score.desc(), own.passage_id)
            .limit(count)
        )
        return [row.passage_id for row in rows]

    def named(self, connection: Connection, spans: Collection[str]) -> list[str]:
        """Ids of products called by one of `spans`."""
        own = self.names.c
        place = func.row_number().over(partition_by=own.name, order_by=own.passage_id)
        numbered = (
            select(own.passage_id, place.label("place")).where(_among(own.name, spans)).subquery()
        )
        rows = connection.execute(
            select(numbered.c.passage_id).where(numbered.c.place <= SHARED).distinct()
        )
        return [row.passage_id for row in rows]

    def fetch(self, connection: Connection, passage_ids: Collection[str]) -> list[Found]:
        """Passages and all translations of their entries, in the order of their ids."""
        own = self.passages.c
        entries = select(own.entry).where(_among(own.passage_id, passage_ids))
        query = select(own.passage_id, own.record, own.terms).where(own.entry.in_(entries))
        rows = connection.execute(query.order_by(own.passage_id)).all()
        found: dict[str, list[NDArray[np.float32]]] = {row.passage_id: [] for row in rows}
        stored = self.vectors.c
        vectors = select(stored.passage_id, stored.embedding).where(stored.passage_id.in_(found))
        for row in connection.execute(vectors.order_by(stored.id)):
            found[row.passage_id].append(np.asarray(row.embedding, np.float32))
        return [
            Found(passage_of(json.loads(row.record)), row.terms, np.stack(found[row.passage_id]))
            for row in rows
        ]

    def _valid(self, day: date) -> Any:
        own = self.passages.c
        return (own.valid_from.is_(None) | (own.valid_from <= day)) & (
            own.valid_until.is_(None) | (own.valid_until >= day)
        )


def _among(column: Any, values: Collection[str]) -> Any:
    """One array instead of a parameter for each value: there may be more than PostgreSQL takes."""
    return column == func.any(bindparam(None, list(values), ARRAY(Text)))

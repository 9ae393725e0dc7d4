"""The shop's passages in SQL, with every version they ever had.

Covered: `KnowledgeStore`. Not covered: files (`retrieval.importers`), search (`retrieval`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, insert, or_, select, update

from bot.store.columns import clean_key, utc_now
from bot.store.passage_rows import passage_of_row, row_of_passage, storable
from bot.store.rows import chunks, insert_unless_there
from bot.store.tables import counters, knowledge_changes, passage_versions, passages
from bot.store.transactions import reading, writing
from bot.types import KnowledgeChanges, Lang, Passage

_COUNTER = "knowledge"
_LIVE = select(passages).where(~passages.c.deleted).order_by(passages.c.passage_id)


@dataclass(frozen=True, slots=True)
class PassageVersion:
    """A passage as it read for a while. `deleted` marks the moment it was taken out."""

    passage: Passage
    changed_at: datetime
    deleted: bool


class SqlKnowledgeStore:
    """`bot.protocols.KnowledgeStore` in SQL; safe to use from many threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert(self, items: Sequence[Passage]) -> int:
        """Add or change passages; unchanged ones keep their version. Returns how many changed.

        The store counts versions itself, whatever `version` says. Of two passages with one id the
        later wins. A deleted passage comes back under its next version.

        Raises:
            StoreError: the database failed; nothing was changed.
        """
        latest = {passage.passage_id: passage for passage in map(storable, items)}
        changed = []
        with writing(self._engine) as connection:
            counter = _lock(connection)
            known = _rows(connection, latest)
            for passage_id, passage in latest.items():
                row = known.get(passage_id)
                version = 1 if row is None else row.version + 1
                values = row_of_passage(replace(passage, version=version))
                if row is None or row.deleted or row.content_hash != values["content_hash"]:
                    changed.append(values)
            _write(connection, changed, known, counter, deleted=False)
        return len(changed)

    def delete(self, passage_ids: Sequence[str]) -> int:
        """Mark passages as deleted; old turns keep the text they cited. Returns how many.

        Raises:
            StoreError: the database failed; nothing was changed.
        """
        with writing(self._engine) as connection:
            counter = _lock(connection)
            known = _rows(connection, {clean_key(passage_id) for passage_id in passage_ids})
            gone = [
                row_of_passage(replace(passage_of_row(row), version=row.version + 1))
                for row in known.values()
                if not row.deleted
            ]
            _write(connection, gone, known, counter, deleted=True)
        return len(gone)

    def live_passages(self) -> tuple[Passage, ...]:
        """All current passages, expired ones included, deleted ones not; ordered by id."""
        with reading(self._engine) as connection:
            return tuple(passage_of_row(row) for row in connection.execute(_LIVE))

    def get(self, passage_id: str) -> Passage | None:
        """The current passage of this id; None if there is none or it was deleted."""
        query = select(passages).where(passages.c.passage_id == passage_id, ~passages.c.deleted)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else passage_of_row(row)

    def live_ids(self, passage_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids under which there is a passage now."""
        with reading(self._engine) as connection:
            rows = _rows(connection, {clean_key(passage_id) for passage_id in passage_ids})
        return frozenset(row.passage_id for row in rows.values() if not row.deleted)

    def faq_titles(
        self, langs: Sequence[Lang], day: date, limit: int
    ) -> tuple[tuple[str, str], ...]:
        """Ids and titles of the first `limit` FAQ entries in these languages, valid on `day`."""
        table = passages.c
        query = (
            select(table.passage_id, table.title)
            .where(~table.deleted, table.kind == "faq", table.lang.in_(langs))
            .where(or_(table.valid_from.is_(None), table.valid_from <= day))
            .where(or_(table.valid_until.is_(None), table.valid_until >= day))
            .order_by(table.passage_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple((row.passage_id, row.title) for row in rows)

    def versions(self, passage_id: str) -> tuple[PassageVersion, ...]:
        """Everything the passage ever said, oldest first; empty for an unknown id."""
        table = passage_versions.c
        query = (
            select(passage_versions).where(table.passage_id == passage_id).order_by(table.version)
        )
        with reading(self._engine) as connection:
            return tuple(
                PassageVersion(passage_of_row(row), row.changed_at, row.deleted)
                for row in connection.execute(query)
            )

    def changes_since(self, version: int, stamp: str) -> KnowledgeChanges | None:
        """What changed after `version`, the newest first; None when it was never this database's.

        Raises:
            StoreError: the database failed.
        """
        # Passages older than the column have 0 in it, and belong to what changed since the beginning.
        after = passages.c.changed_in > (version or -1)
        order = (passages.c.changed_in.desc(), passages.c.passage_id)
        query = select(passages).where(after).order_by(*order)
        with reading(self._engine) as connection:
            known = connection.execute(
                select(knowledge_changes.c.stamp).where(knowledge_changes.c.version == version)
            ).scalar_one_or_none()
            if (known or "") != stamp or (known is None and version):
                return None
            mark = _latest(connection)
            rows = connection.execute(query).all()
        return KnowledgeChanges(
            *mark,
            passages=tuple(passage_of_row(row) for row in rows if not row.deleted),
            deleted=tuple(row.passage_id for row in rows if row.deleted),
        )

    def snapshot(self) -> KnowledgeChanges:
        """All live passages, as if they had all changed."""
        with reading(self._engine) as connection:
            mark = _latest(connection)
            rows = connection.execute(_LIVE).all()
        return KnowledgeChanges(*mark, passages=tuple(passage_of_row(row) for row in rows))

    def version(self) -> int:
        """Grows with every change; 0 while nothing was ever stored."""
        query = select(counters.c.value).where(counters.c.name == _COUNTER)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one_or_none() or 0)


def _latest(connection: Connection) -> tuple[int, str]:
    """Number and stamp of the latest change; the stamp is "" for one older than stamps."""
    query = (
        select(counters.c.value, knowledge_changes.c.stamp)
        .outerjoin(knowledge_changes, knowledge_changes.c.version == counters.c.value)
        .where(counters.c.name == _COUNTER)
    )
    row = connection.execute(query).one_or_none()
    return (0, "") if row is None else (int(row.value), row.stamp or "")


def _lock(connection: Connection) -> int:
    # Writers of knowledge take turns on this row, so that version numbers have no gaps or twins.
    insert_unless_there(connection, counters, {"name": _COUNTER, "value": 0})
    query = select(counters.c.value).where(counters.c.name == _COUNTER).with_for_update()
    return int(connection.execute(query).scalar_one())


def _rows(connection: Connection, passage_ids: Iterable[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for some in chunks(list(passage_ids)):
        rows = connection.execute(select(passages).where(passages.c.passage_id.in_(some)))
        found.update((row.passage_id, row) for row in rows)
    return found


def _write(
    connection: Connection,
    changed: Sequence[dict[str, Any]],
    known: dict[str, Row[Any]],
    counter: int,
    *,
    deleted: bool,
) -> None:
    if not changed:
        return
    now = utc_now()
    rows = [{**values, "deleted": deleted, "changed_at": now} for values in changed]
    current = [{**row, "changed_in": counter + 1} for row in rows]
    new = [row for row in current if row["passage_id"] not in known]
    old = [{**row, "key": row["passage_id"]} for row in current if row["passage_id"] in known]
    if new:
        connection.execute(insert(passages), new)
    if old:
        columns: dict[str, Any] = {
            name: bindparam(name) for name in current[0] if name != "passage_id"
        }
        for row in old:
            del row["passage_id"]
        connection.execute(
            update(passages).where(passages.c.passage_id == bindparam("key")).values(columns), old
        )
    connection.execute(insert(passage_versions), rows)
    stamp = {"version": counter + 1, "stamp": secrets.token_hex(8)}
    connection.execute(insert(knowledge_changes), stamp)
    connection.execute(
        update(counters).where(counters.c.name == _COUNTER).values(value=counter + 1)
    )

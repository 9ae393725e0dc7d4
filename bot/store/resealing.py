"""Bring every stored text to the newest key, or back to plain text, beside a running server.

Covered: all columns of the type `Sealed` in all tables, the search index of the messages, in
batches, resumable at any point: what is done stays done, and a value that somebody changed
meanwhile is left to them. Not covered: backups that were made before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, Table, Text, func, literal, select, tuple_, type_coerce, update

from bot.errors import ConfigError
from bot.store.columns import fold
from bot.store.seal_check import only_newest_witness
from bot.store.sealing import Keyring, Sealed, from_stored, is_sealed, keyring_of, to_stored
from bot.store.search_text import searchable
from bot.store.tables import messages, metadata
from bot.store.transactions import reading, writing

BATCH = 200
Progress = Callable[[str, int, int], None]
"""Called with a table's name, rows done and rows in all."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many rows were looked at, changed, and left because somebody was changing them."""

    rows: int
    changed: int
    left: int


def seal_everything(engine: Engine, progress: Progress | None = None) -> Resealed:
    """Seal what is plain, and seal anew what an earlier key sealed. Running it again is harmless.

    When nothing is left, earlier keys are no longer needed.

    Raises:
        ConfigError: the engine was opened without a key.
        StoreError: a text opens with none of the keys, or the database failed; every row is either
            as it was or as it should be.
    """
    ring = keyring_of(engine.dialect)
    if ring is None:
        raise ConfigError(
            "there is no key to encrypt with",
            fix="set SHOPKEEPER_ENCRYPTION_KEY; `shopkeeper privacy key` makes one",
        )
    return _all_tables(engine, ring, ring, progress)


def unseal_everything(engine: Engine, progress: Progress | None = None) -> Resealed:
    """Back to plain texts, for an operator who wants to do without a key. Stop the server first.

    Raises:
        StoreError: a text opens with none of the keys, or the database failed.
    """
    return _all_tables(engine, keyring_of(engine.dialect), None, progress)


def sealed_columns(table: Table) -> list[str]:
    """The columns of `table` that hold texts of customers."""
    return [column.name for column in table.c if isinstance(column.type, Sealed)]


def _all_tables(
    engine: Engine, ring: Keyring | None, target: Keyring | None, progress: Progress | None
) -> Resealed:
    rows = changed = left = 0
    for table in metadata.sorted_tables:
        if not sealed_columns(table):
            continue
        with reading(engine) as connection:
            total = connection.execute(select(func.count()).select_from(table)).scalar_one()
        done = 0
        for batch in _batches(engine, table):
            made, missed = _batch(engine, table, batch, ring, target)
            rows, changed, left = rows + len(batch), changed + made, left + missed
            done += len(batch)
            if progress is not None:
                progress(table.name, done, max(total, done))
    if left == 0:
        with writing(engine) as connection:
            only_newest_witness(connection, target)
    return Resealed(rows, changed, left)


def _batches(engine: Engine, table: Table) -> Iterator[list[Row[Any]]]:
    keys = list(table.primary_key)
    raw = [type_coerce(table.c[name], Text).label(name) for name in _wanted(table)]
    query = select(*keys, *raw).order_by(*keys).limit(BATCH)
    last: tuple[Any, ...] | None = None
    while True:
        page = query
        if last is not None:
            values = (literal(value, key.type) for value, key in zip(last, keys, strict=True))
            page = query.where(tuple_(*keys) > tuple_(*values))
        with reading(engine) as connection:
            found = list(connection.execute(page).all())
        if not found:
            return
        yield found
        last = tuple(found[-1][: len(keys)])


def _wanted(table: Table) -> list[str]:
    return sealed_columns(table) + (["search_text"] if table is messages else [])


def _batch(
    engine: Engine,
    table: Table,
    batch: list[Row[Any]],
    ring: Keyring | None,
    target: Keyring | None,
) -> tuple[int, int]:
    """Rewrite what needs it, each value only if it still is what was read; changed and missed."""
    wanted = [(row, _changes(engine, table, row, ring, target)) for row in batch]
    wanted = [(row, changes) for row, changes in wanted if changes]
    if not wanted:
        return 0, 0
    made = 0
    with writing(engine) as connection:
        for row, changes in wanted:
            statement = update(table).where(
                *(key == row._mapping[key.name] for key in table.primary_key),
                *(type_coerce(table.c[name], Text) == row._mapping[name] for name in changes),
            )
            values = {name: type_coerce(value, Text) for name, value in changes.items()}
            made += connection.execute(statement.values(**values)).rowcount
    return made, len(wanted) - made


def _changes(
    engine: Engine, table: Table, row: Row[Any], ring: Keyring | None, target: Keyring | None
) -> dict[str, str]:
    changes = {}
    for name in sealed_columns(table):
        stored = row._mapping[name]
        if stored and not _is_right(stored, target):
            changes[name] = to_stored(from_stored(stored, ring), target)
    if table is messages:
        text = from_stored(row._mapping["text"], ring)
        index = fold(text) if target is None else searchable(text, engine.dialect)
        if index != row._mapping["search_text"]:
            changes["search_text"] = index
    return changes


def _is_right(stored: str, target: Keyring | None) -> bool:
    if target is None:
        return not is_sealed(stored)
    return is_sealed(stored) and target.is_newest(stored)

"""Small statements that SQLite and PostgreSQL spell differently.

Covered: insert unless it is there. Not covered: anything a single dialect understands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

CHUNK = 500
"""Keys named in one statement; both databases bound the number of parameters."""


def insert_unless_there(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row, or do nothing if a unique key is taken. Returns whether it was inserted."""
    statement = _insertion(connection.dialect.name, table)
    return connection.execute(statement, dict(values)).one_or_none() is not None


def insert_each_unless_there(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    told: tuple[Column[Any], ...],
) -> Sequence[Row[Any]]:
    """Insert rows with the same columns, in their order; the columns `told` of those inserted."""
    statement = _insertion(connection.dialect.name, table, told)
    return connection.execute(statement, [dict(row) for row in rows]).all()


@cache
def _insertion(dialect: str, table: Table, told: tuple[Column[Any], ...] = ()) -> Any:
    """Made once: making it takes longer than the database takes to carry it out."""
    insert: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing().returning(*(told or table.primary_key))


def chunks(items: Sequence[T], size: int = CHUNK) -> list[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    return [list(islice(rest, size)) for _ in range(0, len(items), size)]

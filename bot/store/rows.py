"""Small statements that SQLite and PostgreSQL spell differently.

Covered: insert unless it is there. Not covered: anything a single dialect understands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

CHUNK = 500
"""Keys named in one statement; both databases bound the number of parameters."""


def insert_unless_there(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row, or do nothing if a unique key is taken. Returns whether it was inserted."""
    if connection.dialect.name == "postgresql":
        insert: Any = postgresql.insert(table)
    else:
        insert = sqlite.insert(table)
    statement = insert.values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).one_or_none() is not None


def chunks(items: Sequence[T], size: int = CHUNK) -> list[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    return [list(islice(rest, size)) for _ in range(0, len(items), size)]

"""A few values that belong to the shop rather than to a machine's environment.

Covered: text by key. Not covered: `bot.config`, which an operator writes.
"""

from __future__ import annotations

from sqlalchemy import Engine, select, update

from bot.store.columns import utc_now
from bot.store.rows import insert_unless_there
from bot.store.tables import settings
from bot.store.transactions import reading, writing


class SqlSettings:
    """Key and value in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, key: str, default: str = "") -> str:
        """The stored value, or `default`."""
        query = select(settings.c.value).where(settings.c.key == key)
        with reading(self._engine) as connection:
            value = connection.execute(query).scalar_one_or_none()
        return default if value is None else str(value)

    def set(self, key: str, value: str) -> None:
        """Store a value instead of an earlier one."""
        values = {"value": value, "changed_at": utc_now()}
        with writing(self._engine) as connection:
            if not insert_unless_there(connection, settings, {"key": key, **values}):
                connection.execute(update(settings).where(settings.c.key == key).values(**values))

    def set_once(self, key: str, value: str) -> str:
        """Store a value unless there is one; the value in force, whoever was first."""
        with writing(self._engine) as connection:
            insert_unless_there(
                connection, settings, {"key": key, "value": value, "changed_at": utc_now()}
            )
            query = select(settings.c.value).where(settings.c.key == key)
            return str(connection.execute(query).scalar_one())

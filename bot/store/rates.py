"""What server processes tell each other about who asks how often: one number per bucket.

Covered: adding what this process let through to what all others did, in one short transaction, and
reading the sum. Not covered: who may ask how often, when this is done (`bot.channels.limits`,
`bot.channels.sharing`). Names are hashes: no customer and no address can be read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import Double, Engine, bindparam, case, delete
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.access_tables import shared_rates
from bot.store.transactions import writing

FORGET_AFTER_S: Final = 60.0
"""A bucket that has been empty for so long is forgotten; clocks of hosts may differ by less."""


class SqlRates:
    """Buckets in SQL; safe to use from many threads, processes and hosts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def exchange(self, spent_s: Mapping[str, float], now: float) -> dict[str, float]:
        """Add what was let through, and hear how it stands with what others let through.

        Args:
            spent_s: by bucket, the seconds until it is as empty again as before.
            now: Unix time.

        Returns:
            By bucket, the Unix time at which it will be empty: GCRA's theoretical arrival time.

        Raises:
            StoreError: the database failed; nothing was added.
        """
        # In one order for everybody: two processes that add to the same buckets do not deadlock.
        named = sorted((_hashed(name), name) for name in spent_s)
        found = {}
        with writing(self._engine, durable=False) as connection:
            statement = _addition(connection.dialect.name)
            for hashed, name in named:
                values = {"hashed": hashed, "now": now, "spent": spent_s[name]}
                found[name] = float(connection.execute(statement, values).scalar_one())
            connection.execute(
                delete(shared_rates).where(shared_rates.c.due < now - FORGET_AFTER_S)
            )
        return found


@cache
def _addition(dialect: str) -> Any:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    due = shared_rates.c.due
    now, spent = bindparam("now", type_=Double), bindparam("spent", type_=Double)
    statement = insert(shared_rates).values(name=bindparam("hashed"), due=now + spent)
    later = case((due > now, due), else_=now) + spent
    return statement.on_conflict_do_update(index_elements=["name"], set_={"due": later}).returning(
        due
    )


def _hashed(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()

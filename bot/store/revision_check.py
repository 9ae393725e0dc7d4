"""Whether the tables are those of this program: told in one sentence before a query fails over them.

Covered: older tables, newer ones, none at all. Not covered: bringing them up to date
(`bot.store.engine.migrate`, which every start and every command that opens the shop does by itself).
"""

from __future__ import annotations

from sqlalchemy import Engine

from bot.errors import StoreError
from bot.store.engine import known_revisions, revision_of


def refuse_other_tables(engine: Engine) -> None:
    """Check the version of the tables; changes nothing.

    Raises:
        StoreError: they are older than this program's, newer, or not there; or the database failed.
    """
    found, known = revision_of(engine), known_revisions()
    wanted = known[0]
    if found == wanted:
        return
    if found is not None and found not in known:
        raise StoreError(
            f"the database was made by a newer shopkeeper: its tables are at revision {found},"
            f" this program knows up to {wanted}",
            fix="upgrade shopkeeper, or restore the backup from before the newer one ran",
        )
    at = f"at revision {found}" if found else "not there yet"
    raise StoreError(
        f"the database's tables are {at}, this program needs revision {wanted}",
        fix="shopkeeper db upgrade",
    )

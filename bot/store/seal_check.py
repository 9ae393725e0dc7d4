"""Which keys a database was sealed with: a lost or wrong key is told before anything is written.

Covered: one witness in the settings for each key that ever sealed something here and may still be
needed. Not covered: the keys themselves, which are never stored.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, and_, delete, inspect, select

from bot.errors import StoreError
from bot.store.columns import utc_now
from bot.store.sealing import Keyring, keyring_of
from bot.store.tables import settings
from bot.store.transactions import reading, writing

WITNESS = "encryption.witness."
_WORDS = "sealed by shopkeeper"
_IS_WITNESS = and_(settings.c.key >= WITNESS, settings.c.key < WITNESS + "~")
"""As a range, which an index answers: other rows need not be read in order to open a database."""


def refuse_wrong_keys(engine: Engine) -> None:
    """Check every witness.

    Raises:
        StoreError: the database is sealed and no key is given, or one of the keys is missing.
    """
    ring = keyring_of(engine.dialect)
    with reading(engine) as connection:
        if not inspect(connection).has_table(settings.name):
            return
        stored = _witnesses(connection)
    if stored and ring is None:
        raise StoreError(
            "the texts in this database are encrypted, and no key is given; nothing was changed",
            fix="set SHOPKEEPER_ENCRYPTION_KEY to the key of this shop",
        )
    if ring is None:
        return
    strangers = sum(not _opens(ring, witness) for witness in stored.values())
    if strangers:
        raise StoreError(
            f"SHOPKEEPER_ENCRYPTION_KEY lacks {strangers} of the {len(stored)} keys that texts in"
            " this database were encrypted with; nothing was changed",
            fix="set it to the key of this shop; during a rotation: the new key, a space, the old",
        )


def leave_witness(engine: Engine) -> None:
    """Note that the newest key seals from now on; nothing to do when that is known."""
    ring = keyring_of(engine.dialect)
    if ring is None:
        return
    with reading(engine) as connection:
        if any(ring.is_newest(witness) for witness in _witnesses(connection).values()):
            return
    with writing(engine) as connection:
        _write(connection, ring)


def only_newest_witness(connection: Connection, ring: Keyring | None) -> None:
    """Everything is sealed with the newest key now, or, without keyring, nothing is any more."""
    connection.execute(delete(settings).where(_IS_WITNESS))
    if ring is not None:
        _write(connection, ring)


def _write(connection: Connection, ring: Keyring) -> None:
    name = f"{WITNESS}{ring.blind(_WORDS)[0]}"
    connection.execute(delete(settings).where(settings.c.key == name))
    connection.execute(
        settings.insert().values(key=name, value=ring.seal(_WORDS), changed_at=utc_now())
    )


def _witnesses(connection: Connection) -> dict[str, str]:
    query = select(settings.c.key, settings.c.value).where(_IS_WITNESS)
    return {row.key: row.value for row in connection.execute(query)}


def _opens(ring: Keyring, witness: str) -> bool:
    try:
        return ring.unseal(witness) == _WORDS
    except StoreError:
        return False

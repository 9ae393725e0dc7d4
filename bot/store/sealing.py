"""Texts encrypted at rest: what customers wrote is unreadable without the shop's key.

Covered: the column type `Sealed` (Fernet: AES-128-CBC and HMAC-SHA256, from `cryptography`), several
keys during a rotation, plain rows that stay readable beside sealed ones. Not covered: which key
belongs to a database (`bot.store.seal_check`), sealing rows that are there (`bot.store.resealing`),
identifiers, times and counts, which the database must compare and which stay readable.

A sealed value begins with `enc1:`. A plain text that begins like one is stored behind `enc0:`, so
that no customer can write what cannot be read back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Engine, Text
from sqlalchemy.types import TypeDecorator

from bot.errors import ConfigError, StoreError
from bot.store.columns import clean_text

SEALED = "enc1:"
PLAIN = "enc0:"
_TOKEN = re.compile(r"enc1:gAAAA[A-Za-z0-9_=-]+")
"""A Fernet token begins with its version and four bytes of time, which stay zero until 2106."""


class Keyring:
    """The shop's keys. The first one seals; each of them opens.

    Args:
        keys: 32 bytes each in URL-safe base64, as `shopkeeper privacy key` makes them.

    Raises:
        ConfigError: there is no key, or one is not such a key (it is not repeated in the message).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigError("there is no encryption key", fix="shopkeeper privacy key")
        fernets = []
        for number, key in enumerate(keys, 1):
            try:
                fernets.append(Fernet(key))
            except ValueError as error:
                raise ConfigError(
                    f"key {number} of {len(keys)} in SHOPKEEPER_ENCRYPTION_KEY is not a key:"
                    f" it has {len(key)} characters, a key has 44",
                    fix="make one with `shopkeeper privacy key`; keep several apart with a space",
                ) from error
        self._newest = fernets[0]
        self._all = MultiFernet(fernets)
        self._search = [hmac.digest(key.encode(), b"shopkeeper search", "sha256") for key in keys]

    @staticmethod
    def new_key() -> str:
        """A fresh key, 44 characters."""
        return Fernet.generate_key().decode()

    def seal(self, text: str) -> str:
        """`text` as it is stored. An empty text stays empty."""
        return SEALED + self._newest.encrypt(text.encode()).decode() if text else ""

    def unseal(self, stored: str) -> str:
        """What was sealed.

        Raises:
            StoreError: none of the keys opens it, or it is damaged.
        """
        try:
            return self._all.decrypt(stored.removeprefix(SEALED)).decode()
        except InvalidToken as error:
            raise StoreError(
                "a stored text is damaged, or was encrypted with a key that is not among those given",
                fix="add the earlier key to SHOPKEEPER_ENCRYPTION_KEY, after the new one and a space",
            ) from error

    def is_newest(self, stored: str) -> bool:
        """Whether the first key sealed it."""
        try:
            self._newest.decrypt(stored.removeprefix(SEALED))
        except InvalidToken:
            return False
        return True

    def blind(self, word: str) -> list[str]:
        """`word` for the search index, one form for each key, newest first. Nobody can turn it back.

        Nine bytes of HMAC-SHA256: two words of a shop share one with a chance below one in 10^12.
        """
        return [hmac.digest(key, word.encode(), hashlib.sha256)[:9].hex() for key in self._search]


_rings: WeakKeyDictionary[Dialect, Keyring] = WeakKeyDictionary()


def use_keyring(engine: Engine, ring: Keyring | None) -> None:
    """From now on `engine` seals with this keyring; None: it stores plain texts."""
    if ring is None:
        _rings.pop(engine.dialect, None)
    else:
        _rings[engine.dialect] = ring


def keyring_of(dialect: Dialect) -> Keyring | None:
    """The keyring in use, if any."""
    return _rings.get(dialect)


def is_sealed(stored: str) -> bool:
    """Whether a stored value is sealed."""
    return _TOKEN.fullmatch(stored) is not None


def to_stored(text: str, ring: Keyring | None) -> str:
    """`text` as a column holds it."""
    if ring is not None:
        return ring.seal(text)
    return PLAIN + text if text.startswith((SEALED, PLAIN)) else text


def from_stored(stored: str, ring: Keyring | None) -> str:
    """The text in a column.

    Raises:
        StoreError: it is sealed, and no key is given or none fits.
    """
    if is_sealed(stored):
        if ring is None:
            raise StoreError(
                "a stored text is encrypted and no key is given",
                fix="set SHOPKEEPER_ENCRYPTION_KEY to the key it was encrypted with",
            )
        return ring.unseal(stored)
    return stored.removeprefix(PLAIN)


class Sealed(TypeDecorator[str]):
    """Text of customers: sealed when the engine has a keyring. SQL cannot compare or search it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean and seal what is written."""
        return None if value is None else to_stored(clean_text(value), keyring_of(dialect))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Open what is read."""
        return None if value is None else from_stored(value, keyring_of(dialect))

"""Column types that behave alike on SQLite and PostgreSQL, and the text cleaning behind them.

Covered: text that both databases accept, bounded keys, UTC timestamps, text folded for search.
Not covered: JSON (`bot.store.codec` writes it as text, so that every byte survives).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

MAX_KEY_CHARS = 200
"""A longer key is cut and marked with its hash: PostgreSQL cannot index more than 2,700 bytes."""

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A growing row number; SQLite counts up only columns that are spelled INTEGER."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """`text` without NUL (PostgreSQL refuses it), lone surrogates replaced by U+FFFD."""
    if _UNSTORABLE.search(text) is None:
        return text
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)


def clean_key(key: str) -> str:
    """`key` as it is stored: cleaned, and when too long for an index, cut and made unique."""
    key = clean_text(key)
    if len(key) <= MAX_KEY_CHARS:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: MAX_KEY_CHARS - len(digest) - 1]}~{digest}"


def fold(text: str) -> str:
    """`text` as it is searched: full-width forms narrowed, upper and lower case made one."""
    return unicodedata.normalize("NFKC", clean_text(text)).casefold()


def as_utc(moment: datetime) -> datetime:
    """`moment` in UTC; one without a timezone is taken for UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utc_now() -> datetime:
    """The time, timezone-aware."""
    return datetime.now(UTC)


class CleanText(TypeDecorator[str]):
    """Text of any length and script; what no database stores is removed on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Clean what is written or compared with."""
        return None if value is None else clean_text(value)


class Key(TypeDecorator[str]):
    """An identifier somebody else chose: any text, compared and sorted by code point."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """On PostgreSQL the `C` collation, so that both databases sort alike."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(Text(collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Bound what is written or compared with."""
        return None if value is None else clean_key(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC to the microsecond, timezone-aware in Python."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """`timestamptz` on PostgreSQL, sortable text on SQLite."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without timezone: guessing one would shift it silently."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no timezone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Hand out UTC."""
        return None if value is None else as_utc(value)

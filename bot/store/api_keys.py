"""Keys for programs that use the API.

Covered: making, checking, listing, revoking; scopes and an optional end. The whole key is shown
once; the database keeps its id and the hash of its secret. Not covered: which route wants which
scope (`bot.channels.api_access`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Engine, Row, insert, or_, select, update

from bot.errors import InputError
from bot.store.access_tables import api_keys
from bot.store.columns import MAX_KEY_CHARS, clean_text, utc_now
from bot.store.tokens import hashed, new_secret, same
from bot.store.transactions import reading, writing

PREFIX: Final = "shk_"
_KEY: Final = re.compile(rf"{PREFIX}([0-9a-z]{{12}})_([A-Za-z0-9_-]{{43}})")
_SEEN_EVERY: Final = timedelta(minutes=1)


class Scope(StrEnum):
    """What a key may do."""

    MESSAGES = "messages"
    """Ask questions and vote on answers."""
    METRICS = "metrics"
    """Read `/metrics`."""
    PRIVACY = "privacy"
    """Export and erase a customer's data."""
    KNOWLEDGE = "knowledge"
    """Read and change the shop's knowledge."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def works_at(self, now: datetime) -> bool:
        """Whether it is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class SqlApiKeys:
    """Keys in SQL. `clock` gives the time, timezone-aware."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def create(
        self, name: str, scopes: Iterable[str], valid_for: timedelta | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its whole text, which cannot be had again.

        Raises:
            InputError: the name is empty or too long, there is no such scope or none at all, or
                the time is not in the future.
        """
        name = clean_text(name).strip()
        if not name or len(name) > MAX_KEY_CHARS or not name.isprintable():
            raise InputError(
                f"{name[:40]!r} cannot be a key's name", fix=f"use 1 to {MAX_KEY_CHARS} characters"
            )
        if valid_for is not None and valid_for <= timedelta(0):
            raise InputError(f"a key cannot be valid for {valid_for}", fix="use 1 day or more")
        now = self._clock()
        key = ApiKey(
            key_id="".join(
                secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in "x" * 12
            ),
            name=name,
            scopes=_scopes(scopes),
            created_at=now,
            expires_at=None if valid_for is None else now + valid_for,
        )
        secret = new_secret()
        with writing(self._engine) as connection:
            connection.execute(
                insert(api_keys).values(
                    key_id=key.key_id,
                    name=key.name,
                    secret_hash=hashed(secret),
                    scopes=" ".join(sorted(key.scopes)),
                    created_at=now,
                    expires_at=key.expires_at,
                )
            )
        return key, f"{PREFIX}{key.key_id}_{secret}"

    def verify(self, presented: str) -> ApiKey | None:
        """The key, if it is one of ours and works now."""
        found = _KEY.fullmatch(presented)
        if found is None:
            return None
        with reading(self._engine) as connection:
            row = connection.execute(
                select(api_keys).where(api_keys.c.key_id == found[1])
            ).one_or_none()
        now = self._clock()
        # An unknown id is compared too, so that it is not told apart by the time it takes.
        right = same(found[2], "" if row is None else row.secret_hash)
        key = None if row is None else _key(row)
        if not right or key is None or not key.works_at(now):
            return None
        self._seen(key, now)
        return key

    def list(self) -> tuple[ApiKey, ...]:
        """All keys, the newest first, revoked ones too."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at.desc()))
            return tuple(map(_key, rows))

    def revoke(self, key_id: str) -> None:
        """A key never works again.

        Raises:
            InputError: there is no key of this id.
        """
        with writing(self._engine) as connection:
            now = self._clock()
            known = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
            if known is None:
                raise InputError(f"there is no key {key_id!r}", fix="see `shopkeeper keys list`")
            connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )

    def _seen(self, key: ApiKey, now: datetime) -> None:
        """Remember the use, to the minute: not every request is a write."""
        if key.last_used_at is not None and now - key.last_used_at < _SEEN_EVERY:
            return
        unseen = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < now - _SEEN_EVERY)
        with writing(self._engine) as connection:
            connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key.key_id, unseen)
                .values(last_used_at=now)
            )


def _scopes(wanted: Iterable[str]) -> frozenset[Scope]:
    known = {scope.value for scope in Scope}
    asked = {part for scope in wanted for part in scope.replace(",", " ").split()}
    strange = sorted(asked - known)
    if strange or not asked:
        told = f"there is no scope {strange[0]!r}" if strange else "a key needs a scope"
        raise InputError(told, fix=f"use some of {', '.join(sorted(known))}")
    return frozenset(Scope(scope) for scope in asked)


def _key(row: Row[Any]) -> ApiKey:
    known = {scope.value for scope in Scope}
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split() if scope in known),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )

"""The people who sign in to the console.

Covered: names, argon2 password hashes, roles. Not covered: sessions (the console signs cookies).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, select, update

from bot.errors import InputError
from bot.store.columns import MAX_KEY_CHARS, clean_text, utc_now
from bot.store.rows import insert_unless_there
from bot.store.tables import agents
from bot.store.transactions import reading, writing

Role = Literal["agent", "admin"]
MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who may sign in, unless `disabled`."""

    name: str
    role: Role
    created_at: datetime
    disabled: bool


class SqlAgents:
    """Agents in SQL. `hasher` is there for tests, which need not be slow."""

    def __init__(self, engine: Engine, hasher: PasswordHasher | None = None) -> None:
        self._engine = engine
        self._hasher = hasher or PasswordHasher()

    def create(self, name: str, password: str, role: Role = "agent") -> Agent:
        """Add a person.

        Raises:
            InputError: the name is empty, too long or taken, the password too short or too long,
                or the role unknown.
        """
        name = _clean_name(name)
        if role not in ("agent", "admin"):
            raise InputError(f"there is no role {role!r}", fix="use agent or admin")
        now = utc_now()
        values = {
            "name": name,
            "password_hash": self._hash(password),
            "role": role,
            "created_at": now,
        }
        with writing(self._engine) as connection:
            if not insert_unless_there(connection, agents, values):
                raise InputError(f"the name {name!r} is taken", fix="choose another one")
        return Agent(name, role, now, disabled=False)

    def verify(self, name: str, password: str) -> Agent | None:
        """The person, if name and password are right and the person is not disabled.

        It takes equally long whether the name exists or not.
        """
        name = unicodedata.normalize("NFC", clean_text(name)).strip()
        with reading(self._engine) as connection:
            row = connection.execute(select(agents).where(agents.c.name == name)).one_or_none()
        stored = self._nobody if row is None else row.password_hash
        password = _normal(password[:MAX_PASSWORD_CHARS])
        try:
            self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return None
        if row is None or row.disabled_at is not None:
            return None
        if self._hasher.check_needs_rehash(stored):
            self._store(name, password_hash=self._hasher.hash(password))
        return Agent(row.name, row.role, row.created_at, disabled=False)

    def list(self) -> tuple[Agent, ...]:
        """Everybody, by name."""
        query = select(agents).order_by(agents.c.name)
        with reading(self._engine) as connection:
            return tuple(
                Agent(row.name, row.role, row.created_at, row.disabled_at is not None)
                for row in connection.execute(query)
            )

    def get(self, name: str) -> Agent | None:
        """The person of this name, disabled or not."""
        return next((agent for agent in self.list() if agent.name == name), None)

    def disable(self, name: str) -> None:
        """Keep a person out. Sessions end when the console next asks.

        Raises:
            InputError: there is nobody of this name.
        """
        self._store(name, disabled_at=utc_now())

    def enable(self, name: str) -> None:
        """Let a person in again.

        Raises:
            InputError: there is nobody of this name.
        """
        self._store(name, disabled_at=None)

    def set_password(self, name: str, password: str) -> None:
        """Give a new password.

        Raises:
            InputError: there is nobody of this name, or the password is too short or too long.
        """
        self._store(name, password_hash=self._hash(password))

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("no one has this password")

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
            raise InputError(
                f"the password has {len(password)} characters",
                fix=f"use {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS}",
            )
        return self._hasher.hash(_normal(password))

    def _store(self, name: str, **values: object) -> None:
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(agents).where(agents.c.name == name).values(**values)
            )
            if changed.rowcount == 0:
                raise InputError(f"there is no agent {name!r}", fix="see `shopkeeper agents list`")


def _normal(password: str) -> str:
    # Keyboards differ in how they compose accents; the person typed the same.
    return unicodedata.normalize("NFC", clean_text(password))


def _clean_name(name: str) -> str:
    name = unicodedata.normalize("NFC", clean_text(name)).strip()
    if not name or len(name) > MAX_KEY_CHARS or not name.isprintable():
        raise InputError(
            f"{name[:40]!r} cannot be a name", fix=f"use 1 to {MAX_KEY_CHARS} visible characters"
        )
    return name

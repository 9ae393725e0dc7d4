"""The people who sign in to the console.

Covered: names, argon2 password hashes, roles; a new password and a closed account end the
person's sessions; somebody is always left who may manage the others. Not covered: beginning
sessions (`bot.store.sessions`), what a role may do (`bot.console.roles`).
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from bot.errors import InputError, ShopkeeperError
from bot.store.access_tables import console_sessions
from bot.store.columns import MAX_KEY_CHARS, clean_text, utc_now
from bot.store.rows import insert_unless_there
from bot.store.tables import agents
from bot.store.transactions import reading, writing

Role = Literal["agent", "admin"]
MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1000
HASHES_AT_ONCE: Final = 2
"""Each takes 64 MiB of memory: a flood of sign-ins must not take all of it."""

HASH_WAIT_S: Final = 3.0


class SignInBusyError(ShopkeeperError):
    """Too many passwords are being checked at this moment."""


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
        self._hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)

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

        Raises:
            SignInBusyError: too many passwords are being checked at this moment.
        """
        name = unicodedata.normalize("NFC", clean_text(name)).strip()
        with reading(self._engine) as connection:
            row = connection.execute(select(agents).where(agents.c.name == name)).one_or_none()
        stored = self._nobody if row is None else row.password_hash
        password = _normal(password[:MAX_PASSWORD_CHARS])
        try:
            with self._turn_to_hash():
                self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return None
        if row is None or row.disabled_at is not None:
            return None
        if self._hasher.check_needs_rehash(stored):
            with writing(self._engine) as connection:
                _change(connection, name, password_hash=self._hasher.hash(password))
        return _agent(row)

    def list(self) -> tuple[Agent, ...]:
        """Everybody, by name."""
        query = select(agents).order_by(agents.c.name)
        with reading(self._engine) as connection:
            return tuple(map(_agent, connection.execute(query)))

    def get(self, name: str) -> Agent | None:
        """The person of this name, disabled or not."""
        with reading(self._engine) as connection:
            row = connection.execute(select(agents).where(agents.c.name == name)).one_or_none()
        return None if row is None else _agent(row)

    def disable(self, name: str) -> None:
        """Keep a person out; whoever is signed in under this name is out at once.

        Raises:
            InputError: there is nobody of this name, or nobody would be left to manage the others.
        """
        with writing(self._engine) as connection:
            _change(connection, name, disabled_at=utc_now())
            _keep_an_admin(connection, name)
            _end_sessions(connection, name)

    def enable(self, name: str) -> None:
        """Let a person in again.

        Raises:
            InputError: there is nobody of this name.
        """
        with writing(self._engine) as connection:
            _change(connection, name, disabled_at=None)

    def set_role(self, name: str, role: str) -> None:
        """Give a person another role, from their next click on.

        Raises:
            InputError: there is nobody of this name, no such role, or nobody would be left to
                manage the others.
        """
        if role not in ("agent", "admin"):
            raise InputError(f"there is no role {role!r}", fix="use agent or admin")
        with writing(self._engine) as connection:
            _change(connection, name, role=role)
            _keep_an_admin(connection, name)

    def set_password(self, name: str, password: str) -> None:
        """Give a new password and end the sessions that the old one began.

        Raises:
            InputError: there is nobody of this name, or the password is too short or too long.
        """
        hashed = self._hash(password)
        with writing(self._engine) as connection:
            _change(connection, name, password_hash=hashed)
            _end_sessions(connection, name)

    @contextmanager
    def _turn_to_hash(self) -> Iterator[None]:
        if not self._hashing.acquire(timeout=HASH_WAIT_S):
            raise SignInBusyError("too many sign-ins at the same time")
        try:
            yield
        finally:
            self._hashing.release()

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


def _agent(row: Row[Any]) -> Agent:
    return Agent(row.name, row.role, row.created_at, row.disabled_at is not None)


def _change(connection: Connection, name: str, **values: object) -> None:
    changed = connection.execute(update(agents).where(agents.c.name == name).values(**values))
    if changed.rowcount == 0:
        raise InputError(f"there is no agent {name!r}", fix="see `shopkeeper agents list`")


def _keep_an_admin(connection: Connection, name: str) -> None:
    """Refuse a change after which people are left and none of them is an admin."""
    active = select(func.count()).select_from(agents).where(agents.c.disabled_at.is_(None))
    if not connection.execute(active).scalar_one():
        return
    if not connection.execute(active.where(agents.c.role == "admin")).scalar_one():
        raise InputError(f"{name!r} is the last admin", fix="make somebody else admin before")


def _end_sessions(connection: Connection, name: str) -> None:
    connection.execute(delete(console_sessions).where(console_sessions.c.agent == name))


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

"""Who is told of events, and with which secrets they are signed.

Covered: adding, rotating secrets, disabling. Not covered: what is sent (`bot.store.events`), how
(`bot.channels.webhooks.events`). Signing needs the secrets themselves, not hashes: they are sealed
with the shop's key when it has one. Those that were stored plain stay readable, and are sealed when
they are next written, or by `shopkeeper privacy encrypt`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, select, update

from bot.errors import InputError
from bot.store.columns import utc_now
from bot.store.link_tables import subscribers
from bot.store.rows import insert_unless_there
from bot.store.transactions import reading, writing

SETTINGS_NAME = "settings"
"""The subscriber that SHOPKEEPER_EVENTS_URL names."""

MAX_SECRETS = 3
_ENABLED: Final = (
    select(subscribers.c.name, subscribers.c.kinds)
    .where(subscribers.c.disabled_because == "")
    .order_by(subscribers.c.name)
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One receiver of events.

    Attributes:
        name: chosen by the operator.
        url: where events are posted.
        secrets: newest first; each of them signs.
        kinds: of the events it wants; all when empty.
        disabled_because: why nothing is sent any more; empty while it is.
    """

    name: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    kinds: tuple[str, ...] = ()
    disabled_because: str = ""

    def wants(self, kind: str) -> bool:
        """Whether it is told of events of this kind."""
        return not self.disabled_because and (not self.kinds or kind in self.kinds)


class SqlSubscribers:
    """Subscribers in SQL."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def list(self) -> tuple[Subscriber, ...]:
        """All of them, by name."""
        with reading(self._engine) as connection:
            return all_subscribers(connection)

    def get(self, name: str) -> Subscriber | None:
        """One of them; None if there is none of this name."""
        with reading(self._engine) as connection:
            return _get(connection, name)

    def add(self, name: str, url: str, secrets: Sequence[str], kinds: Sequence[str] = ()) -> None:
        """Add a subscriber; address and secrets have been checked.

        Raises:
            InputError: the name is taken.
        """
        with writing(self._engine) as connection:
            if not insert_unless_there(
                connection, subscribers, self._row(name, url, secrets, kinds)
            ):
                raise InputError(
                    f"there is a subscriber {name!r} already",
                    fix=f"choose another name, or run `shopkeeper events remove {name}` first",
                )

    def declare(self, name: str, url: str, secrets: Sequence[str]) -> None:
        """Make it so: another address enables it again, an empty one removes it."""
        row = self._row(name, url, secrets, ())
        with writing(self._engine) as connection:
            if not url:
                connection.execute(delete(subscribers).where(subscribers.c.name == name))
            elif not insert_unless_there(connection, subscribers, row):
                known = _get(connection, name)
                changes: dict[str, Any] = {"url": url, "secrets": row["secrets"]}
                if known is None or known.url != url:
                    changes |= {"disabled_at": None, "disabled_because": ""}
                _change(connection, name, **changes)

    def remove(self, name: str) -> None:
        """Remove a subscriber; what was not sent to it yet is dropped.

        Raises:
            InputError: there is none of this name.
        """
        with writing(self._engine) as connection:
            _known(connection, name)
            connection.execute(delete(subscribers).where(subscribers.c.name == name))

    def rotate(self, name: str, secret: str) -> None:
        """Sign with a new secret and, until the next rotations, with the ones before it.

        Raises:
            InputError: there is none of this name.
        """
        with writing(self._engine) as connection:
            known = _known(connection, name)
            kept = (secret, *(old for old in known.secrets if old != secret))[:MAX_SECRETS]
            _change(connection, name, secrets=" ".join(kept))

    def retire(self, name: str) -> int:
        """Sign with the newest secret alone; how many were given up.

        Raises:
            InputError: there is none of this name.
        """
        with writing(self._engine) as connection:
            known = _known(connection, name)
            _change(connection, name, secrets=known.secrets[0])
            return len(known.secrets) - 1

    def disable(self, name: str, because: str) -> None:
        """Send nothing more to it."""
        with writing(self._engine) as connection:
            _change(connection, name, disabled_at=self._clock(), disabled_because=because)

    def enable(self, name: str) -> None:
        """Send to it again, from now on.

        Raises:
            InputError: there is none of this name.
        """
        with writing(self._engine) as connection:
            _known(connection, name)
            _change(connection, name, disabled_at=None, disabled_because="")

    def _row(
        self, name: str, url: str, secrets: Sequence[str], kinds: Sequence[str]
    ) -> dict[str, Any]:
        return {
            "name": name,
            "url": url,
            "secrets": " ".join(secrets),
            "kinds": " ".join(kinds),
            "created_at": self._clock(),
        }


def all_subscribers(connection: Connection) -> tuple[Subscriber, ...]:
    """All of them, by name, as part of a transaction."""
    rows = connection.execute(select(subscribers).order_by(subscribers.c.name))
    return tuple(map(_of_row, rows))


def names_that_want(connection: Connection, kind: str) -> list[str]:
    """Who is told of events of this kind, by name. No secret is opened: every turn asks."""
    rows = connection.execute(_ENABLED)
    return [row.name for row in rows if not row.kinds or kind in row.kinds.split()]


def _get(connection: Connection, name: str) -> Subscriber | None:
    row = connection.execute(select(subscribers).where(subscribers.c.name == name)).one_or_none()
    return None if row is None else _of_row(row)


def _known(connection: Connection, name: str) -> Subscriber:
    known = _get(connection, name)
    if known is None:
        raise InputError(
            f"there is no subscriber {name!r}", fix="`shopkeeper events subscribers` lists them"
        )
    return known


def _change(connection: Connection, name: str, **values: object) -> None:
    connection.execute(update(subscribers).where(subscribers.c.name == name).values(**values))


def _of_row(row: Row[Any]) -> Subscriber:
    return Subscriber(
        row.name,
        row.url,
        tuple(row.secrets.split()),
        tuple(row.kinds.split()),
        row.disabled_because,
    )

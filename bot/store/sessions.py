"""Who is signed in to the console: sessions that the server can end.

Covered: beginning, ending one or all of a person, expiry. The cookie carries a random token, the
database its hash: neither a stolen backup nor a copied cookie of a signed-out browser opens
anything. Not covered: the cookie itself (`bot.console.auth`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from bot.store.access_tables import console_sessions
from bot.store.agents import Agent
from bot.store.columns import utc_now
from bot.store.tables import agents
from bot.store.tokens import hashed, new_secret
from bot.store.transactions import reading, writing

SESSION = timedelta(hours=12)
"""A shift and its overtime; then one signs in again."""


class SqlSessions:
    """Sessions in SQL. `clock` gives the time, timezone-aware."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def begin(self, name: str) -> str:
        """A new session of this person; its token is not kept here and cannot be had again."""
        token, now = new_secret(), self._clock()
        values = {
            "token_hash": hashed(token),
            "agent": name,
            "created_at": now,
            "expires_at": now + SESSION,
        }
        with writing(self._engine) as connection:
            connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
            connection.execute(insert(console_sessions).values(**values))
        return token

    def agent(self, token: str) -> Agent | None:
        """Who is behind the token; None if it ended, expired, or the person is disabled."""
        query = (
            select(agents)
            .join(console_sessions, console_sessions.c.agent == agents.c.name)
            .where(
                console_sessions.c.token_hash == hashed(token),
                console_sessions.c.expires_at > self._clock(),
                agents.c.disabled_at.is_(None),
            )
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Agent(row.name, row.role, row.created_at, disabled=False)

    def end(self, token: str) -> None:
        """End this session."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(console_sessions).where(console_sessions.c.token_hash == hashed(token))
            )

    def end_all(self, name: str) -> int:
        """End every session of a person; how many there were."""
        with writing(self._engine) as connection:
            return connection.execute(
                delete(console_sessions).where(console_sessions.c.agent == name)
            ).rowcount

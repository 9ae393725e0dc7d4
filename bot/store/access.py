"""Everything about who may come in, and what they did, in one piece, as the pages are given it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from bot.store.api_keys import SqlApiKeys
from bot.store.attempts import SqlAttempts
from bot.store.audit import SqlAudit
from bot.store.rates import SqlRates
from bot.store.sessions import SqlSessions


@dataclass(frozen=True, slots=True)
class Access:
    """Keys of programs, sessions of people, attempts of either to get in, what they did, how often
    customers ask."""

    api_keys: SqlApiKeys
    sessions: SqlSessions
    attempts: SqlAttempts
    audit: SqlAudit
    rates: SqlRates

    @classmethod
    def of(cls, engine: Engine) -> Access:
        """All of it in one database."""
        parts = SqlApiKeys(engine), SqlSessions(engine), SqlAttempts(engine), SqlAudit(engine)
        return cls(*parts, SqlRates(engine))

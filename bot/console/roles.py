"""Who may do what in the console.

Covered: rights by role; a test holds that every route behind the sign-in asks for one. Not
covered: which person has which role (`bot.store.agents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.store.agents import Role


class Right(StrEnum):
    """One thing a signed-in person may be allowed to do."""

    READ = "read"
    """See conversations and what was behind an answer."""
    SERVE = "serve"
    """Take conversations over, answer customers, hand back, resolve."""
    TEACH = "teach"
    """Correct answers and change what the shop knows."""
    PEOPLE = "people"
    """Manage the people who sign in."""
    PRIVACY = "privacy"
    """Export or erase a customer's data, read the audit log."""


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    "agent": frozenset({Right.READ, Right.SERVE, Right.TEACH}),
    "admin": frozenset(Right),
}


def may(role: Role, right: Right) -> bool:
    """Whether people of this role may do this. A role nobody knows may nothing."""
    return right in RIGHTS.get(role, frozenset())

"""Variables that begin like a setting and are none: a misspelt one would do nothing, silently."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from bot.config import Settings

PREFIX = "SHOPKEEPER_"
_OF_COMMANDS = frozenset({"SHOPKEEPER_PASSWORD", "SHOPKEEPER_SUBSCRIBER_SECRET"})
"""Read by single commands, which document them."""


def misspelt(environ: Iterable[str]) -> dict[str, str]:
    """Names in the environment that no setting has, each with the nearest one that exists or ""."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    strange = [
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and name not in _OF_COMMANDS
    ]
    return {name: (get_close_matches(name, known, 1) or [""])[0] for name in sorted(strange)}


def told(name: str, guess: str) -> str:
    """One of them in words."""
    return f"{name} is no setting" + (f"; did you mean {guess}?" if guess else "")

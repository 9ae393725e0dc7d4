"""The key that signs the console's sessions.

Covered: the one an operator sets, or one made at the first start and kept in `home`. Not covered:
changing it (delete the file: everybody signs in again).
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from bot.config import Settings
from bot.errors import ConfigError

MIN_CHARS = 32
_FILE = "console.key"


def session_secret(settings: Settings) -> str:
    """The key, made and stored with access for its owner alone if there is none yet.

    Raises:
        ConfigError: the key is too short, or its file cannot be read or written.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        return _checked(given, "SHOPKEEPER_SECRET_KEY")
    path = settings.home / _FILE
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return _checked(path.read_text("ascii").strip(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the console's key {path} cannot be used: {error}",
            fix="make the folder writable, or set SHOPKEEPER_SECRET_KEY",
        ) from error


def _make(path: Path) -> None:
    # Written aside and linked into place: a second process sees no key or a whole one.
    descriptor, aside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        Path(aside).unlink()


def _checked(key: str, where: str) -> str:
    if len(key) < MIN_CHARS:
        raise ConfigError(
            f"the key in {where} has {len(key)} characters, which is too easy to guess",
            fix=f"use at least {MIN_CHARS} random characters, e.g. from `openssl rand -base64 48`",
        )
    return key

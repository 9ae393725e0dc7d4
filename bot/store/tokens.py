"""Random secrets that are handed out once and kept as hashes.

Covered: API keys and session tokens. A fast hash is right here and would be wrong for passwords:
256 random bits cannot be guessed however fast one tries. Not covered: passwords
(`bot.store.agents` uses argon2).
"""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Hex SHA-256, as the database keeps it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(secret: str, kept: str) -> bool:
    """Whether `secret` is the one behind the hash; takes equally long for every wrong one."""
    return secrets.compare_digest(hashed(secret), kept)

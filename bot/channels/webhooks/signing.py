"""Signatures over raw bytes, and the time window of a signed timestamp.

Covered: comparison in constant time, timestamps as Unix seconds. Not covered: where a system puts
its signature (each adapter).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

from bot.channels.webhooks.adapter import Failure, Refused

TOLERANCE_S = 300
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}")


def hmac_sha256_hex(key: str, signed: bytes) -> str:
    """The signature in lower-case hexadecimal digits; the key is its UTF-8 text."""
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def hmac_sha256_base64(key: str, signed: bytes) -> str:
    """The signature in base64, padded; the key is its UTF-8 text."""
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def same(expected: str, given: str) -> bool:
    """Whether two signatures are equal, in a time that does not tell where they differ."""
    # Bytes: with str, compare_digest raises on a character that no signature has.
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def check_time(timestamp: str, now: datetime) -> Refused | None:
    """Whether a signed timestamp lies within five minutes of `now`. Call it after the signature."""
    if _UNIX_SECONDS.fullmatch(timestamp) is None:
        return Refused(Failure.BAD_TIMESTAMP)
    age_s = now.timestamp() - int(timestamp)
    if age_s > TOLERANCE_S:
        return Refused(Failure.TOO_OLD, f"{age_s:.0f} s old")
    if age_s < -TOLERANCE_S:
        return Refused(Failure.IN_THE_FUTURE, f"{-age_s:.0f} s ahead")
    return None

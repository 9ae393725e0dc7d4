"""What Messenger and WhatsApp share: Meta's signature, its challenge, its Graph API.

Covered: `X-Hub-Signature-256` over the bytes as they came, the verification by GET, which of
Graph's errors pass. Not covered: payloads (`messenger`, `whatsapp`), the SHA-1 signature of old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from pydantic_core import from_json

from bot.channels.webhooks.adapter import Failure, NotDeliveredError, Refused
from bot.channels.webhooks.http_failures import failure, retry_after_s, send
from bot.channels.webhooks.signing import hmac_sha256_hex, same
from bot.store.codec import to_json

ACK: Final = "EVENT_RECEIVED"
_PASSING: Final = frozenset({1, 2, 4, 17, 32, 341, 368, 613, 80007, 130429, 131016, 131056, 133004})
"""Codes of Graph for "later": temporary trouble and limits of many kinds, told with status 400."""


@dataclass(frozen=True)
class MetaApp:
    """One app of Meta's.

    Attributes:
        secret: the app secret, which signs.
        verify_token: chosen by the operator, repeated by Meta when the webhook is set up.
        graph_url: with the version, e.g. `https://graph.facebook.com/v23.0`.
    """

    secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    graph_url: str

    def verify(self, headers: Mapping[str, str], body: bytes) -> Refused | None:
        """The signature covers the body; there is no signed time."""
        given = headers.get("x-hub-signature-256", "")
        if not given:
            return Refused(Failure.NO_SIGNATURE)
        fits = same(f"sha256={hmac_sha256_hex(self.secret, body)}", given)
        return None if fits else Refused(Failure.BAD_SIGNATURE)

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The challenge, for whoever knows our token."""
        asked = query.get("hub.mode") == "subscribe"
        known = same(self.verify_token, query.get("hub.verify_token", ""))
        answer = query.get("hub.challenge", "")
        return answer if asked and known and 0 < len(answer) <= 200 and answer.isalnum() else None

    def post(
        self,
        client: httpx.Client,
        path: str,
        token: str,
        message: Mapping[str, object],
        system: str,
    ) -> dict[str, Any]:
        """One call of Graph.

        Raises:
            NotDeliveredError: it was not taken; in doubt when nobody said so.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        url = f"{self.graph_url}/{path}"
        response = send(client, "POST", url, system, headers, to_json(dict(message)).encode())
        told = _object(response.content)
        if response.is_success:
            return told
        error = told.get("error")
        fix = f"set SHOPKEEPER_{system.upper()}_TOKEN to a token that may send messages"
        if not isinstance(error, dict):
            raise failure(response, system, "a message", fix=fix)
        code = error.get("code")
        passing = error.get("is_transient") is True or code in _PASSING
        raise NotDeliveredError(
            f"{system} answered {response.status_code} to a message, error {str(code)[:20]}",
            permanent=not passing and response.status_code < 500 and response.status_code != 429,
            retry_after_s=retry_after_s(response.headers.get("retry-after", "")),
            fix=fix,
        )


def read_object(body: bytes, expected: str) -> list[dict[str, Any]] | Refused:
    """The entries of a verified request about `expected`."""
    try:
        payload = from_json(body)
    except ValueError:
        return Refused(Failure.NOT_JSON)
    if not isinstance(payload, dict):
        return Refused(Failure.UNEXPECTED_SHAPE, "object")
    if payload.get("object") != expected:
        return Refused(Failure.NOT_OURS, "object")
    entries = payload.get("entry")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return Refused(Failure.UNEXPECTED_SHAPE, "entry")
    return entries


def listed(value: object) -> list[Any]:
    """`value` if it is a list."""
    return value if isinstance(value, list) else []


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = from_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

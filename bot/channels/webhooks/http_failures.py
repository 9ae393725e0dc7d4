"""Requests to connected systems, and what each way of failing means.

Covered: no connection, no answer, statuses, `Retry-After`. Not covered: what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from bot.channels.webhooks.adapter import NotDeliveredError
from bot.outgoing import RefusedAddressError

MAX_WAIT_S: Final = 3600.0
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)


def send(
    client: httpx.Client,
    method: str,
    url: str,
    system: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout_s: float | None = None,
) -> httpx.Response:
    """One request, redirects not followed.

    Raises:
        NotDeliveredError: no answer came; `in_doubt` when the request had left.
    """
    try:
        return client.request(
            method,
            url,
            content=body,
            headers=dict(headers),
            timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            follow_redirects=False,
        )
    except _NEVER_SENT as error:
        if isinstance(error.__cause__, RefusedAddressError):
            raise NotDeliveredError(
                f"{system}: {error.__cause__}",
                fix="if that is meant, name the network in SHOPKEEPER_OUTGOING_ALLOW",
            ) from error
        raise NotDeliveredError(f"{system} cannot be reached: {type(error).__name__}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotDeliveredError(
            f"no answer from {system}: {type(error).__name__}", in_doubt=True
        ) from error


def failure(response: httpx.Response, system: str, what: str, *, fix: str) -> NotDeliveredError:
    """What a status other than 2xx means. `fix` is for one that says our settings are wrong."""
    status = response.status_code
    told = f"{system} answered {status} to {what}"
    if status in (408, 425, 429) or status >= 500:
        wait_s = retry_after_s(response.headers.get("retry-after", ""))
        # A proxy's 502 or 504 says nothing about what happened behind it.
        return NotDeliveredError(told, in_doubt=status >= 500, retry_after_s=wait_s)
    if 300 <= status < 400:
        place = urlsplit(response.headers.get("location", "")).netloc
        told = f"{told}, a redirect to {place[:80]!r}"
    return NotDeliveredError(told, permanent=True, fix=fix)


def retry_after_s(value: str) -> float | None:
    """Seconds that a `Retry-After` header asks for, at most an hour; None when it says nothing.

    >>> retry_after_s("120"), retry_after_s("soon"), retry_after_s("9" * 9)
    (120.0, None, 3600.0)
    """
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), MAX_WAIT_S)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), MAX_WAIT_S)

"""Our events to whoever subscribes, as Standard Webhooks 1.0.0.

Covered: signatures with every secret of a rotation, one id over all attempts, a fresh timestamp for
each, 410 disables the subscriber, `Retry-After`, addresses and secrets checked. The schedule is the
queue's (`bot.store.lane.STANDARD_WAITS_S`), where requests may lead is `bot.outgoing`'s. Not
covered: publishing (`bot.store.events`), asymmetric signatures (`v1a`).
"""

from __future__ import annotations

import base64
import binascii
import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from bot.channels.webhooks import adapter
from bot.channels.webhooks.adapter import Delivered, Dropped, NotDeliveredError
from bot.channels.webhooks.http_failures import retry_after_s, send
from bot.errors import InputError
from bot.store.codec import load
from bot.store.events import KINDS, Delivery, Event, SqlEvents
from bot.store.subscribers import SqlSubscribers

TIMEOUT_S: Final = 20.0
_FIX: Final = "a secret is whsec_ and the base64 of 24 to 64 random bytes"


@dataclass(frozen=True)
class EventSender:
    """`bot.channels.webhooks.adapter.Delivers` for the channel of events."""

    events: SqlEvents
    subscribers: SqlSubscribers

    def deliver(self, delivery: adapter.Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one event to one subscriber, who knows a repetition by its `webhook-id`.

        Raises:
            NotDeliveredError: it was not taken; every answer but 2xx and 410 is tried again.
        """
        task = load(Delivery, delivery.outgoing.payload)
        subscriber = self.subscribers.get(task.subscriber)
        event = self.events.get(task.event_id)
        if subscriber is None:
            return Dropped("the subscriber was removed")
        if subscriber.disabled_because:
            return Dropped(f"the subscriber is disabled: {subscriber.disabled_because}")
        if event is None:
            return Dropped("the event was erased")
        body = body_of(event)
        headers = signed_headers(event.event_id, body, subscriber.secrets, datetime.now(UTC))
        about = f"subscriber {subscriber.name}"
        response = send(client, "POST", subscriber.url, about, headers, body.encode(), TIMEOUT_S)
        if response.status_code == 410:
            self.subscribers.disable(subscriber.name, "it answered 410: gone")
            return Dropped("the subscriber is gone (410) and was disabled")
        if not response.is_success:
            wait_s = retry_after_s(response.headers.get("retry-after", ""))
            raise NotDeliveredError(
                f"{about} answered {response.status_code}",
                retry_after_s=wait_s,
                fix=f"look at its log, or `shopkeeper events remove {subscriber.name}`",
            )
        return Delivered(event.event_id)


def body_of(event: Event) -> str:
    """The body of an event: the same bytes on every attempt."""
    at = event.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    stamp = at.replace("+00:00", "Z")
    return f'{{"type":"{event.kind}","timestamp":"{stamp}","data":{event.data}}}'


def signed_headers(
    event_id: str, body: str, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Headers of one attempt; a signature for each secret, the newest first."""
    return {
        "content-type": "application/json",
        "user-agent": "Shopkeeper-Events/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(event_id, now, body) for secret in secrets
        ),
    }


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return "whsec_" + base64.b64encode(randomness.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """`secret`, if it is one.

    Raises:
        InputError: it is none; it is not repeated.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    except (ValueError, binascii.Error):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise InputError("that is no secret of Standard Webhooks", fix=_FIX)
    return secret


def check_url(url: str) -> str:
    """`url`, if events can be posted there.

    Raises:
        InputError: it is no address of the web.
    """
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
    except ValueError:
        fit = False
    if not fit:
        raise InputError(f"{url[:100]!r} is no address", fix="write https://example.com/hooks")
    return url


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """`kinds`, if there are such events.

    Raises:
        InputError: names the one that is not known.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"there is no event {kind!r}", fix=f"choose from {', '.join(KINDS)}")
    return tuple(kinds)

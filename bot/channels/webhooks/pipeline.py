"""One way in for every connected system: from raw bytes to a row in the inbox, then 200.

Covered: which requests are accepted, what is stored, the answer's status, counting, the log. Not
covered: HTTP itself (`router`), working the events (`bot.channels.worker`).

The answer never waits for the generator: all that happens before it is one signature, one parse and
one INSERT per event. Senders repeat a request on 429 and 500 only, so these two are the only ways
of saying "later"; Chatwoot, told 503, would silence the bot. Neither texts, names nor secrets are
logged.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter

from bot.channels.webhooks.adapter import (
    Adapter,
    Challenging,
    ChannelEvent,
    Confirmed,
    Failure,
    Ignored,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.shop_records import kind_header
from bot.errors import StoreError
from bot.store.codec import dump, to_json
from bot.store.queue import SqlQueue
from bot.store.queue_records import Inbound

log = structlog.get_logger(__name__)

MAX_BODY_BYTES: Final = 1024 * 1024

_STATUS: Final[Mapping[Failure, int]] = {
    Failure.NO_SIGNATURE: 401,
    Failure.BAD_SIGNATURE: 401,
    Failure.BAD_TIMESTAMP: 401,
    Failure.TOO_OLD: 401,
    Failure.IN_THE_FUTURE: 401,
    Failure.NOT_JSON: 400,
    Failure.UNEXPECTED_SHAPE: 400,
    Failure.TOO_LARGE: 413,
    Failure.CUT_OFF: 400,
    Failure.UNKNOWN_SYSTEM: 404,
    Failure.WRONG_SENDER: 401,
    Failure.NOT_OURS: 404,
}


@dataclass(frozen=True, slots=True)
class Ack:
    """What the sender is told."""

    status: int
    body: str
    media_type: str = "application/json"
    retry_after_s: int | None = None


class WebhookCounts:
    """How many requests and events came in, by system and by what became of them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "shopkeeper_webhook_requests",
            "Webhook requests by system and outcome.",
            ("system", "outcome"),
            registry=self.registry,
        )
        self._events = Counter(
            "shopkeeper_webhook_events",
            "Events in accepted webhook requests by system and outcome.",
            ("system", "outcome"),
            registry=self.registry,
        )
        self._deliveries = Counter(
            "shopkeeper_deliveries",
            "Attempts to deliver to connected systems by outcome.",
            ("channel", "outcome"),
            registry=self.registry,
        )

    def delivery(self, channel: str, outcome: str) -> None:
        """Count one attempt to deliver."""
        self._deliveries.labels(channel, outcome).inc()

    def request(self, system: str, outcome: str) -> None:
        """Count one request."""
        self._requests.labels(system, outcome).inc()

    def event(self, system: str, outcome: str) -> None:
        """Count one event of an accepted request."""
        self._events.labels(system, outcome).inc()

    def events(self, system: str, outcome: str) -> int:
        """How many events had this outcome."""
        labels = {"system": system, "outcome": outcome}
        return int(self.registry.get_sample_value("shopkeeper_webhook_events_total", labels) or 0)

    def requests(self, system: str, outcome: str) -> int:
        """How many requests had this outcome."""
        labels = {"system": system, "outcome": outcome}
        return int(self.registry.get_sample_value("shopkeeper_webhook_requests_total", labels) or 0)


@dataclass(frozen=True)
class Pipeline:
    """Accepts requests; safe to use from many threads.

    Attributes:
        adapters: the connected systems, by name.
        queue: where events are stored.
        wake: tells the worker that an event is due in so many seconds.
        counts: for metrics.
        quiet_s: a customer's message is not worked before this pause: more may follow.
        max_body_bytes: longer requests are refused unread.
        clock: the time, timezone-aware.
    """

    adapters: Mapping[str, Adapter]
    queue: SqlQueue
    wake: Callable[[float], None] = lambda _after_s: None
    counts: WebhookCounts = field(default_factory=WebhookCounts)
    quiet_s: float = 1.5
    max_body_bytes: int = MAX_BODY_BYTES
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def examine(self, system: str, headers: Mapping[str, str], body: bytes) -> Parsed | Refused:
        """Check and read a request. Some microseconds of work, no waiting, never raises.

        Args:
            system: from the path.
            headers: names in lower case.
            body: the bytes as they came.
        """
        adapter = self.adapters.get(system)
        if adapter is None:
            return Refused(Failure.UNKNOWN_SYSTEM)
        if len(body) > self.max_body_bytes:
            return Refused(Failure.TOO_LARGE, f"{len(body)} bytes")
        return adapter.verify(headers, body, self.clock()) or adapter.parse(body, headers)

    def challenge(self, system: str, query: Mapping[str, str]) -> Ack | None:
        """The answer to a system that asks whether the address is ours; None if it never does."""
        adapter = self.adapters.get(system)
        if not isinstance(adapter, Challenging):
            return None
        answer = adapter.challenge(query)
        self.counts.request(system, "challenge" if answer is not None else "challenge_refused")
        if answer is None:
            log.warning("webhook_challenge_refused", system=system)
            return Ack(403, to_json({"error": "wrong_token"}))
        return Ack(200, answer, "text/plain")

    async def store(self, system: str, parsed: Parsed) -> Ack:
        """Store the events of a request, all in one commit if need be, then acknowledge.

        Waits for the database without blocking the loop. Cancelled, it stores no more than what is
        under way.
        """
        pending = [self._begin(system, item) for item in parsed.items]
        try:
            for item, stored in zip(parsed.items, pending, strict=True):
                new = stored is not None and await stored
                self.counts.event(system, self._tell(system, item, new=new))
        except StoreError as error:
            log.warning("webhook_not_stored", system=system, error=error.message, fix=error.fix)
            return self.later(system, "not_stored", 500)
        finally:
            for stored in pending:
                if stored is not None:
                    stored.cancel()
        self.counts.request(system, "accepted")
        return Ack(200, parsed.ack, parsed.media_type)

    def refuse(self, system: str, refused: Refused, size: int) -> Ack:
        """Tell the sender why; the log learns more."""
        known = system if system in self.adapters else "unknown"
        self.counts.request(known, refused.failure.value)
        log.warning(
            "webhook_refused",
            system=known,
            failure=refused.failure.value,
            detail=refused.detail,
            bytes=size,
        )
        return Ack(_STATUS[refused.failure], to_json({"error": refused.failure.value}))

    def later(self, system: str, why: str, status: int) -> Ack:
        """Ask the sender to repeat the request."""
        self.counts.request(system, why)
        return Ack(status, to_json({"error": why}), retry_after_s=3)

    def _begin(self, system: str, item: Received | Confirmed | Ignored) -> Future[bool] | None:
        if isinstance(item, Ignored):
            return None
        if isinstance(item, Confirmed):
            return self.queue.confirming(item.key, item.external_id)
        event = item.event
        inbound = Inbound(
            source=system,
            dedupe_key=item.dedupe_key,
            conversation_key=event.order_key,
            payload=dump(event),
            headers=kind_header(event),
            received_at=self.clock(),
        )
        return self.queue.receiving(inbound, self._delay_s(event))

    def _tell(self, system: str, item: Received | Confirmed | Ignored, *, new: bool) -> str:
        """Log what became of one event, wake who works it; the outcome as a stable code."""
        if isinstance(item, Ignored):
            log.debug("webhook_ignored", system=system, because=item.because)
            return f"ignored_{item.because}"
        if isinstance(item, Confirmed):
            return "confirmed" if new else "ignored_own_message"
        event = item.event
        if new:
            self.wake(self._delay_s(event))
        outcome = "received" if new else "duplicate"
        log.info(f"webhook_{outcome}", system=system, about=event.order_key, kind=event.kind)
        return outcome

    def _delay_s(self, event: object) -> float:
        waits = isinstance(event, ChannelEvent) and (
            event.kind == "customer_message" and event.may_answer
        )
        return self.quiet_s if waits else 0.0

"""Prometheus metrics: what happened, counted here, and what waits, looked up when somebody asks.

Covered: turns by decision, latencies of stages, the guard's blocks, HTTP requests, refusals, depth
and age of the queue, handoffs that nobody took; webhooks and deliveries by outcome count into the
same registry (`bot.channels.webhooks.pipeline`). No label holds a text, a name or an address of a
customer. Counters are of this process: with several, Prometheus adds them up. Not covered: traces
(`bot.tracing`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Final

import structlog
from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels.api_access import key_for
from bot.channels.parts import AppParts
from bot.errors import StoreError
from bot.store.api_keys import Scope as KeyScope
from bot.store.gauges import Gauges
from bot.store.handovers import HandoverFigures
from bot.types import Turn

log = structlog.get_logger(__name__)

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
_STAGES: Final = ("understand", "mood", "retrieve", "compose", "first_reply", "total")
GAUGES_FRESH_S: Final = 2.0
"""Whoever asks more often gets the last values again: asking must not load the database."""


class Metrics:
    """Counts into `registry`; safe to use from many threads.

    Args:
        registry: where everything is registered.
        gauges: looks at the database.
    """

    def __init__(self, registry: CollectorRegistry, gauges: Callable[[], Gauges]) -> None:
        self.registry = registry
        self._turns = Counter(
            "shopkeeper_turns",
            "Turns by what was decided.",
            ("action", "reason", "channel", "lang"),
            registry=registry,
        )
        self._errors = Counter(
            "shopkeeper_turn_errors", "Turns in which something failed.", registry=registry
        )
        self._stages = Histogram(
            "shopkeeper_stage_seconds",
            "Duration of a turn's stages; first_reply and total count from its beginning.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._blocks = Counter(
            "shopkeeper_guard_blocks",
            "Drafted sentences that were not sent, by what was wrong.",
            ("problem",),
            registry=registry,
        )
        self._requests = Counter(
            "shopkeeper_http_requests",
            "HTTP requests by route and status.",
            ("route", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            "shopkeeper_http_seconds",
            "Time until a response began.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        registry.register(_Waiting(gauges))

    def turn(self, turn: Turn) -> None:
        """Count a turn (`bot.observing.OnTurn`)."""
        decision = turn.decision
        self._turns.labels(
            decision.action.value, decision.reason, turn.message.channel, turn.query.lang
        ).inc()
        if turn.error:
            self._errors.inc()
        for stage in _STAGES:
            if (ms := turn.timings_ms.get(stage)) is not None and ms > 0:
                self._stages.labels(stage).observe(ms / 1000)
        for problem in {problem.code for v in turn.verdicts for problem in v.problems}:
            blocked = sum(problem in {p.code for p in v.problems} for v in turn.verdicts)
            self._blocks.labels(problem).inc(blocked)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)


class _Waiting(Collector):
    """Gauges read from the database when Prometheus asks."""

    def __init__(self, read: Callable[[], Gauges]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._last: Gauges | None = None
        self._at = float("-inf")

    def describe(self) -> list[Metric]:
        """Nothing: asking at registration would ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The state now, or only that it could not be read."""
        found = self._look()
        yield GaugeMetricFamily(
            "shopkeeper_database_readable",
            "Whether the values from the database could be read.",
            value=float(found is not None),
        )
        if found is None:
            return
        rows = GaugeMetricFamily(
            "shopkeeper_queue_rows", "Rows by box and status.", labels=("box", "status")
        )
        age = GaugeMetricFamily(
            "shopkeeper_queue_oldest_seconds", "Age of the oldest unfinished row.", labels=("box",)
        )
        for box, stats in (("inbox", found.queue.inbox), ("outbox", found.queue.outbox)):
            counts = asdict(stats)
            age.add_metric([box], counts.pop("oldest_open_s"))
            for status in ("pending", "working", "dead"):
                rows.add_metric([box, status], counts[status])
        yield rows
        yield age
        for name, told, value in _handovers(found.handovers):
            yield GaugeMetricFamily(f"shopkeeper_{name}", told, value=value)

    def _look(self) -> Gauges | None:
        with self._lock:
            if time.monotonic() - self._at >= GAUGES_FRESH_S:
                try:
                    self._last = self._read()
                except StoreError as error:
                    log.warning("gauges_not_read", error=error.message)
                    self._last = None
                self._at = time.monotonic()
            return self._last


def _handovers(figures: HandoverFigures) -> Iterator[tuple[str, str, float]]:
    """Names, explanations and values of what is known about customers handed over."""
    yield "handoffs_unanswered", "Conversations that wait for a person.", figures.unanswered
    yield "handoffs_unhappy", "Those of them whose customer is unhappy.", figures.unhappy
    yield "handoffs_escalated", "Those of them that waited longer than promised.", figures.escalated
    yield "handoffs_with_agents", "Conversations an agent has taken.", figures.with_agents
    yield "handoff_oldest_seconds", "How long the longest has waited.", figures.oldest_s


class HttpMetrics:
    """ASGI middleware that counts requests by the route that served them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and count it when its response begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = time.perf_counter() - started
                self._metrics.request(_route(scope), message["status"], took)
            await send(message)

        await self.app(scope, receive, counted)


def _route(scope: Scope) -> str:
    """The route's pattern, never the path itself: paths hold ids, and whatever strangers try."""
    path = getattr(scope.get("route"), "path", "")
    if path:
        return f"/console{path}" if "/console" in scope.get("root_path", "") else str(path)
    return "other"


def metrics_router(parts: AppParts, metrics: Metrics) -> APIRouter:
    """`/metrics`, as the settings want it."""
    router = APIRouter()
    guarded = parts.settings.metrics == "key"
    access = [Depends(key_for(parts, KeyScope.METRICS, always=True))] if guarded else []

    @router.get("/metrics", tags=["operations"], summary="Prometheus metrics", dependencies=access)
    def scrape() -> Response:
        """Counters of this process and the state of the database."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router

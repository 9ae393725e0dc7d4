"""OpenTelemetry traces of turns, behind a setting: a turn is a span, its stages are its children.

Covered: spans made from the finished turn, whose timings they carry, so that tracing costs a turn
nothing while it runs; conversation and turn ids, decision, models; no text of a customer. Exported
by OTLP over HTTP as the usual `OTEL_EXPORTER_OTLP_…` variables say, or printed. Nothing of
OpenTelemetry is imported while tracing is off. Not covered: spans inside a stage, traces begun by
whoever calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.config import Settings
from bot.errors import ConfigError
from bot.observing import OnTurn, nobody
from bot.types import Turn

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_STAGES: Final = ("understand", "mood", "retrieve", "compose")
_MISSING: Final = "pip install 'shopkeeper[tracing]', or set SHOPKEEPER_TRACING=off"


@contextmanager
def tracing(settings: Settings, exporter: SpanExporter | None = None) -> Iterator[OnTurn]:
    """A watcher that traces turns while the context is open; the last spans leave at its end.

    Args:
        settings: whether, and where to.
        exporter: another place for the spans.

    Raises:
        ConfigError: tracing is on and its packages are not installed.
    """
    if settings.tracing == "off" and exporter is None:
        yield nobody
        return
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(f"tracing needs {error.name}, which is missing", fix=_MISSING) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "shopkeeper"}))
    provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(settings.tracing)))
    try:
        yield _watcher(provider)
    finally:
        provider.shutdown()


def _exporter(kind: str) -> SpanExporter:
    if kind == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigError(f"tracing needs {error.name}, which is missing", fix=_MISSING) from error
    # Typed here, since the exporter may be absent where the types are checked.
    remote: SpanExporter = OTLPSpanExporter()
    return remote


def _watcher(provider: TracerProvider) -> OnTurn:
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    tracer = provider.get_tracer("shopkeeper")

    def trace(turn: Turn) -> None:
        end = turn.created_at
        at = end - timedelta(milliseconds=turn.timings_ms.get("total", 0.0))
        root = tracer.start_span("turn", start_time=_ns(at), attributes=_attributes(turn))
        if turn.error:
            root.set_status(Status(StatusCode.ERROR, turn.error.partition(":")[0]))
        if first := turn.timings_ms.get("first_reply"):
            root.add_event("first reply", timestamp=_ns(at + timedelta(milliseconds=first)))
        for stage in _STAGES:
            if (took := turn.timings_ms.get(stage)) is not None:
                span = tracer.start_span(
                    stage, context=set_span_in_context(root), start_time=_ns(at)
                )
                at += timedelta(milliseconds=took)
                span.end(end_time=_ns(at))
        root.end(end_time=_ns(end))

    return trace


def _attributes(turn: Turn) -> dict[str, str | float | bool]:
    return {
        "shopkeeper.conversation": turn.conversation_id,
        "shopkeeper.turn": turn.turn_id,
        "shopkeeper.channel": turn.message.channel,
        "shopkeeper.lang": turn.query.lang,
        "shopkeeper.action": turn.decision.action.value,
        "shopkeeper.reason": turn.decision.reason,
        "shopkeeper.answerability": turn.retrieval.answerability,
        "shopkeeper.unhappy": turn.mood.unhappy,
        **{f"shopkeeper.version.{name}": value for name, value in turn.versions.items()},
    }


def _ns(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000

"""Traces: a turn is a span, its stages are its children; nothing is loaded while it is off."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot.config import Settings
from bot.tracing import tracing
from bot.types import Message
from tests.channels.fakes import ENGLISH, Script, make_turn


def test_a_turn_is_a_span_with_its_stages_in_order() -> None:
    exporter = InMemorySpanExporter()
    secret = "my phone is 13800138000"
    turn = make_turn(Message("c1", secret, "web", message_id="m1"), Script(), ENGLISH)
    with tracing(Settings(), exporter) as watch:
        watch(turn)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    root = spans.pop("turn")
    assert list(spans) == ["understand", "mood", "retrieve", "compose"]
    assert root.attributes is not None
    assert root.attributes["shopkeeper.conversation"] == "c1"
    assert root.attributes["shopkeeper.action"] == "answer"
    assert root.start_time is not None
    assert root.end_time is not None
    assert (root.end_time - root.start_time) / 1e6 == round(turn.timings_ms["total"], 3)
    ends = root.start_time
    for name, span in spans.items():
        assert span.parent is not None
        assert span.context is not None
        assert span.context.trace_id == root.context.trace_id
        assert span.start_time == ends
        ends = span.end_time or 0
        assert (ends - (span.start_time or 0)) / 1e6 == turn.timings_ms[name]
    assert ends <= root.end_time
    told = str([span.to_json() for span in exporter.get_finished_spans()])
    assert "13800138000" not in told


def test_nothing_of_it_is_imported_while_it_is_off() -> None:
    code = (
        "import sys; from bot.config import Settings; from bot.tracing import tracing\n"
        "with tracing(Settings()): pass\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

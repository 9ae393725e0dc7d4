"""JSON Lines: one FAQ entry, product or passage a line, all in UTF-8 or any encoding of `decode`."""

from __future__ import annotations

import json
from pathlib import Path

from retrieval.importers.decode import decode
from retrieval.importers.records import Collector, Row
from retrieval.importers.result import ImportResult

_LOOK_AT = 20


def import_jsonl(path: Path) -> ImportResult:
    """Passages of a file of JSON objects. Keys are guessed as column names are."""
    collector = Collector(path.name)
    decoded = decode(path.read_bytes())
    if decoded is None:
        collector.report(0, "", None, "not a text file; expected one JSON object a line")
        return collector.result()
    if decoded.oddity:
        collector.report(0, "", None, decoded.oddity)
    rows = _rows(decoded.text, collector)
    first = rows[:_LOOK_AT]
    if first and all(row.kind is None for row in first):
        names = ", ".join([*first[0].names.values(), *first[0].unknown])
        message = "no fields of an FAQ, a product or a passage; nothing was read from this file"
        collector.report(0, "", names, message)
        return collector.result()
    for row in rows:
        collector.add(row)
    if not decoded.text.strip():
        collector.report(0, "", None, "the file is empty")
    return collector.result()


def _rows(text: str, collector: Collector) -> list[Row]:
    rows = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            last = number == len(lines)
            reason = "the line is cut off, as if the file was only half written"
            message = reason if last else f"not JSON: {_reason(error)}"
            collector.report(number, "", line, message)
            continue
        if isinstance(record, dict):
            rows.append(Row(number, record))
        else:
            collector.report(number, "", line, "expected an object with named fields")
    return rows


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)

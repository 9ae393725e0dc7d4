"""JSON Lines, or one JSON list: an FAQ entry, product or passage each, in any encoding of `decode`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from retrieval.importers.decode import decode
from retrieval.importers.header import Header
from retrieval.importers.reading import Reading
from retrieval.importers.records import NO_KIND, read_row
from retrieval.importers.result import FileFound, Item, Problem
from retrieval.importers.rows import Row

_LOOK_AT = 20


def import_jsonl(reading: Reading) -> Iterator[Item]:
    """Passages of JSON objects. Keys are guessed as column names are."""
    decoded = decode(reading.path.read_bytes())
    if decoded is None:
        yield reading.problem(0, "", None, "not a text file; expected one JSON object a line")
        return
    if decoded.oddity:
        yield reading.problem(0, "", None, decoded.oddity)
    if not decoded.text.strip():
        yield reading.problem(0, "", None, "the file is empty")
        return
    records, problems = _records(decoded.text, reading)
    yield from problems
    if not records:
        return
    headers: dict[tuple[str, ...], Header] = {}
    wanted = reading.wishes.columns

    def header_of(record: dict[str, object]) -> Header:
        names = tuple(record)
        if names not in headers:
            headers[names] = Header.of(names, wanted)
        return headers[names]

    first = [header_of(record) for _, record in records[:_LOOK_AT]]
    absent = set.intersection(*(set(header.absent(wanted)) for header in first))
    known = next((header for header in first if header.kind), None)
    if absent or known is None:
        names = ", ".join(first[0].names)
        message = (
            f"--map names {sorted(absent)[0]!r}, which is not here; nothing was read"
            if absent
            else f"{NO_KIND}; nothing was read from this file"
        )
        yield reading.problem(0, "", names, message)
        return
    yield FileFound(reading.file, "JSON Lines", decoded.encoding, known.uses)
    for done, (line, record) in enumerate(records, start=1):
        header = header_of(record)
        yield from read_row(Row(line, header, tuple(record.values())), header.kind, reading)
        if done % 1000 == 0:
            reading.progress(reading.path.stat().st_size * done // len(records))


def _records(
    text: str, reading: Reading
) -> tuple[list[tuple[int, dict[str, object]]], list[Problem]]:
    """Objects with the line (or the place in the list) they stand in, and what is no object."""
    found: list[tuple[int, dict[str, object]]] = []
    problems = []
    lines = text.split("\n")
    values: list[tuple[int, object]] = []
    whole = _whole_list(text)
    if whole is not None:
        values, lines = list(enumerate(whole, start=1)), []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            last = number == len(lines)
            reason = "the line is cut off, as if the file was only half written"
            message = reason if last else f"not JSON: {_reason(error)}"
            problems.append(reading.problem(number, "", line, message))
    for number, value in values:
        if isinstance(value, dict):
            found.append((number, value))
        else:
            message = "expected an object with named fields"
            problems.append(reading.problem(number, "", json.dumps(value), message))
    return found, sorted(problems, key=lambda problem: problem.line)


def _whole_list(text: str) -> list[object] | None:
    """The entries, when the whole file is one JSON list that starts with an object."""
    if not text.lstrip().startswith("[") or "{" not in text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)

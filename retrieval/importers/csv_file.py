"""CSV and TSV: FAQ tables and product exports, from Excel or a shop system.

Covered: comma, semicolon, tab and bar as separators, quoted cells over several lines, rows of the
wrong length, an unclosed quote (the rows after it still load), every encoding of `decode`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from retrieval.importers.columns import guess_column
from retrieval.importers.decode import decode
from retrieval.importers.records import Collector, Row, kind_of
from retrieval.importers.result import ImportResult

_DELIMITERS = ",;\t|"
_MAX_RESTARTS = 20


def import_csv(path: Path) -> ImportResult:
    """Passages of a table with a header line."""
    collector = Collector(path.name)
    decoded = decode(path.read_bytes())
    if decoded is None:
        collector.report(0, "", None, "not a text file; save the table as CSV in UTF-8")
        return collector.result()
    if decoded.oddity:
        collector.report(0, "", None, decoded.oddity)
    _read_table(decoded.text, collector)
    return collector.result()


def _read_table(text: str, collector: Collector) -> None:
    header: list[str] = []
    kind = None
    ends_cleanly = text.endswith("\n")
    last_line = text.count("\n") + (0 if ends_cleanly else 1)
    for line, end, cells in _rows(text, collector):
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            columns = [column for name in header if (column := guess_column(name))]
            kind = kind_of(columns)
            if kind is None:
                message = (
                    "no columns of an FAQ (question, answer), a product (sku, name, price) "
                    "or a passage (title, text)"
                )
                collector.report(line, "", ", ".join(header), message)
                return
            continue
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(header):
            message = f"{len(cells)} cells, but the header has {len(header)}; is a quote missing?"
            collector.report(line, "", ", ".join(cells), message)
        elif len(cells) < len(header) and end == last_line and not ends_cleanly:
            message = "the last row stops in the middle, as if the file was only half written"
            collector.report(line, "", ", ".join(cells), message)
        else:
            padded = cells + [""] * (len(header) - len(cells))
            collector.add(Row(line, dict(zip(header, padded, strict=True))), kind)
    if not header:
        collector.report(0, "", None, "the file is empty")
    elif collector.is_empty:
        collector.report(0, "", None, "there are no rows below the header")


def _rows(text: str, collector: Collector) -> Iterator[tuple[int, int, list[str]]]:
    """Rows with their first and last line. After a broken quote, reading starts a line later."""
    lines = io.StringIO(text).readlines()  # not splitlines: U+2028 and the like end no row
    delimiter = _delimiter(next((line for line in lines if line.strip()), ""))
    offset = 0
    for _ in range(_MAX_RESTARTS):
        reader = csv.reader(lines[offset:], delimiter=delimiter, strict=True)
        start = offset + 1
        broken = False
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                collector.report(start, "", lines[start - 1].strip(), _explain(error))
                if "unexpected end" in str(error):
                    broken = True
                    break
            else:
                yield start, offset + reader.line_num, cells
            start = offset + reader.line_num + 1
        if not broken:
            return
        offset = start
    collector.report(offset, "", None, "too many unclosed quotes; the rest was not read")


def _explain(error: csv.Error) -> str:
    message = str(error)
    if "unexpected end" in message:
        return "a quoted cell is never closed"
    if "field larger" in message:
        return "a cell is too long; split it into several entries"
    return f"not a row of a table: {message}"


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)

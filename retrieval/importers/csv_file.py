"""CSV and TSV: FAQ tables and product exports, from Excel or a shop system, of any size.

Covered: comma, semicolon, tab and bar as separators, Excel's `sep=` line, quoted cells over several
lines, rows of the wrong length, an unclosed quote (the rows after it still load), every encoding of
`decode`. The file is read line by line: 100 MB need no more memory than 1 MB, but for the ids.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from retrieval.importers.decode import TextLines, encoding_of, unreadable
from retrieval.importers.reading import Reading
from retrieval.importers.result import Item, Problem
from retrieval.importers.rows import Record
from retrieval.importers.table import NO_COLUMNS, read_table

DELIMITERS = ",;\t|"
_MAX_RESTARTS = 100
_MAX_RECORD = 1_000_000
"""Characters of one row; more means that a quote was never closed."""
_REPORT_EVERY = 2000


def import_csv(reading: Reading) -> Iterator[Item]:
    """Passages of a table with a header line."""
    with reading.path.open("rb") as stream:
        encoding = encoding_of(stream)
    if encoding is None:
        message = "not a text file; save the table as CSV in UTF-8"
        yield reading.problem(0, "", None, message)
        return
    if encoding.oddity:
        yield reading.problem(0, "", None, encoding.oddity)
    lines = TextLines(reading.path, encoding)
    names = yield from read_table(_records(lines, reading), reading, "CSV table", encoding.label)
    if names:
        yield reading.problem(1, "", ", ".join(names), NO_COLUMNS)
    elif names is not None and not lines.used:
        yield reading.problem(0, "", None, "the file is empty")
    elif names is not None:
        yield reading.problem(0, "", None, "the file is empty but for blank lines")
    if lines.broken and not encoding.oddity:
        yield reading.problem(0, "", None, unreadable(lines.broken, encoding.name))


class _Feed:
    """Lines for a CSV reader, which can be given back after a broken quote."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._ahead = next(lines, None)
        self.number = 0
        self.used: list[str] = []
        self._size = 0
        self.ends_cleanly = True

    @property
    def at_end(self) -> bool:
        return not self._again and self._ahead is None

    def begin(self) -> None:
        """A new row starts."""
        self.used.clear()
        self._size = 0

    def back(self) -> None:
        """Give back all lines of this row but the first."""
        self._again.extendleft(reversed(self.used[1:]))
        self.number -= len(self.used) - 1

    def first(self) -> str:
        """The first line, not taken yet, blank ones skipped."""
        while self._ahead is not None and not self._ahead.strip():
            self.number += 1
            self._ahead = next(self._lines, None)
        return self._ahead or ""

    def skip(self) -> None:
        """Pass over the line ahead."""
        self.number += 1
        self._ahead = next(self._lines, None)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        elif self._ahead is None:
            raise StopIteration
        else:
            line = self._ahead
            self._ahead = next(self._lines, None)
            self.ends_cleanly = line.endswith("\n")
        self.number += 1
        self.used.append(line)
        self._size += len(line)
        if self._size > _MAX_RECORD:
            raise csv.Error("field larger than a row may be")
        return line


def _records(lines: TextLines, reading: Reading) -> Iterator[Record | Problem]:
    """Rows with the line they start in. After a broken quote, reading starts a line later."""
    feed = _Feed(iter(lines))
    delimiter = _delimiter(feed)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    width = restarts = rows = 0
    while True:
        feed.begin()
        start = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield reading.problem(start, "", feed.used[0].strip(), _explain(error))
            if len(feed.used) > 1:
                restarts += 1
                if restarts > _MAX_RESTARTS:
                    message = "too many unclosed quotes; the rest was not read"
                    yield reading.problem(start, "", None, message)
                    break
                feed.back()
            reader = csv.reader(feed, delimiter=delimiter, strict=True)
            continue
        width = width or len(cells)
        rows += 1
        if rows % _REPORT_EVERY == 0:
            reading.progress(lines.used)
        if feed.at_end and not feed.ends_cleanly and 0 < len(cells) < width:
            message = "the last row stops in the middle, as if the file was only half written"
            yield reading.problem(start, "", ", ".join(cells), message)
        else:
            yield Record(start, cells)
    if rows >= _REPORT_EVERY:
        reading.progress(lines.used)


def _explain(error: csv.Error) -> str:
    message = str(error)
    if "unexpected end" in message:
        return "a quoted cell is never closed"
    if "field larger" in message:
        return "a cell is too long, or its quote is never closed; split it into several entries"
    return f"not a row of a table: {message}"


def _delimiter(feed: _Feed) -> str:
    first = feed.first().strip()
    if first.casefold().startswith("sep=") and len(first) == 5:
        feed.skip()
        return first[-1]
    return max(DELIMITERS, key=first.count)

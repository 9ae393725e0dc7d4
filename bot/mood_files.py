"""Files of reviews or messages to be labelled: CSV, XLSX, JSON Lines in, the same with moods out.

Covered: every encoding of `retrieval.importers.decode`, separators, ragged rows, guessing the column
that holds the text, labels kept beside the result while it is made, so that a stop at any instant
loses at most the rows in hand. Not covered: reading moods (`bot.mood`), the old `.xls` format.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from bot.errors import InputError
from bot.types import Mood
from retrieval.importers.decode import decode

Row = Mapping[str, object]
"""Cells by the name of their column."""

LABELS = ("mood_label", "mood_frustration", "mood_unhappy")
_NAMES = (  # noqa: SIM905 (a list of one a line would be a page long)
    "text review review_text reviewtext review_body reviewbody content comment comments body message"
    " feedback utterance sentence 评论 评价 评论内容 评价内容 内容 文本 留言 反馈 评语"
).split()
_SAMPLE = 200
_FORMATS = (".csv", ".tsv", ".xlsx", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: names of its columns in order, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """The mood of one row, as it is written."""

    label: str
    frustration: float
    unhappy: bool
    probabilities: Mapping[str, float]

    @classmethod
    def of(cls, mood: Mood) -> Label:
        """A mood, rounded."""
        return cls(
            mood.label,
            round(mood.frustration, 4),
            mood.unhappy,
            {name: round(p, 4) for name, p in mood.probabilities.items()},
        )

    def cells(self) -> dict[str, object]:
        """As columns; a mood that is not known has no numbers."""
        known = self.label != "unknown"
        named: dict[str, object] = {f"mood_{name}": p for name, p in self.probabilities.items()}
        values = (self.label, self.frustration if known else "", self.unhappy)
        return {**dict(zip(LABELS, values, strict=True)), **named}


def read_sheet(path: Path, *, header: bool = True) -> Sheet:
    """The table in a file.

    Args:
        path: `.csv`, `.tsv`, `.xlsx` (its first sheet) or `.jsonl`.
        header: whether the first row of a CSV or workbook names the columns.

    Raises:
        InputError: it cannot be read, or holds no rows; says why.
    """
    kind = path.suffix.casefold()
    if kind not in _FORMATS:
        raise InputError(f"{path} is of a kind that is not read", fix=f"give {', '.join(_FORMATS)}")
    try:
        if kind == ".xlsx":
            sheet = _table(_workbook(path), header)
        else:
            text = _text(path)
            json_lines = kind in (".jsonl", ".ndjson")
            sheet = _json_lines(text, path) if json_lines else _table(_cells(text), header)
    except (OSError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}", fix="check the file") from error
    if not sheet.rows:
        raise InputError(f"{path} has no rows", fix="give a file with a header line and rows")
    return sheet


def text_column(sheet: Sheet, wanted: str = "") -> str:
    """The column that holds the texts: by name or number (from 1), else guessed.

    Raises:
        InputError: there is no such column, or none holds text.
    """
    if wanted:
        if wanted in sheet.columns:
            return wanted
        if wanted.isdecimal() and 1 <= int(wanted) <= len(sheet.columns):
            return sheet.columns[int(wanted) - 1]
        named = ", ".join(sheet.columns[:30])
        raise InputError(f"there is no column {wanted[:60]!r}", fix=f"choose from: {named}")
    folded = {_fold(name): name for name in reversed(sheet.columns)}
    for name in _NAMES:
        if name in folded:
            return folded[name]
    found = max(sheet.columns, key=lambda name: _wordiness(sheet, name))
    if _wordiness(sheet, found) == 0:
        raise InputError("no column holds text", fix="name one with --column")
    return found


def text_of(row: Row, column: str) -> str:
    """The text of a row; empty where there is none."""
    value = row.get(column)
    return value if isinstance(value, str) else "" if value is None else str(value)


class Journal:
    """Labels as they are made, one JSON line each, beside the result until that is complete.

    Args:
        path: of the journal.
        texts: of all rows, in order; labels of other texts are not taken up.
    """

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        self._path = path
        self._marks = [
            hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16] for text in texts
        ]
        self.labels: list[Label] = list(self._taken_up())

    def add(self, labels: Sequence[Label]) -> None:
        """Keep the labels of the next rows; they are on disk when this returns."""
        start = len(self.labels)
        with self._path.open("a", encoding="utf-8") as stream:
            for place, label in enumerate(labels, start):
                values = [label.label, label.frustration, label.unhappy, dict(label.probabilities)]
                stream.write(json.dumps([self._marks[place], *values]) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.labels.extend(labels)

    def remove(self) -> None:
        """It has served."""
        self._path.unlink(missing_ok=True)

    def _taken_up(self) -> Iterator[Label]:
        if not self._path.exists():
            return
        kept: list[str] = []
        with self._path.open(encoding="utf-8", errors="replace") as stream:
            for line, mark in zip(stream, self._marks, strict=False):
                try:
                    found, label, frustration, unhappy, probabilities = json.loads(line)
                except (ValueError, TypeError):
                    break
                if found != mark or not line.endswith("\n"):
                    break
                kept.append(line)
                yield Label(label, frustration, unhappy, probabilities)
        # What does not fit (a torn line, another file's labels) must not stand before new lines.
        self._path.write_text("".join(kept), encoding="utf-8")


def write_labelled(path: Path, sheet: Sheet, labels: Sequence[Label]) -> None:
    """Write the rows with their moods, as `.csv` or `.jsonl`; complete or not at all.

    Raises:
        InputError: another kind of file is wanted.
    """
    kind = path.suffix.casefold()
    if kind not in (".csv", ".jsonl"):
        raise InputError(
            f"{path} is of a kind that is not written", fix="name a .csv or .jsonl file"
        )
    rows = [{**row, **label.cells()} for row, label in zip(sheet.rows, labels, strict=True)]
    made = path.with_name(f"{path.name}.new")
    with made.open("w", encoding="utf-8-sig" if kind == ".csv" else "utf-8", newline="") as stream:
        if kind == ".csv":
            names = dict.fromkeys((*sheet.columns, *LABELS))
            names |= dict.fromkeys(name for row in rows for name in row)
            table = csv.DictWriter(stream, list(names))
            table.writeheader()
            table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        else:
            for row in rows:
                stream.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    made.replace(path)


def _text(path: Path) -> str:
    decoded = decode(path.read_bytes())
    if decoded is None:
        raise InputError(f"{path} is not a text file", fix="save it as CSV in UTF-8")
    return decoded.text


def _cells(text: str) -> Iterator[list[str]]:
    first, _, rest = text.partition("\n")
    given = first.strip().casefold().removeprefix("sep=")
    if first.strip().casefold().startswith("sep=") and len(given) == 1:
        text, separator = rest, given
    else:
        separator = max(",;\t|", key=first.count)
    csv.field_size_limit(1 << 30)
    for row in csv.reader(io.StringIO(text), delimiter=separator):
        if any(cell.strip() for cell in row):
            yield row


def _workbook(path: Path) -> Iterator[list[str]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles that openpyxl skips
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            for row in book.worksheets[0].iter_rows(values_only=True):
                if any(value not in (None, "") for value in row):
                    yield ["" if value is None else str(value) for value in row]
            book.close()
    except OSError:
        raise
    except Exception as error:  # openpyxl raises whatever its ZIP and XML parsers do
        raise InputError(
            f"the workbook {path} cannot be read: {error}", fix="save it again as .xlsx or as CSV"
        ) from error


def _table(rows: Iterator[list[str]], header: bool) -> Sheet:
    table = list(rows)
    if not table:
        return Sheet((), ())
    width = max(map(len, table))
    given = table.pop(0) if header else []
    names: list[str] = []
    for number in range(width):
        name = given[number].strip() if number < len(given) else ""
        name = name or f"column {number + 1}"
        names.append(name if name not in names else f"{name} ({number + 1})")
    return Sheet(tuple(names), tuple(dict(zip(names, row, strict=False)) for row in table))


def _json_lines(text: str, path: Path) -> Sheet:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}:{number}: not JSON: {error}", fix="correct the line"
            ) from error
        if not isinstance(value, dict):
            raise InputError(f"{path}:{number}: not a JSON object", fix="write {…} on each line")
        rows.append(value)
    return Sheet(tuple(dict.fromkeys(name for row in rows for name in row)), tuple(rows))


def _wordiness(sheet: Sheet, name: str) -> float:
    """Mean number of letters in the column's first cells; numbers and dates have few."""
    texts = [text_of(row, name) for row in sheet.rows[:_SAMPLE]]
    return sum(sum(map(str.isalpha, text[:500])) for text in texts) / len(texts)


def _fold(name: str) -> str:
    return (
        unicodedata.normalize("NFKC", name).strip().casefold().replace(" ", "_").replace("-", "_")
    )


def _cell(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else json.dumps(value, default=str)

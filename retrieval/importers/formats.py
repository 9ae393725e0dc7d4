"""What a file is, by what is in it; its name decides only where the content could be several."""

from __future__ import annotations

import json
import zipfile
from enum import StrEnum
from pathlib import Path

from retrieval.importers.columns import guess_column
from retrieval.importers.csv_file import DELIMITERS
from retrieval.importers.decode import decode

_HEAD = 64 * 1024


class Format(StrEnum):
    """What a file may be."""

    TABLE = "table of text (CSV)"
    EXCEL = "Excel workbook"
    JSON = "JSON Lines"
    MARKDOWN = "Markdown"
    HTML = "HTML page"
    PDF = "PDF"
    FEED = "product feed (XML)"
    TEXT = "plain text"
    OLD_EXCEL = "Excel workbook of the old kind (.xls)"
    OTHER_ZIP = "ZIP archive or document of another program"
    OTHER_XML = "XML of another kind"
    EMPTY = "empty file"
    UNKNOWN = "unknown"


BY_SUFFIX = {
    ".csv": Format.TABLE,
    ".tsv": Format.TABLE,
    ".jsonl": Format.JSON,
    ".ndjson": Format.JSON,
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".txt": Format.TEXT,
    ".xlsx": Format.EXCEL,
    ".xlsm": Format.EXCEL,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".xml": Format.FEED,
    ".rss": Format.FEED,
    ".atom": Format.FEED,
}


def named_format(path: Path) -> Format:
    """What the name says."""
    return BY_SUFFIX.get(path.suffix.casefold(), Format.UNKNOWN)


def detect(path: Path) -> Format:
    """What the content says, and the name where the content leaves it open.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    named = named_format(path)
    if not head.strip():
        return named if named is not Format.UNKNOWN else Format.EMPTY
    if b"%PDF-" in head[:1024]:
        return Format.PDF
    if head.startswith(b"PK\x03\x04"):
        return Format.EXCEL if named is Format.EXCEL or _is_workbook(path) else Format.OTHER_ZIP
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return Format.OLD_EXCEL
    decoded = decode(head[: len(head) // 2 * 2] if len(head) == _HEAD else head)
    if decoded is None:
        return named
    return _of_text(decoded.text, named)


def _of_text(text: str, named: Format) -> Format:
    start = text.lstrip().lstrip("\ufeff")
    lower = start[:4096].casefold()
    if named is Format.MARKDOWN and not lower.startswith(("<!doctype html", "<html")):
        return _of_plain(start, named)
    if lower.startswith(("<!doctype html", "<html")) or "<html" in lower[:1000]:
        return Format.HTML
    if lower.startswith("<"):
        if "<rss" in lower or "<feed" in lower or "base.google.com/ns" in lower:
            return Format.FEED
        if named is Format.HTML:
            return named
        return Format.OTHER_XML if lower.startswith("<?xml") else Format.HTML
    if named is Format.HTML:
        return named
    return _of_plain(start, named)


def _of_plain(start: str, named: Format) -> Format:
    first = start.split("\n", 1)[0]
    if named in {Format.JSON, Format.TABLE, Format.TEXT, Format.UNKNOWN} and first[:1] in "{[":
        try:
            json.loads(first)
        except (ValueError, RecursionError):
            return named if first[:1] != "{" or named is not Format.UNKNOWN else Format.JSON
        return Format.JSON
    if named in {Format.MARKDOWN, Format.TABLE}:
        return named
    if any(_is_header(line) for line in start.split("\n")[:3]):
        return Format.TABLE
    if named is Format.UNKNOWN and start.startswith(("# ", "---\n", "## ")):
        return Format.MARKDOWN
    return named


def _is_header(line: str) -> bool:
    delimiter = max(DELIMITERS, key=line.count)
    known = [guess_column(cell.strip(' "')) for cell in line.split(delimiter)[:100]]
    return sum(1 for column in known if column) >= 2


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as book:
            return any(name.startswith("xl/") for name in book.namelist())
    except (zipfile.BadZipFile, OSError):
        return path.suffix.casefold() in {".xlsx", ".xlsm"}

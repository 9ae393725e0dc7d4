"""Importers: a shop's files to passages. One module a format; the content of a file picks it.

Good rows load, bad rows are reported with file, line and field. No content of a file raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bot.errors import InputError
from retrieval.importers.columns import parse_mapping
from retrieval.importers.csv_file import import_csv
from retrieval.importers.feed import import_feed
from retrieval.importers.formats import Format, detect, named_format
from retrieval.importers.html_page import import_html
from retrieval.importers.jsonl_file import import_jsonl
from retrieval.importers.markdown_file import import_markdown
from retrieval.importers.pdf_file import import_pdf
from retrieval.importers.reading import Memory, Progress, Reading, Wishes
from retrieval.importers.result import FileFound, ImportResult, Item, Note, Problem
from retrieval.importers.xlsx_file import import_xlsx

__all__ = [
    "FileFound",
    "ImportResult",
    "Item",
    "Memory",
    "Note",
    "Problem",
    "Progress",
    "Wishes",
    "import_path",
    "parse_mapping",
    "read_path",
]

_READERS: dict[Format, Callable[[Reading], Iterator[Item]]] = {
    Format.TABLE: import_csv,
    Format.EXCEL: import_xlsx,
    Format.JSON: import_jsonl,
    Format.MARKDOWN: import_markdown,
    Format.TEXT: import_markdown,
    Format.HTML: import_html,
    Format.PDF: import_pdf,
    Format.FEED: import_feed,
}
_FORMATS = "CSV, TSV, .xlsx, JSON Lines, Markdown, HTML, PDF, or a Google Merchant feed in XML"
_NOT_KNOWLEDGE = ("readme", "license", "changelog", "copying", "sitemap", "robots")
_ONLY_BY_NAME = {".txt", ".json"}
"""In a folder these are seldom knowledge; they are read when they are named."""


def import_path(path: Path, wishes: Wishes | None = None) -> ImportResult:
    """Everything in a file, or in every importable file of a folder (README files left out).

    Raises:
        InputError: there is nothing at `path`, or the file is of no known format.
    """
    return ImportResult.collected(read_path(path, wishes))


def read_path(
    path: Path,
    wishes: Wishes | None = None,
    memory: Memory | None = None,
    progress: Progress | None = None,
) -> Iterator[Item]:
    """The same one by one: a file's `FileFound` first, then what it holds.

    Args:
        path: a file or a folder.
        wishes: what is wanted otherwise than guessed.
        memory: of an import of several paths, so that ids count over all of them.
        progress: called now and then.

    Raises:
        InputError: there is nothing at `path`, or the file is of no known format.
    """
    memory = memory or Memory()
    if path.is_dir():
        for file in _files(path):
            name = file.relative_to(path).as_posix()
            yield from _read(Reading(file, name, wishes, memory, progress))
        return
    if not path.exists():
        raise InputError(f"there is no file or folder at {path}", fix="check the path")
    reading = Reading(path, path.name, wishes, memory, progress)
    kind = _detected(reading)
    if kind is not None and kind not in _READERS and named_format(path) is Format.UNKNOWN:
        raise InputError(
            f"{path.name} is of no format that can be imported", fix=f"save it as {_FORMATS}"
        )
    yield from _read(reading)


def _files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and named_format(file) is not Format.UNKNOWN
        and file.suffix.casefold() not in _ONLY_BY_NAME
        and not any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)
        and not any(part.endswith("_files") for part in file.relative_to(folder).parts[:-1])
        and not file.stem.casefold().startswith(_NOT_KNOWLEDGE)
    ]


def _detected(reading: Reading) -> Format | None:
    try:
        return detect(reading.path)
    except OSError:
        return None


def _read(reading: Reading) -> Iterator[Item]:
    try:
        kind = detect(reading.path)
        named = named_format(reading.path)
        if kind not in _READERS:
            message = f"cannot be imported ({kind}); save it as {_FORMATS}"
            yield reading.problem(0, "", None, message)
            return
        if named not in {kind, Format.UNKNOWN}:
            yield reading.note(0, f"the name says {named}, the content says {kind}")
        yield from _READERS[kind](reading)
        yield from reading.closing_notes()
    except OSError as error:
        reason = f"the file cannot be opened: {error.strerror or error}"
        yield reading.problem(0, "", None, reason)

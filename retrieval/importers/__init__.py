"""Importers: a shop's files to passages. One module a format; `import_path` picks it by suffix.

Good rows load, bad rows are reported with file, line and field. No content of a file raises.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.errors import InputError
from retrieval.importers.csv_file import import_csv
from retrieval.importers.jsonl_file import import_jsonl
from retrieval.importers.markdown_file import import_markdown
from retrieval.importers.result import ImportResult, Problem, problem
from retrieval.importers.xlsx_file import import_xlsx

__all__ = ["ImportResult", "Problem", "import_path"]

_IMPORTERS: dict[str, Callable[[Path], ImportResult]] = {
    ".csv": import_csv,
    ".tsv": import_csv,
    ".jsonl": import_jsonl,
    ".ndjson": import_jsonl,
    ".md": import_markdown,
    ".markdown": import_markdown,
    ".xlsx": import_xlsx,
    ".xlsm": import_xlsx,
}
_FORMATS = ".csv, .tsv, .xlsx, .jsonl or .md"
_NOT_KNOWLEDGE = ("readme", "license", "changelog", "copying")


def import_path(path: Path) -> ImportResult:
    """Passages of a file, or of every importable file in a folder (README files left out).

    Raises:
        InputError: there is nothing at `path`, or the file is of no known format.
    """
    if path.is_dir():
        return ImportResult.joined(_import_file(file) for file in _files(path))
    if not path.exists():
        raise InputError(f"there is no file or folder at {path}", fix="check the path")
    if path.suffix.casefold() not in _IMPORTERS:
        raise InputError(
            f"{path.name} is of no format that can be imported", fix=f"save it as {_FORMATS}"
        )
    return _import_file(path)


def _files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix.casefold() in _IMPORTERS
        and not any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)
        and not file.stem.casefold().startswith(_NOT_KNOWLEDGE)
    ]


def _import_file(file: Path) -> ImportResult:
    try:
        return _IMPORTERS[file.suffix.casefold()](file)
    except OSError as error:
        reason = f"the file cannot be opened: {error.strerror or error}"
        return ImportResult((), (problem(file.name, 0, "", None, reason),))

"""What an import gives back: passages, what was wrong with the rest, what is worth knowing.

A reader yields these one by one, so that a file of any size needs little memory; `ImportResult`
collects them for whoever wants them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from bot.types import Passage

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be imported. `line` counts from 1; 0 means the whole file."""

    file: str
    line: int
    field: str
    value: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        column = f" {self.field}:" if self.field else ""
        shown = f" (found {self.value!r})" if self.value else ""
        return f"{place}:{column} {self.message}{shown}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was imported, or left out on purpose, and that somebody should know."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else self.message


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What a column of a table is taken for: "question (en)", "specification", "left out"."""

    name: str
    use: str


@dataclass(frozen=True, slots=True)
class FileFound:
    """What a file (or one sheet of it) was recognised as, told before anything is read from it."""

    file: str
    format: str
    encoding: str = ""
    columns: tuple[ColumnUse, ...] = ()


Item = Passage | Problem | Note | FileFound


def problem(file: str, line: int, column: str, value: object, message: str) -> Problem:
    """A problem whose value is cut to a length that fits on a screen."""
    shown = value if isinstance(value, str) else "" if value is None else repr(value)
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return Problem(file, line, column, shown, message)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Everything that was read, each kind in the order of the file."""

    passages: tuple[Passage, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()
    files: tuple[FileFound, ...] = ()

    @classmethod
    def collected(cls, items: Iterable[Item]) -> Self:
        """All items, sorted by kind."""
        kept = tuple(items)
        return cls(
            tuple(item for item in kept if isinstance(item, Passage)),
            tuple(item for item in kept if isinstance(item, Problem)),
            tuple(item for item in kept if isinstance(item, Note)),
            tuple(item for item in kept if isinstance(item, FileFound)),
        )

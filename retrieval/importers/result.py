"""What an import gives back: the passages that could be read, and what was wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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


def problem(file: str, line: int, column: str, value: object, message: str) -> Problem:
    """A problem whose value is cut to a length that fits on a screen."""
    shown = value if isinstance(value, str) else "" if value is None else repr(value)
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return Problem(file, line, column, shown, message)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Good rows as passages, bad rows as problems, both in the order of the file."""

    passages: tuple[Passage, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    @classmethod
    def joined(cls, results: Iterable[Self]) -> Self:
        """Several files as one result; an id that comes twice is reported and kept once."""
        passages: dict[str, Passage] = {}
        problems: list[Problem] = []
        for result in results:
            problems.extend(result.problems)
            for passage in result.passages:
                first = passages.setdefault(passage.passage_id, passage)
                if first is not passage:
                    message = f"this id was read from {first.source} before; the first one is kept"
                    problems.append(problem(passage.source, 0, "id", passage.passage_id, message))
        return cls(tuple(passages.values()), tuple(problems))

"""Reading JSON Lines row by row, with every complaint naming file, line and field.

Covered: UTF-8 files, one JSON object a line, blank lines ignored; a bad line is reported and the
good ones still load. Not covered: other formats (`retrieval.importers`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from bot.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a file. The accessors raise `InputError` with file, line and field."""

    values: dict[str, Any]
    path: Path
    line: int

    @property
    def where(self) -> str:
        """`file:line`, as editors understand it."""
        return f"{self.path}:{self.line}"

    def text(self, name: str) -> str:
        """A field that must be a string.

        Raises:
            InputError: it is missing or something else.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            raise InputError(
                f"{self.where}: field {name!r} should be text, found {_show(value)}",
                fix=f'give every line a "{name}" of type string',
            )
        return value

    def one_of(self, name: str, options: Sequence[str]) -> str:
        """A field that must be one of `options`.

        Raises:
            InputError: it is missing or something else.
        """
        value = self.text(name)
        if value not in options:
            raise InputError(
                f"{self.where}: field {name!r} is {_show(value)}, none of {', '.join(options)}",
                fix="correct the line or leave it out",
            )
        return value

    def flag(self, name: str) -> bool:
        """A field that must be true or false.

        Raises:
            InputError: it is missing or something else.
        """
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise InputError(
                f"{self.where}: field {name!r} should be true or false, found {_show(value)}",
                fix=f'give every line a "{name}" of true or false',
            )
        return value


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """The good rows of a file, and one sentence for each bad line."""

    items: tuple[T, ...]
    problems: tuple[str, ...] = field(default=())

    def strict(self) -> tuple[T, ...]:
        """The rows, where a bad line is not to be passed over (training data).

        Raises:
            InputError: there is a bad line; the message holds the first.
        """
        if self.problems:
            raise InputError(self.problems[0], fix="correct the line or leave it out")
        return self.items


def read_jsonl(path: Path, convert: Callable[[Row], T]) -> Loaded[T]:
    """Convert every line of `path`; lines that `convert` refuses become problems.

    Raises:
        InputError: the file is missing, unreadable, not UTF-8, or holds no good line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {path}: {error}", fix="give the path of a UTF-8 JSON Lines file"
        ) from error
    items: list[T] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            items.append(convert(_parse(line, path, number)))
        except InputError as error:
            problems.append(error.message)
    if not items:
        first = problems[0] if problems else "it is empty"
        raise InputError(f"{path} holds no usable line; {first}", fix="correct the file")
    return Loaded(tuple(items), tuple(problems))


def file_hash(path: Path) -> str:
    """SHA-256 of a file, to say which data a model has seen."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parse(line: str, path: Path, number: int) -> Row:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{number}: not JSON: {error.msg}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}:{number}: should be a JSON object, found {_show(value)}")
    return Row(value, path, number)


def _show(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else shown[:57] + "…"

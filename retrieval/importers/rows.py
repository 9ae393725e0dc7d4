"""One row of a table or one JSON object, its cells read by field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from retrieval.importers.columns import Column, FieldLang
from retrieval.importers.header import Header, Kind
from retrieval.importers.values import clean

T = TypeVar("T")


class RowProblemError(Exception):
    """Raised inside the importers to leave a row: the field, its value and what is wrong."""

    def __init__(self, field: str, value: object, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.message = message


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table as it stands in the file."""

    line: int
    cells: Sequence[object]


class Row:
    """A row. Cells of unknown columns are in `unknown`, but for those that are left out."""

    def __init__(self, line: int, header: Header, values: Sequence[object]) -> None:
        self.line = line
        self.header = header
        self.names: dict[Column, str] = {}
        self.cells: dict[Column, object] = {}
        self.unknown: dict[str, object] = {}
        for name, column, value in zip(header.names, header.columns, values, strict=False):
            if column is not None and column not in self.cells:
                self.cells[column] = value
                self.names[column] = name
            elif name and name not in header.left_out:
                self.unknown[name] = value

    @property
    def kind(self) -> Kind | None:
        """What the columns say the row is."""
        return self.header.kind

    @property
    def langs(self) -> tuple[FieldLang, ...]:
        """Languages that have columns of their own; ("",) when no column names one."""
        return tuple(sorted({column.lang for column in self.cells if column.lang})) or ("",)

    def read(self, field: str, parse: Callable[[str], T], lang: FieldLang = "") -> T:
        """The value of a field: in this language's column, or in the one for all languages."""
        return self.read_raw(field, lambda value: parse(clean(value)), lang)

    def read_raw(self, field: str, parse: Callable[[object], T], lang: FieldLang = "") -> T:
        """As `read`, for fields that may be lists or objects."""
        column = Column(field, lang)
        if lang and column not in self.cells:
            column = Column(field)
        return self._parsed(column, parse)

    def by_region(self, field: str, parse: Callable[[str], T]) -> dict[str, T]:
        """Values of a field per currency or region."""
        return {
            column.region: self._parsed(column, lambda value: parse(clean(value)))
            for column in self.cells
            if column.field == field
        }

    def required(self, field: str, lang: FieldLang = "") -> str:
        """A text that must not be empty."""
        text = self.read(field, str, lang)
        if not text:
            raise RowProblemError(self.name_of(field, lang), None, "is empty")
        return text

    def name_of(self, field: str, lang: FieldLang = "") -> str:
        """What the file itself calls a field."""
        fallback = self.names.get(Column(field), field)
        return self.names.get(Column(field, lang), fallback)

    def _parsed(self, column: Column, parse: Callable[[object], T]) -> T:
        value = self.cells.get(column)
        try:
            return parse("" if value is None else value)
        except ValueError as error:
            raise RowProblemError(self.names[column], value, str(error)) from None

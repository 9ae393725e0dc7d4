"""The header of a table, understood: which column is which field, and what is done with the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from retrieval.importers.columns import Column, guess_column, is_internal, plain_name
from retrieval.importers.result import ColumnUse

Kind = Literal["faq", "product", "passage"]


@dataclass(frozen=True, slots=True)
class Header:
    """`columns` belongs to `names`, None for what is no field; `left_out` names what is dropped."""

    names: tuple[str, ...]
    columns: tuple[Column | None, ...]
    left_out: frozenset[str]

    @classmethod
    def of(cls, names: Sequence[str], wanted: Mapping[str, Column | None]) -> Self:
        """Guess the columns; what `wanted` says wins. Of two columns for a field the first counts."""
        here = {plain_name(name) for name in names}
        taken = {column for name, column in wanted.items() if column and name in here}
        columns: list[Column | None] = []
        left_out = set()
        for name in names:
            plain = plain_name(name)
            if plain in wanted:
                column = wanted[plain]
                if column is None:
                    left_out.add(name)
            else:
                column = guess_column(name)
                column = None if column in taken else column
                if column is None and is_internal(name):
                    left_out.add(name)
            if column:
                taken.add(column)
            columns.append(column)
        columns = _titled_goods(columns, wanted)
        return cls(tuple(names), tuple(columns), frozenset(left_out))

    @property
    def kind(self) -> Kind | None:
        """What the columns say that the rows are."""
        return kind_of(column for column in self.columns if column)

    @property
    def uses(self) -> tuple[ColumnUse, ...]:
        """What each column is taken for, in words."""
        rest = "specification" if self.kind == "product" else "not used"
        return tuple(
            ColumnUse(name, str(column or ("left out" if name in self.left_out else rest)))
            for name, column in zip(self.names, self.columns, strict=True)
            if name
        )

    def absent(self, wanted: Mapping[str, Column | None]) -> list[str]:
        """Columns that were asked for by name and are not there."""
        here = {plain_name(name) for name in self.names}
        return [name for name in wanted if name not in here]


def _titled_goods(
    columns: list[Column | None], wanted: Mapping[str, Column | None]
) -> list[Column | None]:
    """A title beside an article number or a price, and no name, is the name of the goods."""
    fields = {column.field for column in columns if column}
    if "name" in fields or not fields & {"sku", "price"} or "text" in fields:
        return columns
    return [
        replace(column, field="name")
        if column and column.field == "title" and column not in wanted.values()
        else column
        for column in columns
    ]


def kind_of(columns: Iterable[Column]) -> Kind | None:
    """What a set of columns describes; None when it is no kind of knowledge."""
    fields = {column.field for column in columns}
    if {"question", "answer"} <= fields:
        return "faq"
    if {"sku", "name"} <= fields or {"name", "price"} <= fields:
        return "product"
    if "rating" in fields:  # a customer's review is an opinion, not the shop's knowledge
        return None
    return "passage" if "text" in fields and fields & {"title", "passage_id"} else None

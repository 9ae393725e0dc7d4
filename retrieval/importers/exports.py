"""What the readers of shop systems' exports have in common: cells by name, lines that are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from retrieval.importers.columns import plain_name
from retrieval.importers.listing import Listing, listing_passage
from retrieval.importers.money import Price, parse_money
from retrieval.importers.reading import Reading
from retrieval.importers.result import ColumnUse, Item, Problem
from retrieval.importers.rows import RowProblemError
from retrieval.importers.values import clean, parse_count

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cells:
    """One row: values under the plain names of their columns (`Variant SKU` is `variantsku`)."""

    line: int
    values: Mapping[str, object]
    names: Mapping[str, str] = field(default_factory=dict)

    def text(self, *names: str) -> str:
        """The first of these columns that is not empty.

        Raises:
            RowProblemError: the cell cannot be used.
        """
        return next((text for name in names if (text := self._parsed(name, str))), "")

    def price(self, *names: str) -> Price | None:
        """A price; None when all of these columns are empty."""
        found = (self._parsed(name, parse_money) for name in names)
        return next((price for price in found if price), None)

    def count(self, *names: str) -> int | None:
        """A number of pieces; None when all of these columns are empty."""
        found = (self._parsed(name, parse_count) for name in names)
        return next((count for count in found if count is not None), None)

    def _parsed(self, name: str, parse: Callable[[str], T]) -> T:
        value = self.values.get(name)
        try:
            return parse(clean(value))
        except ValueError as error:
            raise RowProblemError(self.names.get(name, name), value, str(error)) from None


Rows = Iterator[Cells | Problem]


def uses_of(names: Sequence[str], known: Mapping[str, str]) -> tuple[ColumnUse, ...]:
    """What each column is taken for; those that nothing is known about are left out."""
    return tuple(ColumnUse(name, known.get(plain_name(name), "left out")) for name in names if name)


def keep_listing(listing: Listing, line: int, reading: Reading) -> Iterator[Item]:
    """A finished product as a passage; one without a price or variants still can be asked about."""
    if not listing.name:
        yield reading.problem(line, "", listing.key, "the product has no name")
        return
    prices = [price for v in listing.variants for price in (v.price, v.regular) if price]
    reading.see_price(*prices)
    passage = listing_passage(listing, reading.wishes.currency)
    yield from reading.keep(line, passage)

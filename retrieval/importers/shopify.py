"""Shopify's product export, in its old columns (`Handle`, `Variant Price`) and its new ones.

Covered: the rows of one handle joined to one product, options, price and reduced price, stock,
descriptions in HTML; drafts and archived products are left out. Not covered: prices by market,
metafields. Columns: https://help.shopify.com/en/manual/products/import-export/using-csv
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from retrieval.importers.columns import plain_name
from retrieval.importers.exports import Cells, Rows, keep_listing, uses_of
from retrieval.importers.html_text import text_of_html
from retrieval.importers.listing import Availability, Listing, Variant
from retrieval.importers.reading import Reading
from retrieval.importers.result import ColumnUse, Item, Problem
from retrieval.importers.rows import RowProblemError

NAME = "Shopify products"
_USES = {
    "handle": "id",
    "urlhandle": "id",
    "title": "name",
    "bodyhtml": "description",
    "description": "description",
    "vendor": "brand",
    "productcategory": "category",
    "type": "category",
    "published": "only published products",
    "publishedononlinestore": "only published products",
    "status": "only active products",
    "variantsku": "sku",
    "sku": "sku",
    "variantprice": "price",
    "price": "price",
    "variantcompareatprice": "price before reduction",
    "compareatprice": "price before reduction",
    "variantinventoryqty": "stock",
    "inventoryquantity": "stock",
    "variantinventorypolicy": "stock",
    "continuesellingwhenoutofstock": "stock",
} | {f"option{n}{part}": f"option {n}" for n in (1, 2, 3) for part in ("name", "value")}


def fits(names: Sequence[str]) -> bool:
    """Whether a header is Shopify's."""
    plain = {plain_name(name) for name in names}
    old = {"handle", "title", "variantprice"}
    new = {"urlhandle", "title", "price"}
    return old <= plain or new <= plain


def uses(names: Sequence[str]) -> tuple[ColumnUse, ...]:
    """What each column is taken for."""
    return uses_of(names, _USES)


def read(rows: Rows, reading: Reading) -> Iterator[Item]:
    """Products, one passage each."""
    problems: list[Problem] = []

    def good() -> Iterator[Cells]:
        for row in rows:
            if isinstance(row, Problem):
                problems.append(row)
            else:
                yield row

    handle = ""

    def handle_of(row: Cells) -> str:
        nonlocal handle
        value = row.values.get("handle") or row.values.get("urlhandle")
        handle = str(value or handle).strip()
        return handle

    for key, group in groupby(good(), handle_of):
        same = list(group)
        yield from problems
        problems.clear()
        yield from _product(key, same, reading)
    yield from problems


def _product(key: str, rows: list[Cells], reading: Reading) -> Iterator[Item]:
    try:
        first = next((row for row in rows if row.text("title")), rows[0])
        if not key:
            yield reading.problem(first.line, "Handle", "", "is empty")
            return
        hidden = _hidden(first)
        if hidden:
            reading.leave_out(hidden)
            return
        listing = Listing(
            key=key,
            name=first.text("title"),
            variants=_variants(rows),
            brand=first.text("vendor"),
            category=first.text("type") or first.text("productcategory"),
            description=text_of_html(first.text("bodyhtml", "description")),
        )
    except RowProblemError as error:
        yield reading.problem(rows[0].line, error.field, error.value, error.message)
        return
    yield from keep_listing(listing, first.line, reading)


def _hidden(row: Cells) -> str:
    status = row.text("status").casefold()
    if status in {"draft", "archived", "unlisted"}:
        return f"{status} in Shopify"
    published = row.text("published", "publishedononlinestore").casefold()
    return "not published in Shopify" if published == "false" else ""


def _variants(rows: list[Cells]) -> list[Variant]:
    names: dict[int, str] = {}
    variants = []
    for row in rows:
        for number in (1, 2, 3):
            name = row.text(f"option{number}name")
            if name:
                names[number] = name
        values = {number: row.text(f"option{number}value") for number in (1, 2, 3)}
        price = row.price("variantprice", "price")
        sku = row.text("variantsku", "sku").lstrip("'")  # Shopify marks codes as text with it
        if price is None and not sku and not any(values.values()):
            continue  # a row that only adds a picture
        before = row.price("variantcompareatprice", "compareatprice")
        variants.append(
            Variant(
                sku=sku,
                options={
                    names.get(number, f"Option {number}"): value
                    for number, value in values.items()
                    if value and value != "Default Title"
                },
                price=price,
                regular=before if _is_reduced(before, price) else None,
                stock=_stock(row),
                availability=_availability(row),
            )
        )
    return variants


def _is_reduced(before: object, price: object) -> bool:
    amounts = [getattr(value, "amount", None) for value in (before, price)]
    return None not in amounts and amounts[0] > amounts[1]  # type: ignore[operator]


def _stock(row: Cells) -> int | None:
    """Pieces; None where Shopify does not count them."""
    tracked = row.text("variantinventorytracker", "inventorytracker")
    return row.count("variantinventoryqty", "inventoryquantity") if tracked else None


def _availability(row: Cells) -> Availability:
    policy = row.text("variantinventorypolicy", "continuesellingwhenoutofstock").casefold()
    return "order" if policy in {"continue", "true"} else ""

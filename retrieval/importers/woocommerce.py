"""WooCommerce's product export: simple, variable and external products, variations joined.

Covered: variations anywhere in the file (they name their parent by SKU or `id:123`), attributes,
sale prices with their dates, stock, descriptions in HTML; drafts and private products are left out.
Variable products are held in memory until the end of the file. Not covered: translations of WPML,
products without a name. Columns: the schema of WooCommerce's product CSV importer and exporter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from retrieval.importers.columns import plain_name
from retrieval.importers.exports import Cells, Rows, keep_listing, uses_of
from retrieval.importers.html_text import text_of_html
from retrieval.importers.listing import Availability, Listing, Variant, current_price
from retrieval.importers.reading import Reading
from retrieval.importers.result import ColumnUse, Item, Problem
from retrieval.importers.rows import RowProblemError
from retrieval.importers.values import parse_date

NAME = "WooCommerce products"
_USES = {
    "id": "id",
    "type": "kind of product",
    "sku": "sku",
    "name": "name",
    "published": "only published products",
    "shortdescription": "description",
    "description": "description",
    "datesalepricestarts": "sale price",
    "datesalepriceends": "sale price",
    "instock?": "stock",
    "stock": "stock",
    "backordersallowed?": "stock",
    "saleprice": "sale price",
    "regularprice": "price",
    "categories": "category",
    "brands": "brand",
    "parent": "joins variations",
}
_ATTRIBUTE = re.compile(r"attribute(\d+)(name|value)")


def fits(names: Sequence[str]) -> bool:
    """Whether a header is WooCommerce's."""
    plain = {plain_name(name) for name in names}
    return {"type", "sku", "name", "regularprice"} <= plain and "parent" in plain


def uses(names: Sequence[str]) -> tuple[ColumnUse, ...]:
    """What each column is taken for."""
    known = dict(_USES)
    for name in names:
        plain = plain_name(name)
        if _ATTRIBUTE.match(plain):
            known[plain] = "attribute"
        elif re.match(r"weight|length|width|height", plain):
            known[plain] = "specification"
    return uses_of(names, known)


def read(rows: Rows, reading: Reading) -> Iterator[Item]:
    """Products, one passage each; variable ones at the end, when all variations are known."""
    parents: dict[str, Cells] = {}
    variations: dict[str, list[tuple[int, Variant]]] = {}
    keys: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        try:
            kinds = {kind.strip() for kind in row.text("type").casefold().split(",")}
            if "variation" in kinds:
                parent = row.text("parent")
                if row.text("published") != "-1":
                    variations.setdefault(parent, []).append((row.line, _variant(row)))
                continue
            hidden = {"0": "private", "-1": "draft"}.get(row.text("published"), "")
            if hidden:
                keys[row.text("sku")] = keys[f"id:{row.text('id')}"] = ""
                reading.leave_out(f"{hidden} in WooCommerce")
            elif "variable" in kinds:
                key = _key(row)
                keys[row.text("sku")] = keys[f"id:{row.text('id')}"] = key
                parents[key] = row
            else:
                yield from keep_listing(_listing(row, [_variant(row)]), row.line, reading)
        except RowProblemError as error:
            yield reading.problem(row.line, error.field, error.value, error.message)
    joined: dict[str, list[Variant]] = {}
    for parent, found in variations.items():
        if parent not in keys:
            yield reading.problem(found[0][0], "Parent", parent, "no product has this SKU or id")
        joined.setdefault(keys.get(parent, ""), []).extend(variant for _, variant in found)
    for key, row in parents.items():
        try:
            listing = _listing(row, joined.get(key) or [_variant(row)])
        except RowProblemError as error:
            yield reading.problem(row.line, error.field, error.value, error.message)
            continue
        yield from keep_listing(listing, row.line, reading)


def _key(row: Cells) -> str:
    return row.text("sku") or f"id-{row.text('id')}"


def _listing(row: Cells, variants: list[Variant]) -> Listing:
    options = {name for variant in variants for name in variant.options}
    short, full = text_of_html(row.text("shortdescription")), text_of_html(row.text("description"))
    return Listing(
        key=_key(row),
        name=row.text("name"),
        variants=variants,
        brand=row.text("brands"),
        category=row.text("categories").replace(">", "›"),
        description=full if short in full else f"{short}\n{full}".strip(),
        attributes={k: v for k, v in _attributes(row).items() if k not in options} | _measures(row),
    )


def _measures(row: Cells) -> dict[str, str]:
    """`Weight (kg)` and the like, with the unit behind the number."""
    found = {}
    for name in row.values:
        if re.match(r"weight|length|width|height", name) and row.text(name):
            label, _, unit = row.names.get(name, name).partition("(")
            found[label.strip()] = f"{row.text(name)} {unit.rstrip(')')}".strip()
    return found


def _attributes(row: Cells) -> dict[str, str]:
    """Attributes as the row has them; several values are separated by commas."""
    found = {}
    for name in row.values:
        match = _ATTRIBUTE.fullmatch(name)
        if match and match[2] == "name" and row.text(name):
            value = row.text(f"attribute{match[1]}values", f"attribute{match[1]}value")
            if value:
                found[row.text(name)] = value
    return found


def _variant(row: Cells) -> Variant:
    is_variation = "variation" in row.text("type").casefold()
    price, regular = current_price(
        row.price("regularprice"),
        row.price("saleprice"),
        _day(row, "datesalepricestarts"),
        _day(row, "datesalepriceends"),
        datetime.now().astimezone().date(),
    )
    return Variant(
        sku=row.text("sku"),
        options=_attributes(row) if is_variation else {},
        price=price,
        regular=regular,
        stock=None if row.text("stock").casefold() == "parent" else row.count("stock"),
        availability=_availability(row),
    )


def _day(row: Cells, name: str) -> date | None:
    try:
        return parse_date(row.text(name))
    except ValueError as error:
        column = row.names.get(name, name)
        raise RowProblemError(column, row.values[name], str(error)) from None


def _availability(row: Cells) -> Availability:
    stock = row.text("instock?", "instock").casefold()
    if row.text("backordersallowed?").casefold() in {"1", "notify"}:
        return "order"
    names: dict[str, Availability] = {"1": "in", "0": "out", "backorder": "order"}
    return names.get(stock, "")

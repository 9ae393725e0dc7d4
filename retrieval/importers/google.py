"""Google Merchant product data as records, whether they come from XML or from a tab-separated table.

Covered: the attributes of the product data specification that customers ask about, sale prices with
their dates, variants joined by `item_group_id`, availability. Groups are held in memory until the
end. Not covered: instalments, subscription costs, prices by region.
Specification: https://support.google.com/merchants/answer/7052112
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from retrieval.importers.columns import plain_name
from retrieval.importers.exports import Cells, Rows, keep_listing, uses_of
from retrieval.importers.html_text import text_of_html
from retrieval.importers.listing import Availability, Listing, Variant, current_price
from retrieval.importers.reading import Reading
from retrieval.importers.result import ColumnUse, Item, Problem
from retrieval.importers.rows import RowProblemError
from retrieval.text import guess_lang

NAME = "Google Merchant table"
_OPTIONS = {
    "color": ("Colour", "颜色"),
    "size": ("Size", "尺码"),
    "material": ("Material", "材质"),
    "pattern": ("Pattern", "图案"),
}
_FACTS = {
    "condition": ("Condition", "成色"),
    "gender": ("Gender", "适用性别"),
    "agegroup": ("Age group", "适用年龄"),
    "productweight": ("Weight", "重量"),
    "productlength": ("Length", "长"),
    "productwidth": ("Width", "宽"),
    "productheight": ("Height", "高"),
    "energyefficiencyclass": ("Energy class", "能效等级"),
    "multipack": ("Pieces in the pack", "每包件数"),
    "availabilitydate": ("Available from", "到货日期"),
}
_AVAILABLE: dict[str, Availability] = {
    "instock": "in",
    "outofstock": "out",
    "preorder": "order",
    "backorder": "order",
}
_USES = (
    {
        "id": "id",
        "itemgroupid": "joins variants",
        "title": "name",
        "description": "description",
        "price": "price",
        "saleprice": "sale price",
        "salepriceeffectivedate": "sale price",
        "availability": "stock",
        "brand": "brand",
        "producttype": "category",
        "googleproductcategory": "category",
        "producthighlight": "description",
    }
    | dict.fromkeys(_OPTIONS, "option")
    | dict.fromkeys(_FACTS, "specification")
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed: its cells, highlights and further details."""

    cells: Cells
    highlights: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


def fits(names: Sequence[str]) -> bool:
    """Whether a header is the one of a product data table."""
    plain = {plain_name(name) for name in names}
    return {"id", "title", "price", "availability"} <= plain and bool(
        plain & {"link", "imagelink", "googleproductcategory", "gtin"}
    )


def uses(names: Sequence[str]) -> tuple[ColumnUse, ...]:
    """What each column is taken for."""
    return uses_of(names, _USES)


def read(rows: Rows, reading: Reading) -> Iterator[Item]:
    """Products of a table."""
    entries = (row if isinstance(row, Problem) else Entry(row) for row in rows)
    yield from read_entries(entries, reading)


def read_entries(entries: Iterator[Entry | Problem], reading: Reading) -> Iterator[Item]:
    """Products, one passage each; those of a group at the end."""
    groups: dict[str, list[tuple[Entry, Variant]]] = {}
    for entry in entries:
        if isinstance(entry, Problem):
            yield entry
            continue
        cells = entry.cells
        try:
            group = cells.text("itemgroupid")
            key = group or cells.text("id")
            if not key:
                yield reading.problem(cells.line, "id", "", "is empty")
                continue
            variant = _variant(cells, grouped=bool(group))
            if group:
                groups.setdefault(group, []).append((entry, variant))
            else:
                listing = _listing(key, entry, [variant])
                yield from keep_listing(listing, cells.line, reading)
        except RowProblemError as error:
            yield reading.problem(cells.line, error.field, error.value, error.message)
    for key, members in groups.items():
        first = members[0][0]
        try:
            listing = _listing(key, first, [variant for _, variant in members])
        except RowProblemError as error:
            yield reading.problem(first.cells.line, error.field, error.value, error.message)
            continue
        yield from keep_listing(listing, first.cells.line, reading)


def _listing(key: str, entry: Entry, variants: list[Variant]) -> Listing:
    cells = entry.cells
    title = cells.text("structuredtitle", "title")
    zh = guess_lang(title).startswith("zh")
    options = {name for variant in variants for name in variant.options}
    facts = {
        names[zh]: cells.text(name)
        for name, names in (_FACTS | _OPTIONS).items()
        if cells.text(name) and names[0] not in options and names[1] not in options
    }
    if facts.get(_FACTS["condition"][zh]) == "new":
        del facts[_FACTS["condition"][zh]]  # goes without saying
    description = text_of_html(cells.text("description"))
    return Listing(
        key=key,
        name=_shared_title(title, variants),
        variants=variants,
        brand=cells.text("brand"),
        category=cells.text("producttype") or cells.text("googleproductcategory"),
        description="\n".join([description, *(f"- {line}" for line in entry.highlights)]).strip(),
        attributes=facts | dict(entry.details),
    )


def _shared_title(title: str, variants: Sequence[Variant]) -> str:
    """The title without the first variant's own options: "Tee - Red / S" stands for all."""
    if len(variants) < 2:
        return title
    for value in variants[0].options.values():
        title = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "", title, flags=re.IGNORECASE)
    return re.sub(r"[\s,/|–(（\-]+[)）]?\s*$", "", re.sub(r"\s{2,}", " ", title)).strip() or title


def _variant(cells: Cells, *, grouped: bool) -> Variant:
    zh = guess_lang(cells.text("title")).startswith("zh")
    start, end = _dates(cells.text("salepriceeffectivedate"))
    price, regular = current_price(
        cells.price("price"),
        cells.price("saleprice"),
        start,
        end,
        datetime.now().astimezone().date(),
    )
    options = {names[zh]: cells.text(name) for name, names in _OPTIONS.items() if cells.text(name)}
    return Variant(
        sku=cells.text("mpn") or cells.text("id"),
        options=options if grouped else {},
        price=price,
        regular=regular,
        availability=_AVAILABLE.get(plain_name(cells.text("availability")), ""),
    )


def _dates(text: str) -> tuple[date | None, date | None]:
    """`2026-02-24T13:00-0800/2026-03-01T15:30-0800` as days."""
    days = [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d{2}-\d{2}", text)]
    return (days[0], days[1]) if len(days) == 2 else (None, None)

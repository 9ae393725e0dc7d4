"""Tables, wherever their rows come from: find the header, say what it was taken for, read the rows.

Covered: title rows above the header, tables of FAQ entries, products and passages, and the
exports of shop systems, which have readers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.importers import google, shopify, woocommerce
from retrieval.importers.columns import plain_name
from retrieval.importers.exports import Cells, Rows
from retrieval.importers.header import Header
from retrieval.importers.reading import Reading
from retrieval.importers.records import read_row
from retrieval.importers.result import ColumnUse, FileFound, Item, Problem
from retrieval.importers.rows import Record, Row

HEADER_WITHIN = 10
NO_COLUMNS = (
    "no columns of an FAQ (question, answer), a product (sku, name, price) "
    "or a passage (title, text); name them by hand with --map"
)
NO_ROWS = "there are no rows below the header"


@dataclass(frozen=True, slots=True)
class _Export:
    name: str
    fits: Callable[[Sequence[str]], bool]
    uses: Callable[[Sequence[str]], tuple[ColumnUse, ...]]
    read: Callable[[Rows, Reading], Iterator[Item]]


_EXPORTS = (
    _Export(shopify.NAME, shopify.fits, shopify.uses, shopify.read),
    _Export(woocommerce.NAME, woocommerce.fits, woocommerce.uses, woocommerce.read),
    _Export(google.NAME, google.fits, google.uses, google.read),
)


def is_header(names: Sequence[str], reading: Reading) -> bool:
    """Whether a row is the header of something that can be read."""
    known = any(export.fits(names) for export in _EXPORTS)
    return known or Header.of(names, reading.wishes.columns).kind is not None


def read_table(
    records: Iterable[Record | Problem], reading: Reading, file_format: str, encoding: str = ""
) -> Generator[Item, None, Sequence[str] | None]:
    """Items of a table. Returns None when it was read, else what stood where a header should be."""
    rows = iter(records)
    first: list[str] | None = None
    looked = 0
    for record in rows:
        if isinstance(record, Problem):
            yield record
            continue
        names = ["" if cell is None else str(cell).strip() for cell in record.cells]
        if not any(names):
            continue
        if is_header(names, reading):
            yield from _read_below(names, record.line, rows, reading, file_format, encoding)
            return None
        first = first or [name for name in names if name]
        looked += 1
        if looked == HEADER_WITHIN:
            break
    return first or []


def _read_below(
    names: list[str],
    line: int,
    rows: Iterator[Record | Problem],
    reading: Reading,
    file_format: str,
    encoding: str,
) -> Iterator[Item]:
    wanted = reading.wishes.columns
    header = Header.of(names, wanted)
    if absent := header.absent(wanted):
        message = "--map names a column that is not here; nothing was read"
        yield reading.problem(line, absent[0], ", ".join(names), message)
        return
    export = None if wanted else next((e for e in _EXPORTS if e.fits(names)), None)
    if export:
        found = f"{export.name} ({file_format})"
        yield FileFound(reading.file, found, encoding, export.uses(names))
        plain = [plain_name(name) for name in names]
        original = dict(zip(plain, names, strict=True))
        yield from export.read(_cells(rows, plain, original, reading), reading)
    else:
        found = f"{file_format} of {_KINDS[header.kind or 'passage']}"
        yield FileFound(reading.file, found, encoding, header.uses)
        for record in _whole(rows, len(names), reading):
            if isinstance(record, Problem):
                yield record
            else:
                yield from read_row(Row(record.line, header, record.cells), header.kind, reading)
    if reading.is_empty:
        yield reading.problem(0, "", None, NO_ROWS)


_KINDS = {"faq": "FAQ entries", "product": "products", "passage": "passages"}


def _cells(
    rows: Iterator[Record | Problem], plain: list[str], names: dict[str, str], reading: Reading
) -> Rows:
    for record in _whole(rows, len(plain), reading):
        if isinstance(record, Problem):
            yield record
        else:
            values = dict(zip(reversed(plain), reversed(record.cells), strict=True))
            yield Cells(record.line, values, names)


def _whole(
    rows: Iterable[Record | Problem], width: int, reading: Reading
) -> Iterator[Record | Problem]:
    """Rows of the header's width; blank ones are passed over."""
    for record in rows:
        if isinstance(record, Problem):
            yield record
            continue
        cells = list(record.cells)
        if all(cell is None or not str(cell).strip() for cell in cells):
            continue
        while len(cells) > width and (cells[-1] is None or not str(cells[-1]).strip()):
            cells.pop()
        if len(cells) > width:
            message = f"{len(cells)} cells, but the header has {width}; is a quote missing?"
            yield reading.problem(record.line, "", ", ".join(map(str, cells)), message)
            continue
        yield Record(record.line, cells + [""] * (width - len(cells)))

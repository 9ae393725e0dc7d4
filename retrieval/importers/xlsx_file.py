"""Excel workbooks: every sheet that has the columns of an FAQ, a product or a passage.

Covered: title rows above the header, formulas (the value Excel saved is taken; one that was never
calculated is reported), error cells, dates, numbers, cells merged over several rows (each row gets
the value), damaged files. Not covered: the old `.xls` format, which is reported; cells merged over
several columns count for the first.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.cell import range_boundaries

from retrieval.importers.reading import Reading
from retrieval.importers.result import Item
from retrieval.importers.rows import Record
from retrieval.importers.table import NO_COLUMNS, NO_ROWS, read_table
from retrieval.importers.values import Formula

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_BLOCK = 1 << 20
_REPORT_EVERY = 500


def import_xlsx(reading: Reading) -> Iterator[Item]:
    """Passages of all sheets of a workbook."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that openpyxl skips
            yield from _read_workbook(reading)
    except OSError:
        raise
    except Exception as error:  # openpyxl raises whatever its ZIP and XML parsers do
        reason = str(error) or type(error).__name__
        message = f"the workbook cannot be read ({reason}); open it in Excel and save it as .xlsx"
        yield reading.problem(0, "", None, message)


def _read_workbook(reading: Reading) -> Iterator[Item]:
    # Opened here, because openpyxl refuses a workbook whose name does not end as it expects.
    with reading.path.open("rb") as first, reading.path.open("rb") as second:
        values = openpyxl.load_workbook(first, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(second, read_only=True, data_only=False)
        usable = False
        for sheet, shadow in zip(values.worksheets, formulas.worksheets, strict=True):
            records = _records(sheet, shadow, reading)
            name = f"Excel sheet “{sheet.title}”"
            usable |= (yield from read_table(records, reading, name)) is None
        if not usable:
            message = f"no sheet has columns that are known: {NO_COLUMNS}"
            yield reading.problem(0, "", ", ".join(values.sheetnames), message)
        elif reading.is_empty:
            yield reading.problem(0, "", None, NO_ROWS)


def _records(sheet: Any, shadow: Any, reading: Reading) -> Iterator[Record]:
    pairs = zip(sheet.iter_rows(values_only=True), shadow.iter_rows(values_only=True), strict=False)
    merged = _merged_down(reading.path, sheet)
    above: dict[int, object] = {}
    for line, (cells, written) in enumerate(pairs, start=1):
        texts = [getattr(cell, "text", cell) for cell in written]
        row = [
            Formula(text) if cell is None and isinstance(text, str) and text[:1] == "=" else cell
            for cell, text in zip(cells, texts, strict=False)
        ]
        for column, first, last in merged:
            if first <= line <= last and column < len(row):
                if line == first:
                    above[column] = row[column]
                else:
                    row[column] = above.get(column)
        if line % _REPORT_EVERY == 0:
            size = reading.path.stat().st_size
            reading.progress(min(size, size * line // max(1, sheet.max_row or line)))
        yield Record(line, row)


def _merged_down(path: Path, sheet: Any) -> list[tuple[int, int, int]]:
    """Cells merged over several rows as (column from 0, first row, last row).

    openpyxl's streaming mode, which bounds memory, does not tell; the list stands in the sheet.
    """
    found = []
    with zipfile.ZipFile(path) as book, book.open(sheet._worksheet_path) as stream:
        tail = b""
        while block := stream.read(_BLOCK):
            text = tail + block
            for match in _MERGED.finditer(text):
                left, top, _, bottom = range_boundaries(match[1].decode())
                if bottom > top:
                    found.append((left - 1, top, bottom))
            tail = text[max(text.rfind(b"<"), len(text) - 200) :] if b"<" in text[-200:] else b""
    return found

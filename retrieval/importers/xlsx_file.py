"""Excel workbooks: every sheet that has the columns of an FAQ, a product or a passage.

Covered: title rows above the header, formulas (the value Excel saved is taken; one that was never
calculated is reported), error cells, dates, numbers, damaged files. Not covered: the old `.xls`
format, which is reported, and cells merged over several rows, which count as empty but for the
first.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl

from retrieval.importers.columns import guess_column
from retrieval.importers.records import Collector, Kind, Row, kind_of
from retrieval.importers.result import ImportResult

_HEADER_WITHIN = 10


def import_xlsx(path: Path) -> ImportResult:
    """Passages of all sheets of a workbook."""
    collector = Collector(path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that openpyxl skips
            _read_workbook(path, collector)
    except Exception as error:  # openpyxl raises whatever its ZIP and XML parsers do
        reason = str(error) or type(error).__name__
        message = f"the workbook cannot be read ({reason}); open it in Excel and save it as .xlsx"
        collector.report(0, "", None, message)
    return collector.result()


def _read_workbook(path: Path, collector: Collector) -> None:
    values = openpyxl.load_workbook(path, read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(path, read_only=True, data_only=False)
    try:
        usable = False
        for sheet, shadow in zip(values.worksheets, formulas.worksheets, strict=True):
            usable |= _read_sheet(sheet, shadow, collector)
        if not usable:
            message = (
                "no sheet has the columns of an FAQ (question, answer), a product "
                "(sku, name, price) or a passage (title, text)"
            )
            collector.report(0, "", ", ".join(values.sheetnames), message)
        elif collector.is_empty:
            collector.report(0, "", None, "there are no rows below the header")
    finally:
        values.close()
        formulas.close()


def _read_sheet(sheet: Any, shadow: Any, collector: Collector) -> bool:
    """Read one sheet; whether it had columns of ours."""
    header: list[str] = []
    kind: Kind | None = None
    for line, cells, written in _rows(sheet, shadow):
        if all(cell is None for cell in written):
            continue
        if kind is None:
            if line > _HEADER_WITHIN:
                return False
            header = ["" if cell is None else str(cell).strip() for cell in cells]
            kind = kind_of(column for name in header if (column := guess_column(name)))
            continue
        row: dict[str, object] = {}
        uncalculated = ""
        for position, (name, cell) in enumerate(zip(header, cells, strict=False)):
            if not name:
                continue
            formula = written[position] if position < len(written) else None
            if cell is None and isinstance(formula, str) and formula.startswith("="):
                uncalculated = uncalculated or name
                collector.report(
                    line, name, formula, "a formula without a value; open and save it in Excel"
                )
            row[name] = cell
        if not uncalculated:
            collector.add(Row(line, row), kind)
    return kind is not None


def _rows(sheet: Any, shadow: Any) -> Iterator[tuple[int, tuple[Any, ...], tuple[Any, ...]]]:
    pairs = zip(sheet.iter_rows(values_only=True), shadow.iter_rows(values_only=True), strict=False)
    for line, (cells, written) in enumerate(pairs, start=1):
        yield line, cells, tuple(getattr(cell, "text", cell) for cell in written)

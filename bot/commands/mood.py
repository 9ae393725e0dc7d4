"""`shopkeeper mood FILE`: label a file of reviews or messages, at encoder speed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.commands.models import progress_bars
from bot.config import load_settings
from bot.errors import InputError
from bot.mood_files import Journal, Label, Sheet, read_sheet, text_column, text_of, write_labelled
from bot.types import Mood

CHUNK = 256
_WORST = 10
console = Console(stderr=True)

ReadTexts = Callable[[Sequence[str]], Sequence[Mood]]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("mood", rich_help_panel="Running it")(mood)


def mood(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX (first sheet) or JSON Lines.")],
    column: Annotated[str, typer.Option(help="Column with the text; guessed when empty.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="CSV or JSON Lines to write; FILE.mood.csv if not named.")
    ] = None,
    header: Annotated[bool, typer.Option(help="Whether the first row names the columns.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Label a file of reviews: negative, neutral, positive, and how frustrated each one is.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    from bot.build import load_search_parts

    sheet = read_sheet(file, header=header)
    named = text_column(sheet, column)
    target = out or file.with_name(f"{file.stem}.mood{_kind(file)}")
    if target.exists():
        raise InputError(f"{target} is there already", fix="delete it, or name another with --out")
    if not column:
        console.print(f"texts are taken from the column {named!r}", markup=False, highlight=False)
    started = time.monotonic()
    labels, fresh = label(sheet, named, target, load_search_parts(load_settings()).mood.read_texts)
    _report(sheet, named, labels, fresh, time.monotonic() - started, target, as_json)


def label(sheet: Sheet, column: str, target: Path, read: ReadTexts) -> tuple[list[Label], int]:
    """Label every row and write the result. Returns the labels and how many were made now.

    Raises:
        KeyboardInterrupt: stopped; what is done is kept for the next time.
    """
    texts = [text_of(row, column) for row in sheet.rows]
    journal = Journal(target.with_name(f"{target.name}.part"), texts)
    before = len(journal.labels)
    if before:
        console.print(f"{before:,} rows are done already, going on")
    try:
        with progress_bars() as report:
            for start in range(before, len(texts), CHUNK):
                report("reading moods", start, len(texts))
                journal.add([Label.of(one) for one in read(texts[start : start + CHUNK])])
            report("reading moods", len(texts), len(texts))
    except KeyboardInterrupt:
        done = len(journal.labels)
        console.print(f"stopped after {done:,} of {len(texts):,}; the same command goes on there")
        raise
    write_labelled(target, sheet, journal.labels)
    journal.remove()
    return journal.labels, len(texts) - before


def _kind(file: Path) -> str:
    return ".jsonl" if file.suffix.casefold() in (".jsonl", ".ndjson") else ".csv"


def _report(
    sheet: Sheet,
    column: str,
    labels: Sequence[Label],
    fresh: int,
    seconds: float,
    target: Path,
    as_json: bool,
) -> None:
    counts = Counter(one.label for one in labels)
    unhappy = sum(one.unhappy for one in labels)
    if not as_json:
        table = Table("mood", "rows", "share", title=str(target))
        for name in ("negative", "neutral", "positive", "unknown"):
            table.add_row(name, f"{counts[name]:,}", f"{counts[name] / len(labels):.0%}")
        table.add_row("unhappy customers", f"{unhappy:,}", f"{unhappy / len(labels):.0%}")
        console.print(table)
        _show_worst(sheet, column, labels)
    result = {
        "file": str(target),
        "column": column,
        "rows": len(labels),
        "labels": {name: counts[name] for name in ("negative", "neutral", "positive", "unknown")},
        "unhappy": unhappy,
        "seconds": round(seconds, 1),
        "rows_per_s": round(fresh / seconds, 1) if seconds else 0.0,
    }
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        console.print(f"{fresh:,} rows in {seconds:.0f} s, written to {target}", markup=False)


def _show_worst(sheet: Sheet, column: str, labels: Sequence[Label]) -> None:
    known = [place for place, one in enumerate(labels) if one.unhappy]
    if not known:
        return
    table = Table("row", "frustration", "text", title="the unhappiest")
    for place in sorted(known, key=lambda at: -labels[at].frustration)[:_WORST]:
        text = " ".join(text_of(sheet.rows[place], column).split())
        shown = text if len(text) <= 100 else f"{text[:99]}…"
        table.add_row(f"{place + 1:,}", f"{labels[place].frustration:.0%}", escape(shown))
    console.print(table)

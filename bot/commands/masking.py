"""`shopkeeper privacy mask`, `measure`: what masking does to a text, and how well it does."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

console = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def mask_text(
    text: Annotated[str, typer.Argument(help="A text, or - for lines of standard input.")],
) -> None:
    """Show what analytics, logs and training see of a text."""
    from bot.privacy.finding import mask

    lines = sys.stdin if text == "-" else [text]
    for line in lines:
        print(mask(line.rstrip("\n")))


def measure(
    file: Annotated[Path, typer.Argument(help="JSON Lines: id, lang, text, personal (list).")],
    as_json: AsJson = False,
) -> None:
    """Measure the masking on labelled texts: precision and recall, by kind and language."""
    from bot.privacy.measure import measure_file

    score = measure_file(file)
    if as_json:
        print(json.dumps(asdict(score), ensure_ascii=False))
        return
    table = Table("what", "texts", "personal", "found", "missed", "wrong", "precision", "recall")
    for row in score.rows:
        counts = (row.texts, row.personal, row.found, row.missed, row.wrong)
        shares = (f"{row.precision:.3f}", f"{row.recall:.3f}")
        table.add_row(row.name, *map(str, counts), *shares)
    Console().print(table)
    for mistake in score.mistakes:
        console.print(f"{mistake.case_id}: {mistake.what} {mistake.text!r}", markup=False)

"""`shopkeeper knowledge …`, `index`, `calibrate`: what the shop knows, in and out."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.build import Shop, open_shop
from bot.commands.models import progress_bars
from bot.config import Settings
from bot.errors import InputError
from bot.types import Passage
from retrieval.importers import ImportResult, import_path

console = Console(stderr=True)
_SHOWN_PROBLEMS = 30


def import_paths(settings: Settings, paths: list[Path], *, dry_run: bool = False) -> int:
    """Import files and folders; returns the exit code, 1 when some row was bad."""
    results = [import_path(path) for path in paths]
    show_problems(results)
    passages = [passage for result in results for passage in result.passages]
    if not passages:
        raise InputError(
            f"nothing to import in {', '.join(map(str, paths))}",
            fix="see `shopkeeper knowledge import --help` for formats",
        )
    if dry_run:
        console.print(f"{len(passages)} passages would be imported (dry run, nothing changed)")
    else:
        with open_shop(settings, models=False) as shop:
            changed = shop.knowledge.upsert(passages)
        console.print(
            f"{len(passages)} passages read, {changed} new or changed; "
            "a running server sees them within a second",
            style="green",
        )
    return 1 if any(result.problems for result in results) else 0


def show_problems(results: list[ImportResult]) -> None:
    """A table of the bad rows."""
    problems = [problem for result in results for problem in result.problems]
    if not problems:
        return
    table = Table("file", "line", "field", "value", "problem", title=f"{len(problems)} bad rows")
    for problem in problems[:_SHOWN_PROBLEMS]:
        cells = (problem.file, problem.line, problem.field, problem.value, problem.message)
        table.add_row(*(str(cell) for cell in cells))
    console.print(table)
    if len(problems) > _SHOWN_PROBLEMS:
        console.print(f"… and {len(problems) - _SHOWN_PROBLEMS} more")


def delete(settings: Settings, passage_ids: list[str]) -> None:
    """Delete passages."""
    with open_shop(settings, models=False) as shop:
        count = shop.knowledge.delete(passage_ids)
    console.print(f"{count} of {len(passage_ids)} passages deleted")


def show(settings: Settings, search: str) -> None:
    """List passages."""
    table = Table("id", "kind", "lang", "v", "title")
    with open_shop(settings, models=False) as shop:
        for passage in shop.knowledge.live_passages():
            text = f"{passage.passage_id} {passage.title} {passage.text}"
            if search.casefold() in text.casefold():
                version = str(passage.version)
                title = passage.title[:80]
                table.add_row(passage.passage_id, passage.kind, passage.lang, version, title)
    Console().print(table)


def export(settings: Settings, path: Path) -> None:
    """Write all passages as JSON Lines, in the fields of the evaluation commands.

    Raises:
        InputError: the file cannot be written.
    """
    with open_shop(settings, models=False) as shop:
        passages = shop.knowledge.live_passages()
    rows = [json.dumps(_exported(passage), ensure_ascii=False) + "\n" for passage in passages]
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(rows)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}", fix="free disk space or choose another place"
        ) from error
    console.print(f"{len(passages)} passages written to {path}", style="green")


def _exported(passage: Passage) -> dict[str, object]:
    return {
        "passage_id": passage.passage_id,
        "lang": passage.lang,
        "title": passage.title,
        "text": passage.text,
        "kind": passage.kind,
        "alternatives": list(passage.alternatives),
        "valid_from": str(passage.valid_from or ""),
        "valid_until": str(passage.valid_until or ""),
    }


def rebuild(settings: Settings) -> None:
    """Build the index from the database and save it."""
    with open_shop(settings, generator=False) as shop, progress_bars() as report:
        shop.rebuild_index(lambda done, total: report("encoding passages", done, total))
    console.print(f"index written to {settings.index_dir}", style="green")


def calibrate(settings: Settings, questions: list[Path], split: str) -> None:
    """Fit the answerability calibration on golden questions."""
    from bot.commands.calibrating import fit

    with open_shop(settings, generator=False) as shop:
        fit(shop, questions, split)


def load_demo_shop(shop: Shop, folder: Path) -> None:
    """Import the demo shop into an empty database."""
    if shop.knowledge.live_passages():
        return
    result = import_path(folder)
    show_problems([result])
    shop.knowledge.upsert(result.passages)
    console.print(f"the demo shop is loaded: {len(result.passages)} passages")

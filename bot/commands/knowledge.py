"""`shopkeeper knowledge …`, `index`, `calibrate`: what the shop knows, listed, deleted, written out.

Bringing knowledge in is in `bot.commands.importing`.
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.build import Shop, open_shop
from bot.commands.importing import show_problems
from bot.commands.models import progress_bars
from bot.commands.recorded import record_command
from bot.config import Settings
from bot.errors import InputError
from bot.types import Passage
from retrieval.importers import import_path

console = Console(stderr=True)


def delete(settings: Settings, passage_ids: list[str]) -> None:
    """Delete passages; all of them, or none when an id is wrong.

    Raises:
        InputError: there is no passage of such an id; nothing was deleted.
    """
    with open_shop(settings, models=False) as shop:
        there = shop.knowledge.live_ids(passage_ids)
        missing = [passage_id for passage_id in passage_ids if passage_id not in there]
        if missing:
            raise InputError(
                f"there is no passage {', '.join(missing)}; nothing was deleted",
                fix="see: shopkeeper knowledge list",
            )
        count = shop.knowledge.delete(passage_ids)
        record_command(shop.engine, "knowledge.delete", "", f"{count} passages")
    many = "1 passage" if count == 1 else f"{count} passages"
    console.print(f"{many} deleted; a running server no longer answers with them")


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


def calibrate(
    settings: Settings,
    questions: list[Path],
    split: str,
    public: Path | None = None,
    plot: Path | None = None,
) -> None:
    """Fit the answerability calibration on golden questions."""
    from bot.commands.calibrating import fit

    with open_shop(settings) as shop:
        fit(shop, questions, split, public, plot)


def load_demo_shop(shop: Shop, folder: Path) -> None:
    """Import the demo shop into an empty database."""
    if shop.knowledge.live_passages():
        return
    result = import_path(folder)
    show_problems(list(result.problems))
    shop.knowledge.upsert(result.passages)
    console.print(f"the demo shop is loaded: {len(result.passages)} passages")

"""`shopkeeper knowledge import`: what is recognised is shown, then what changes, then it is stored.

Covered: a dry run, batches (a file of any size needs little memory), bad rows, what the files no
longer hold. Not covered: comparing texts for contradictions (`bot.commands.checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.build import Shop, open_shop
from bot.commands.models import progress_bars
from bot.config import Settings
from bot.errors import InputError
from bot.store.comparing import Change, StoredKnowledge
from bot.types import Passage
from retrieval.importers import (
    FileFound,
    Memory,
    Note,
    Problem,
    Wishes,
    parse_mapping,
    read_path,
)

console = Console(stderr=True)
_SHOWN_PROBLEMS = 30
_LEFT_OUT = "left out"
_SHOWN_NOTES = 20
_SHOWN_CHANGES = 15
_BATCH = 5000
"""Passages stored at once; a shop smaller than that sees all of an import or nothing of it."""
_KEPT_PROBLEMS = 1000


@dataclass(slots=True)
class Outcome:
    """What an import met and did. `changed_ids` are those added or changed."""

    counts: dict[Change, int] = field(
        default_factory=lambda: {"added": 0, "changed": 0, "unchanged": 0}
    )
    shown: dict[Change, list[str]] = field(
        default_factory=lambda: {"added": [], "changed": [], "unchanged": []}
    )
    problems: list[Problem] = field(default_factory=list)
    bad_rows: int = 0
    notes: list[Note] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    changed_ids: set[str] = field(default_factory=set)

    @property
    def read(self) -> int:
        """How many passages were read."""
        return sum(self.counts.values())

    def note_problem(self, problem: Problem) -> None:
        """Count a bad row; only so many are kept."""
        self.bad_rows += 1
        self.broken.add(problem.file)
        if len(self.problems) < _KEPT_PROBLEMS:
            self.problems.append(problem)

    def note_change(self, change: Change, passage: Passage) -> None:
        """Count a passage."""
        self.counts[change] += 1
        self.sources.add(passage.source)
        if change != "unchanged":
            self.changed_ids.add(passage.passage_id)
        if len(self.shown[change]) < _SHOWN_CHANGES:
            self.shown[change].append(f"{passage.passage_id}  {passage.title[:60]}")


def import_paths(
    settings: Settings,
    paths: list[Path],
    *,
    dry_run: bool = False,
    mapping: list[str] | None = None,
    currency: str = "",
    prune: bool = False,
    check: bool = True,
) -> int:
    """Import files and folders; returns the exit code, 1 when some row was bad.

    Raises:
        InputError: nothing can be imported, or a wish makes no sense.
        StoreError: the database failed.
    """
    wishes = Wishes(parse_mapping(mapping or []), _currency(currency))
    if dry_run and not _has_database(settings):
        outcome = _run(None, paths, wishes, store=False, prune=prune)
    else:
        with open_shop(settings, models=False) as shop:
            outcome = _run(shop, paths, wishes, store=not dry_run, prune=prune)
    _show(outcome, dry_run=dry_run, prune=prune)
    if not outcome.read:
        raise InputError(
            f"nothing to import in {', '.join(map(str, paths))}",
            fix="see docs/knowledge.md for formats and examples; --map names columns by hand",
        )
    if check and outcome.changed_ids and not dry_run:
        from bot.commands.checking import check_changed

        check_changed(settings, outcome.changed_ids)
    return 1 if outcome.bad_rows else 0


def _run(
    shop: Shop | None, paths: list[Path], wishes: Wishes, *, store: bool, prune: bool
) -> Outcome:
    stored = StoredKnowledge(shop.engine if shop else None)
    outcome, memory = Outcome(), Memory()
    batch: list[Passage] = []

    def flush() -> None:
        if store and shop and batch:
            shop.knowledge.upsert(batch)
        batch.clear()

    with _reading_bars() as report:
        for path in paths:
            for item in read_path(path, wishes, memory, report):
                if isinstance(item, FileFound):
                    show_found(item)
                elif isinstance(item, Problem):
                    outcome.note_problem(item)
                elif isinstance(item, Note):
                    outcome.notes.append(item)
                else:
                    outcome.note_change(stored.change(item), item)
                    batch.append(item)
                    if len(batch) >= _BATCH:
                        flush()
        flush()
    outcome.missing = stored.missing(outcome.sources - outcome.broken, memory.has)
    leftover = stored.leftover_parts(memory.has)
    for passage_id in leftover:
        outcome.missing.pop(passage_id, None)
    if store and shop:
        gone = [*leftover, *(outcome.missing if prune else ())]
        if gone:
            shop.knowledge.delete(gone)
    return outcome


@contextmanager
def _reading_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for files that take a while; small ones report nothing."""
    with progress_bars() as bars:
        yield lambda name, done, total: bars(f"reading {name}", done, total)


def _has_database(settings: Settings) -> bool:
    return bool(settings.database_url) or (settings.home / "shopkeeper.db").exists()


def _currency(code: str) -> str:
    code = code.strip().upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise InputError(
            f"--currency {code!r} is no currency", fix="give its ISO code: EUR, CNY, USD …"
        )
    return code


def show_found(found: FileFound) -> None:
    """What a file was recognised as, with its columns."""
    encoding = f", {found.encoding}" if found.encoding else ""
    console.print(f"{found.file}: {found.format}{encoding}", markup=False, highlight=False)
    if found.columns:
        used = [column for column in found.columns if column.use != _LEFT_OUT]
        rest = [column.name for column in found.columns if column.use == _LEFT_OUT]
        told = "; ".join(f"{column.name} → {column.use}" for column in used)
        told += f"\n{_LEFT_OUT}: {', '.join(rest)}" if rest else ""
        console.print(Padding(Text(told, "dim"), (0, 0, 0, 2)))


def show_problems(problems: list[Problem], total: int = 0) -> None:
    """A table of the bad rows."""
    if not problems:
        return
    total = total or len(problems)
    title = f"{total} bad row{'s' if total != 1 else ''}"
    table = Table("file", "line", "field", "value", "problem", title=title)
    for problem in problems[:_SHOWN_PROBLEMS]:
        line = str(problem.line) if problem.line else ""
        cells = (problem.file, line, problem.field, problem.value, problem.message)
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    console.print(table)
    if total > _SHOWN_PROBLEMS:
        console.print(f"… and {total - _SHOWN_PROBLEMS} more")


def _show(outcome: Outcome, *, dry_run: bool, prune: bool) -> None:
    show_problems(outcome.problems, outcome.bad_rows)
    for note in outcome.notes[:_SHOWN_NOTES]:
        console.print(f"note: {note.file}: {note}", style="yellow", markup=False, highlight=False)
    if len(outcome.notes) > _SHOWN_NOTES:
        console.print(f"… and {len(outcome.notes) - _SHOWN_NOTES} more notes")
    if not outcome.read:
        return
    if dry_run:
        for change in ("added", "changed"):
            _show_list(change, outcome.shown[change], outcome.counts[change], "green")
        gone = [f"{key}  {title[:60]}" for key, title in outcome.missing.items()]
        label = "removed" if prune else "no longer in the file (removed with --prune)"
        _show_list(label, gone[:_SHOWN_CHANGES], len(gone), "red")
    counts = ", ".join(f"{count} {name}" for name, count in outcome.counts.items())
    if dry_run:
        console.print(f"{outcome.read} passages read: {counts} (dry run, nothing changed)")
        return
    console.print(f"{outcome.read} passages read: {counts}", style="green")
    if outcome.missing:
        count = f"{len(outcome.missing)} passages that the files no longer hold"
        kept = f"{count} were removed" if prune else f"{count} were kept; --prune removes them"
        console.print(kept, style="yellow")
    if prune and outcome.broken & outcome.sources:
        console.print("files with bad rows removed nothing", style="yellow")
    console.print("a running server sees the changes within a second")


def _show_list(label: str, lines: list[str], total: int, style: str) -> None:
    if not total:
        return
    console.print(f"{total} {label}:", style=style)
    for line in lines:
        console.print(f"  {line}", markup=False, highlight=False)
    if total > len(lines):
        console.print(f"  … and {total - len(lines)} more")

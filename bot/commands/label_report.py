"""What `eval sentiment`, `frustration` and `intent` show beside their metrics.

Covered: scores per source, the confusion matrix, the most confident mistakes, as tables, as a file
and as a page. Not covered: computing any of it (`training.tasks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.commands.reporting import finish, write_details, write_report

if TYPE_CHECKING:
    from training.tasks.report import TaskReport

SHOWN = 10
_TEXT_CHARS = 90
_COLUMNS = ("id", "lang", "source", "truth", "predicted", "confidence", "text")


def finish_labels(
    task: str,
    report: TaskReport,
    config: dict[str, Any],
    started: float,
    *,
    details: Path | None,
    worst: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Print the result, its JSON object last; write the files that are asked for."""
    from training.tasks.report import worst as worst_of

    mistakes = [_case(row) for row in worst_of(report)]
    if details is not None:
        write_details(details, [dict(row) for row in report.details])
    if worst is not None:
        write_details(worst, mistakes)
    by_lang = {lang: dict(values) for lang, values in report.by_lang.items()}
    by_source = {name: dict(values) for name, values in report.by_source.items()}
    if not as_json:
        _show_sources(by_source)
        _show_confusion(report)
        _show_worst(mistakes[:SHOWN])
    result = finish(
        task,
        report.n,
        report.metrics,
        by_lang,
        config,
        started,
        as_json=as_json,
        by_source=by_source,
    )
    if page is not None:
        groups = {"language": by_lang, "source": by_source}
        write_report(page, result, groups, mistakes, _COLUMNS)


def _case(row: Mapping[str, Any]) -> dict[str, Any]:
    truth = row["label"] if "label" in row else row["frustration"]
    return {**row, "truth": str(truth), "predicted": str(row["predicted"])}


def _show_sources(by_source: Mapping[str, Mapping[str, float]]) -> None:
    if not by_source:
        return
    names = list(next(iter(by_source.values())))
    table = Table("source", *names, title="per source")
    for source, values in by_source.items():
        table.add_row(escape(source), *(f"{values[name]:.3f}" for name in names))
    Console(stderr=True).print(table)


def _show_confusion(report: TaskReport) -> None:
    if not report.confusion:
        return
    table = Table("true, said:", *report.labels, title="confusion")
    for label, row in zip(report.labels, report.confusion, strict=True):
        table.add_row(label, *map(str, row))
    Console(stderr=True).print(table)


def _show_worst(mistakes: list[dict[str, Any]]) -> None:
    if not mistakes:
        return
    table = Table("sure", "true", "said", "text", title="worst cases")
    for row in mistakes:
        text = escape(" ".join(str(row["text"]).split())[:_TEXT_CHARS])
        table.add_row(f"{row['confidence']:.2f}", row["truth"], row["predicted"], text)
    Console(stderr=True).print(table)

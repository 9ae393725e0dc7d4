"""`shopkeeper eval …`: the evaluation commands, a stable interface (docs/evaluation.md).

Each runs on any UTF-8 JSON Lines file with the documented fields, shows progress on stderr and
prints one JSON object as its last line on stdout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.commands import eval_answers
from bot.commands.label_report import finish_labels
from bot.commands.models import needs_training_extra, progress_bars
from bot.commands.reporting import compare, finish
from bot.config import load_settings
from bot.models.registry import DEFAULT_ENCODER

if TYPE_CHECKING:
    from training.tasks.report import TaskReport

eval_app = typer.Typer(help="Measure retrieval, answers, sentiment, frustration, intent.")

Details = Annotated[Path | None, typer.Option(help="Write one row per case to this file.")]
Worst = Annotated[
    Path | None, typer.Option(help="Write the 50 most confident mistakes to this file.")
]
Page = Annotated[
    Path | None, typer.Option("--report", help="Write an HTML page with the worst cases.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print nothing but the JSON object.")]
Data = Annotated[Path, typer.Option(help="JSON Lines file: id, lang, text and the labels.")]


def register(app: typer.Typer) -> None:
    """Add the group to the command line."""
    eval_answers.register(eval_app)
    eval_app.command("compare")(compare)
    app.add_typer(eval_app, name="eval", rich_help_panel="Models, training, measuring")


@eval_app.command("retrieval")
def retrieval(
    queries: Annotated[
        Path, typer.Option(help="JSON Lines: id, lang, question, history, gold_passage_id.")
    ],
    passages: Annotated[
        Path | None,
        typer.Option(
            help="JSON Lines: passage_id, lang, title, text; or a shop's folder. "
            "Without it, the contexts that the questions bring along are searched."
        ),
    ] = None,
    mode: Annotated[
        str, typer.Option(help="dense, lexical, hybrid, or rerank: hybrid and the reader.")
    ] = "rerank",
    split: Annotated[str, typer.Option(help="Only rows of this split; empty for all.")] = "",
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Passages must be valid on it; today if not given."
        ),
    ] = None,
    history: Annotated[
        str,
        typer.Option(
            help="What is searched of a history: last (the question alone), questions (all of the "
            "customer's words), turns (everybody's), completed (as the shop does)."
        ),
    ] = "completed",
    follow_ups: Annotated[
        bool, typer.Option("--follow-ups", help="Only questions with a history.")
    ] = False,
    details: Details = None,
    as_json: AsJson = False,
) -> None:
    """Recall, MRR and nDCG of search over any passages and queries."""
    from bot.build import load_search_parts
    from retrieval.evaluation import Selection, evaluate_retrieval

    settings = load_settings()
    started = time.monotonic()
    parts = load_search_parts(settings)
    report = evaluate_retrieval(
        passages,
        queries,
        mode,
        parts.encoder,
        selection=Selection(split, follow_ups, history, day.date() if day else None),
        reader=parts.reader,
        understand=parts.understand,
        details_file=details,
        progress=_bar("searching"),
    )
    _complain(report.problems)
    finish(
        "retrieval",
        report.n,
        dict(report.metrics),
        {lang: dict(values) for lang, values in report.by_lang.items()},
        dict(report.config),
        started,
        as_json=as_json,
    )


@eval_app.command("sentiment")
def sentiment(
    data: Data,
    details: Details = None,
    worst: Worst = None,
    report_file: Page = None,
    as_json: AsJson = False,
) -> None:
    """Negative, neutral or positive: accuracy, macro F1, calibration error."""
    from bot.build import load_search_parts
    from training.tasks.sentiment import evaluate_sentiment

    started = time.monotonic()
    mood = load_search_parts(load_settings()).mood
    with progress_bars() as report:
        result = evaluate_sentiment(data, mood, report)
    _finish_labels(
        "sentiment", result, {"heads": mood.name}, started, (details, worst, report_file), as_json
    )


@eval_app.command("frustration")
def frustration(
    data: Data,
    details: Details = None,
    worst: Worst = None,
    report_file: Page = None,
    as_json: AsJson = False,
) -> None:
    """Frustrated or not: AUROC, F1 at the shipped threshold, calibration error."""
    from bot.build import load_search_parts
    from training.tasks.frustration import evaluate_frustration

    started = time.monotonic()
    mood = load_search_parts(load_settings()).mood
    with progress_bars() as report:
        result = evaluate_frustration(data, mood, report)
    _finish_labels(
        "frustration", result, {"heads": mood.name}, started, (details, worst, report_file), as_json
    )


@eval_app.command("intent")
def intent(
    train: Annotated[Path, typer.Option(help="JSON Lines to learn from: text, label, in_scope.")],
    data: Data,
    details: Details = None,
    worst: Worst = None,
    report_file: Page = None,
    as_json: AsJson = False,
) -> None:
    """Any set of intents, learnt from --train in seconds: accuracy, out-of-scope recall, AUROC."""
    needs_training_extra()
    from bot.models.setup import ModelHome, ensure_serving
    from retrieval.encoder import OpenVinoEncoder
    from training.tasks.intent import evaluate_intent

    started = time.monotonic()
    home = ModelHome(load_settings().models_dir)
    # The encoder without an adapter: what it knows of intents does not depend on ours.
    encoder = OpenVinoEncoder.load(ensure_serving(DEFAULT_ENCODER, home))
    with progress_bars() as report:
        result = evaluate_intent(train, data, encoder, report)
    _finish_labels(
        "intent", result, {"encoder": encoder.name}, started, (details, worst, report_file), as_json
    )


def _finish_labels(
    task: str,
    report: TaskReport,
    config: dict[str, Any],
    started: float,
    files: tuple[Path | None, Path | None, Path | None],
    as_json: bool,
) -> None:
    _complain(report.problems)
    details, worst, page = files
    finish_labels(
        task,
        report,
        config,
        started,
        details=details,
        worst=worst,
        page=page,
        as_json=as_json,
    )


def _complain(problems: Sequence[str]) -> None:
    """Name the lines that were left out."""
    console = Console(stderr=True, soft_wrap=True)
    for problem in problems:
        console.print(problem, style="yellow", markup=False)


def _bar(what: str) -> Callable[[int, int], None]:
    """A progress callback that prints at most once a second."""
    console = Console(stderr=True)
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 1 or done == total:
            last = now
            console.print(f"{what}: {done}/{total}", end="\r", highlight=False)

    return report

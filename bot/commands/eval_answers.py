"""`shopkeeper eval answers` and `eval support`: whole turns, adapters against each other, the floor.

Covered: the options, running the tasks, what is printed and written. Not covered: measuring
(`training.tasks`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from bot.commands.models import progress_bars
from bot.commands.reporting import (
    finish,
    rounded,
    show_differences,
    write_details,
    write_report,
)
from bot.config import AnswerStyle, Settings, load_settings

if TYPE_CHECKING:
    from training.tasks.answers import Outcome, Question
    from training.tasks.support import Pair

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print nothing but the JSON object.")]


def register(eval_app: typer.Typer) -> None:
    """Add the commands to the group."""
    eval_app.command("answers")(answers)
    eval_app.command("support")(support)


def answers(
    questions: Annotated[Path, typer.Option(help="JSON Lines: id, lang, question, answers, …")],
    given_context: Annotated[
        bool, typer.Option("--given-context", help="Search each question's own context(s).")
    ] = False,
    passages: Annotated[
        Path | None, typer.Option(help="Search these passages instead of the shop's knowledge.")
    ] = None,
    split: Annotated[str, typer.Option(help="Only rows of this split; empty for all.")] = "",
    limit: Annotated[int, typer.Option(help="Only the first so many; 0 for all.")] = 0,
    style: Annotated[
        AnswerStyle | None, typer.Option(help="quote or draft, whatever the settings say.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Let another answer adapter write the same answers (a name, a folder, or `none` "
            "for the untuned base) and compare every figure. Both draft unless --style says quote."
        ),
    ] = None,
    details: Annotated[
        Path | None, typer.Option(help="Write one row per case to this file.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page with the worst cases.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whole turns: F1, fidelity, abstention, citations, language, time."""
    from training.tasks import answer_metrics as scores
    from training.tasks.answer_report import AnswerReport, compare_reports, grouped
    from training.tasks.answers import read_questions

    chosen = style or ("draft" if against is not None else None)
    settings = load_settings(**({"answer_style": chosen} if chosen else {}))
    started = time.monotonic()
    rows = read_questions(questions, split)[: limit or None]
    other: list[Outcome] = []
    also: dict[str, Any] = {}
    if against is not None:
        config = settings.model_copy(update={"answer_adapter": against})
        other, name = _run(config, rows, passages, given_context, f"answering, {against}")
        also["against"] = {"generator": name}
    outcomes, name = _run(settings, rows, passages, given_context, "answering")
    if details is not None:
        write_details(details, [scores.details_of(outcome) for outcome in outcomes])
        if other:
            beside = details.with_name(f"{details.stem}.against{details.suffix}")
            write_details(beside, [scores.details_of(outcome) for outcome in other])
    measured = AnswerReport.of(outcomes)
    if other:
        base = AnswerReport.of(other)
        found = compare_reports(base, measured)
        also["against"] |= {
            "metrics": rounded(base.metrics()),
            "differences": [difference.as_row() for difference in found],
        }
        if not as_json:
            show_differences(found, also["against"]["generator"], name)
    by_lang = grouped(outcomes, scores.language_of)
    by_kind = grouped(outcomes, scores.kind_of)
    result = finish(
        "answers",
        len(outcomes),
        measured.metrics(),
        by_lang,
        {"generator": name, "style": settings.answer_style, "given_context": given_context},
        started,
        as_json=as_json,
        also={"by_kind": {kind: rounded(values) for kind, values in by_kind.items()}, **also},
    )
    if report is not None:
        worst = [scores.details_of(outcome) for outcome in scores.worst(outcomes)]
        groups = {"language": by_lang, "kind": by_kind}
        write_report(report, result, groups, worst, scores.SHOWN)


def _run(
    settings: Settings,
    rows: Sequence[Question],
    passages: Path | None,
    given_context: bool,
    what: str,
) -> tuple[list[Outcome], str]:
    """The outcomes, and the name of the generator."""
    from bot.build import answer_task

    with answer_task(settings, passages, given_context=given_context) as task:
        outcomes = list(_tracked(task.run(rows), len(rows), what))
        return outcomes, task.composer.drafter.generator.name


def support(
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit the floors on the train split and save them.")
    ] = False,
    false_block: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of supported sentences to give up.")
    ] = 0.02,
    as_json: AsJson = False,
) -> None:
    """The guard's support score on the written dev answers: what it blocks, rightly and wrongly."""
    from bot.answering.support import Floors
    from bot.models.runtime import load_reader
    from training.tasks import support as task

    started = time.monotonic()
    reader = load_reader(load_settings())
    with progress_bars() as bars:
        scored = task.score(list(task.pairs_of("dev")), reader, partial(bars, "measuring"))
        if fit:
            learnt = task.score(list(task.pairs_of("train")), reader, partial(bars, "fitting"))
            task.fit(learnt, scored, reader.name, false_block).save()
    floors = Floors.load()
    langs = sorted({pair.lang for pair in scored.pairs})
    by_lang = {lang: scored.only(partial(_is_in, lang)).metrics(floors) for lang in langs}
    across = scored.only(lambda pair: pair.across).metrics(floors)
    finish(
        "support",
        len(scored.pairs),
        scored.metrics(floors),
        by_lang,
        {"reader": reader.name, "same": floors.same, "across": floors.across, "fitted": fit},
        started,
        as_json=as_json,
        also={"across_languages": rounded(across)},
    )


def _is_in(lang: str, pair: Pair) -> bool:
    return pair.lang == lang


def _tracked(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    yield from track(items, what, total=total, console=Console(stderr=True))

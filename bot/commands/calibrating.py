"""`shopkeeper calibrate`: fit answerability to the shop's golden questions, show the curve.

Two fits: what the search knows of itself, and the second look, in which a generator that judges has
a say. The decision goes by the second where there is one.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.answering.second_look import Said, Weighing, judged, opinions_of
from bot.build import CALIBRATION_FILE, SECOND_LOOK_FILE, Shop
from bot.commands.models import needs_training_extra, progress_bars
from bot.errors import InputError
from bot.protocols import Judge
from retrieval.calibrate import Asked, ask_all, calibrate
from retrieval.calibration import Calibration
from retrieval.eval_files import read_questions
from retrieval.regression import Curve, threshold_for

console = Console(stderr=True)
Bars = Callable[[str, int, int], None]
_COLOURS = ("#b4531f", "#1f6fb4")
_PRECISIONS = (0.7, 0.8, 0.85, 0.9, 0.95, 0.98)


def fit(shop: Shop, paths: list[Path], split: str, public: Path | None, plot: Path | None) -> None:
    """Fit, save to the shop's home, print and draw what each precision costs in coverage.

    Args:
        public: folder of the public corpora, to fit on half of their dev questions as well.
        plot: an SVG file for the curve.
    """
    questions = [question for path in paths for question in read_questions(path, split=split)]
    parts = shop.parts
    names = [f"{path.parent.name}/{path.name} {split}".strip() for path in paths]
    with progress_bars() as report:
        others: list[Asked] = []
        if public is not None:
            needs_training_extra()
            from retrieval.index import HybridIndex
            from training.public_calibration import SETS, public_asked

            names.append("half of the dev rows of " + ", ".join(SETS))
            for one in public_asked(
                public,
                lambda texts: parts.over(HybridIndex.build(texts, parts.encoder)),
                parts.understand,
            ):
                others.append(one)
                report("asking public questions", len(others), 600)
        asked = ask_all(
            shop.hybrid(), questions, parts.understand, partial(report, "asking golden questions")
        )
        asked += others
        fitted = calibrate(asked, "; ".join(names))
        looked = _second_look(shop, fitted, asked, report)
    path = shop.settings.home / CALIBRATION_FILE
    fitted.save(path)
    _show("search and reader", fitted.curve)
    console.print(f"calibration written to {path}", style="green")
    if looked is not None:
        path = shop.settings.home / SECOND_LOOK_FILE
        looked.save(path)
        _show("with the generator's second look", looked.curve)
        console.print(f"weights of the second look written to {path}", style="green")
    if plot is not None:
        curves = {"search and reader": fitted.curve}
        if looked is not None:
            curves["with the second look"] = looked.curve
        _write(plot, curve_svg(curves, fitted.fitted_on))
        console.print(f"curve drawn to {plot}", style="green")


def _second_look(
    shop: Shop, fitted: Calibration, asked: Sequence[Asked], report: Bars
) -> Weighing | None:
    """None for a generator that does not judge."""
    judge = shop.generator
    if not isinstance(judge, Judge):
        return None
    said = []
    for number, one in enumerate(asked, start=1):
        found = replace(one.found, answerability=fitted.probability(one.features))
        opinions = opinions_of(judged(judge, one.query, found))
        said.append(Said(opinions, one.answered, one.topic, one.weight))
        report("judging", number, len(asked))
    return Weighing.fit(said, judge.name, fitted.fitted_on)


def _show(title: str, curve: Curve) -> None:
    table = Table("precision", "answers above", "share answered", title=title)
    for precision in _PRECISIONS:
        threshold = threshold_for(curve, precision)
        covered = max((p.coverage for p in curve if p.threshold >= threshold), default=0.0)
        table.add_row(f"{precision:.2f}", f"{threshold:.3f}", f"{covered:.2f}")
    console.print(table)


def curve_svg(curves: Mapping[str, Curve], fitted_on: str) -> str:
    """Curves as a drawing: share of questions answered to the right, precision upwards."""
    width, height, left, below = 560, 360, 60, 50

    def place(coverage: float, precision: float) -> str:
        x = left + coverage * (width - left - 20)
        y = 20 + (1 - (precision - 0.4) / 0.6) * (height - below - 20)
        return f"{x:.1f},{y:.1f}"

    drawn = []
    for number, (name, curve) in enumerate(curves.items()):
        line = " ".join(place(p.coverage, max(0.4, p.precision)) for p in curve)
        colour = _COLOURS[number % len(_COLOURS)]
        drawn.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{left + 12}" y="{height - below - 12 - 16 * number}" fill="{colour}">'
            f"{html.escape(name)}</text>"
        )
    lines, labels = [], []
    for step in range(7):
        precision = 0.4 + 0.1 * step
        start, end = place(0, precision), place(1, precision)
        (x1, y), (x2, _) = start.split(","), end.split(",")
        lines.append(f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}" stroke="#ddd"/>')
        labels.append(
            f'<text x="{left - 8}" y="{y}" text-anchor="end" dy="4">{precision:.1f}</text>'
        )
    for step in range(6):
        x, y = place(step / 5, 0.4).split(",")
        labels.append(f'<text x="{x}" y="{y}" dy="18" text-anchor="middle">{step / 5:.1f}</text>')
    caption = html.escape(f"fitted on {fitted_on}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12"><title>{caption}</title>'
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(lines + labels)}'
        f"{''.join(drawn)}"
        f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">'
        "share of questions answered</text>"
        f'<text x="16" y="{height / 2}" transform="rotate(-90 16 {height / 2})" '
        'text-anchor="middle">share of answers that are right</text></svg>\n'
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the curve cannot be written to {path}: {error.strerror}", fix="choose another file"
        ) from error

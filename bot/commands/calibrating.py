"""`shopkeeper calibrate`: fit answerability to the shop's golden questions, show the curve."""

from __future__ import annotations

import html
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.build import CALIBRATION_FILE, Shop
from bot.commands.models import needs_training_extra, progress_bars
from bot.errors import InputError
from retrieval.calibrate import Asked, calibrate
from retrieval.calibration import Calibration
from retrieval.eval_files import read_questions

console = Console(stderr=True)
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
            for asked in public_asked(
                public,
                lambda texts: parts.over(HybridIndex.build(texts, parts.encoder)),
                parts.understand,
            ):
                others.append(asked)
                report("asking public questions", len(others), 600)
        fitted = calibrate(
            shop.hybrid(),
            questions,
            understand=parts.understand,
            others=others,
            fitted_on="; ".join(names),
            progress=lambda done, total: report("asking golden questions", done, total),
        )
    path = shop.settings.home / CALIBRATION_FILE
    fitted.save(path)
    _show(fitted)
    console.print(f"calibration written to {path}", style="green")
    if plot is not None:
        _write(plot, curve_svg(fitted))
        console.print(f"curve drawn to {plot}", style="green")


def _show(fitted: Calibration) -> None:
    table = Table("precision", "answers above", "share answered")
    for precision in _PRECISIONS:
        threshold = fitted.threshold_for(precision)
        covered = max((p.coverage for p in fitted.curve if p.threshold >= threshold), default=0.0)
        table.add_row(f"{precision:.2f}", f"{threshold:.3f}", f"{covered:.2f}")
    console.print(table)


def curve_svg(fitted: Calibration) -> str:
    """The curve as a drawing: share of questions answered to the right, precision upwards."""
    width, height, left, below = 560, 360, 60, 50

    def place(coverage: float, precision: float) -> str:
        x = left + coverage * (width - left - 20)
        y = 20 + (1 - (precision - 0.4) / 0.6) * (height - below - 20)
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(p.coverage, max(0.4, p.precision)) for p in fitted.curve)
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
    caption = html.escape(f"fitted on {fitted.fitted_on}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="12"><title>{caption}</title>'
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(lines + labels)}'
        f'<polyline points="{line}" fill="none" stroke="#b4531f" stroke-width="2"/>'
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

"""`shopkeeper calibrate`: fit answerability to the shop's golden questions, show the curve."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.build import CALIBRATION_FILE, Shop
from bot.commands.models import progress_bars
from bot.errors import InputError
from retrieval.calibrate import calibrate
from retrieval.eval_files import Question, read_questions

console = Console(stderr=True)


def fit(shop: Shop, paths: list[Path], split: str) -> None:
    """Fit, save to the shop's home, print what each precision costs in coverage."""
    questions = [question for path in paths for question in _read(path, split)]
    retriever = shop.parts.over(shop.retriever().index)
    with progress_bars() as report:
        fitted = calibrate(
            retriever,
            questions,
            understand=shop.parts.understand,
            fitted_on=", ".join(f"{path.name} {split}".strip() for path in paths),
            progress=lambda done, total: report("asking golden questions", done, total),
        )
    path = shop.settings.home / CALIBRATION_FILE
    fitted.save(path)
    table = Table("precision", "answers above", "share answered")
    for precision in (0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        threshold = fitted.threshold_for(precision)
        covered = max((p.coverage for p in fitted.curve if p.threshold >= threshold), default=0.0)
        table.add_row(f"{precision:.2f}", f"{threshold:.3f}", f"{covered:.2f}")
    console.print(table)
    console.print(f"calibration written to {path}", style="green")


def _read(path: Path, split: str) -> tuple[Question, ...]:
    """Questions of a file; with `split`, only its rows of that split."""
    if not split:
        return read_questions(path)
    if not path.exists():
        raise InputError(f"there is no file at {path}", fix="check the path")
    with tempfile.NamedTemporaryFile("w", suffix=path.suffix, encoding="utf-8") as chosen:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and json.loads(line).get("split", split) == split:
                chosen.write(line + "\n")
        chosen.flush()
        return read_questions(Path(chosen.name))

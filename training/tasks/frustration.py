"""`shopkeeper eval frustration`: how surely an annoyed customer is told from a calm one.

Input: JSON Lines with id, lang, text, frustration (true or false). Metrics: auroc (NaN when the
file holds one class only), f1, precision, recall, accuracy and macro_f1 at the shipped threshold,
which was fitted on dev for a precision of 0.8, that threshold, ece of the probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.mood import EncoderMood
from bot.types import Mood
from training.data.jsonl import Row, read_jsonl
from training.tasks.measures import calibration_error, f1_at, macro_f1, precision_recall
from training.tasks.report import Metrics, TaskReport, grouped, optional_text
from training.tasks.sentiment import judge
from training.tasks.text_metrics import auroc
from training.vectors import Progress, no_progress


@dataclass(frozen=True, slots=True)
class FrustrationCase:
    """One row of the file."""

    id: str
    lang: str
    source: str
    text: str
    frustration: bool


def evaluate_frustration(
    data: Path, mood: EncoderMood, progress: Progress = no_progress
) -> TaskReport:
    """Read a file, judge every text, score.

    Raises:
        InputError: the file cannot be read or holds no usable line.
    """
    loaded = read_jsonl(data, _case)
    moods = judge(mood, [case.text for case in loaded.items], progress)
    return score_frustration(loaded.items, moods, mood.threshold, loaded.problems)


def score_frustration(
    cases: Sequence[FrustrationCase],
    moods: Sequence[Mood],
    threshold: float,
    problems: tuple[str, ...] = (),
) -> TaskReport:
    """Score moods that have been read already."""
    gold = np.array([case.frustration for case in cases], bool)
    scores = np.array([mood.frustration for mood in moods])

    def score(places: Sequence[int]) -> Metrics:
        here = list(places)
        said, truth = scores[here] >= threshold, gold[here]
        precision, recall = precision_recall(truth, scores[here], threshold)
        return {
            "auroc": auroc(list(scores[here]), list(gold[here])),
            "f1": f1_at(gold[here], scores[here], threshold),
            "threshold": threshold,
            "precision": precision,
            "recall": recall,
            "accuracy": float((said == truth).mean()),
            "macro_f1": macro_f1([str(t) for t in truth], [str(s) for s in said]),
            "ece": calibration_error(gold[here], scores[here]),
        }

    flagged = scores >= threshold
    details = tuple(
        {
            "id": case.id,
            "lang": case.lang,
            "source": case.source,
            "text": case.text,
            "frustration": case.frustration,
            "predicted": bool(flag),
            "correct": bool(flag) == case.frustration,
            "probability": round(float(p), 4),
            "confidence": round(float(abs(p - threshold)), 4),
        }
        for case, p, flag in zip(cases, scores, flagged, strict=True)
    )
    table = tuple(
        tuple(int(((gold == truth) & (flagged == said)).sum()) for said in (False, True))
        for truth in (False, True)
    )
    return TaskReport(
        n=len(cases),
        metrics=score(range(len(cases))),
        by_lang=grouped(cases, lambda case: case.lang, score),
        by_source=grouped(cases, lambda case: case.source, score),
        details=details,
        problems=problems,
        labels=("calm", "frustrated"),
        confusion=table,
    )


def _case(row: Row) -> FrustrationCase:
    return FrustrationCase(
        id=optional_text(row, "id"),
        lang=optional_text(row, "lang"),
        source=optional_text(row, "source"),
        text=row.text("text"),
        frustration=row.flag("frustration"),
    )

"""`shopkeeper eval sentiment`: negative, neutral or positive, as the shipped mood reader sees it.

Input: JSON Lines with id, lang, text, label. A text the reader calls `unknown` counts as
`neutral`, since a label has to be given. Metrics: accuracy, macro_f1 (over the labels that occur
in the file), ece of the probability of the given label, auroc of telling negative from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.mood import EncoderMood
from bot.types import Mood
from training.data.jsonl import Row, read_jsonl
from training.data.mood import SENTIMENTS
from training.tasks.measures import accuracy, calibration_error, confusion, macro_f1
from training.tasks.report import Metrics, TaskReport, grouped, optional_text
from training.tasks.text_metrics import auroc
from training.vectors import Progress, no_progress

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class SentimentCase:
    """One row of the file."""

    id: str
    lang: str
    source: str
    text: str
    label: str


def evaluate_sentiment(
    data: Path, mood: EncoderMood, progress: Progress = no_progress
) -> TaskReport:
    """Read a file, judge every text, score.

    Raises:
        InputError: the file cannot be read or holds no usable line.
    """
    loaded = read_jsonl(data, _case)
    moods = judge(mood, [case.text for case in loaded.items], progress)
    return score_sentiment(loaded.items, moods, loaded.problems)


def score_sentiment(
    cases: Sequence[SentimentCase], moods: Sequence[Mood], problems: tuple[str, ...] = ()
) -> TaskReport:
    """Score moods that have been read already."""
    gold = [case.label for case in cases]
    said = [mood.label if mood.label != "unknown" else "neutral" for mood in moods]
    negative = [mood.probabilities.get("negative", 1 / 3) for mood in moods]
    sure = [max(mood.probabilities.values(), default=1 / 3) for mood in moods]

    def score(places: Sequence[int]) -> Metrics:
        right = np.array([gold[i] == said[i] for i in places], bool)
        return {
            "accuracy": accuracy([gold[i] for i in places], [said[i] for i in places]),
            "macro_f1": macro_f1([gold[i] for i in places], [said[i] for i in places]),
            "ece": calibration_error(right, np.array([sure[i] for i in places])),
            "auroc": auroc([negative[i] for i in places], [gold[i] == "negative" for i in places]),
        }

    details = tuple(
        {
            "id": case.id,
            "lang": case.lang,
            "source": case.source,
            "text": case.text,
            "label": case.label,
            "predicted": predicted,
            "correct": predicted == case.label,
            "confidence": round(confidence, 4),
            "probabilities": {name: round(p, 4) for name, p in mood.probabilities.items()},
        }
        for case, mood, predicted, confidence in zip(cases, moods, said, sure, strict=True)
    )
    return TaskReport(
        n=len(cases),
        metrics=score(range(len(cases))),
        by_lang=grouped(cases, lambda case: case.lang, score),
        by_source=grouped(cases, lambda case: case.source, score),
        details=details,
        problems=problems,
        labels=SENTIMENTS,
        confusion=tuple(tuple(row) for row in confusion(gold, said, SENTIMENTS)),
    )


def judge(mood: EncoderMood, texts: Sequence[str], progress: Progress) -> list[Mood]:
    """Moods of single texts, a few hundred at a time."""
    found: list[Mood] = []
    for start in range(0, len(texts), _CHUNK):
        found.extend(mood.read_texts(texts[start : start + _CHUNK]))
        progress("reading moods", len(found), len(texts))
    return found


def _case(row: Row) -> SentimentCase:
    return SentimentCase(
        id=optional_text(row, "id"),
        lang=optional_text(row, "lang"),
        source=optional_text(row, "source"),
        text=row.text("text"),
        label=row.one_of("label", SENTIMENTS),
    )

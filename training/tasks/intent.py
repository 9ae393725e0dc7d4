"""`shopkeeper eval intent`: what a message wants, learned from one file, measured on another.

Input: two JSON Lines files with text, label, in_scope (optional), lang (optional). A fresh head is
fitted on the first on the frozen encoder, with the program's recipe. A row is out of scope where
`in_scope` is false, or its label is `oos` or `out_of_scope`.

Metrics: accuracy over all rows (an out-of-scope row is right when it is called out of scope),
macro_f1, in_scope_accuracy, oos_recall, oos_precision, oos_auroc (of the out-of-scope score; NaN
where one kind is missing), ece of the confidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.errors import InputError
from bot.protocols import Encoder
from training.data.jsonl import Row, read_jsonl
from training.fresh_intents import FreshArgs, Guess, fit_fresh
from training.tasks.measures import calibration_error, macro_f1
from training.tasks.report import Metrics, TaskReport, grouped, optional_text
from training.tasks.text_metrics import auroc
from training.vectors import Progress, no_progress

_OUTSIDE = ("oos", "out_of_scope")
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class IntentCase:
    """One row of a file."""

    id: str
    lang: str
    source: str
    text: str
    label: str
    in_scope: bool


def evaluate_intent(
    train: Path,
    data: Path,
    encoder: Encoder,
    progress: Progress = no_progress,
    args: FreshArgs | None = None,
) -> TaskReport:
    """Fit a head on `train`, apply it to `data`, score.

    Raises:
        InputError: a file cannot be read, or `train` has fewer than two in-scope labels.
    """
    known, asked = read_jsonl(train, _case), read_jsonl(data, _case)
    labels = {case.label for case in known.items if case.in_scope}
    if len(labels) < 2:
        raise InputError(
            f"{train} has {len(labels)} in-scope label(s)",
            fix="give examples of at least two different labels",
        )
    outside = _outside_label(known.items)
    model = fit_fresh(
        [case.text for case in known.items],
        [case.label if case.in_scope else outside for case in known.items],
        _encode(encoder, [case.text for case in known.items], "encoding examples", progress),
        outside,
        args,
    )
    texts = [case.text for case in asked.items]
    guesses = model.guess(texts, _encode(encoder, texts, "encoding messages", progress))
    return score_intents(asked.items, guesses, outside, known.problems + asked.problems)


def score_intents(
    cases: Sequence[IntentCase],
    guesses: Sequence[Guess],
    outside: str,
    problems: tuple[str, ...] = (),
) -> TaskReport:
    """Score guesses that have been made already; `outside` is the label for out of scope."""
    right = np.array(
        [
            guess.label == (case.label if case.in_scope else outside)
            for case, guess in zip(cases, guesses, strict=True)
        ],
        bool,
    )
    inside = np.array([case.in_scope for case in cases], bool)
    strangeness = np.array([guess.outside for guess in guesses])
    sure = np.array([guess.confidence for guess in guesses])
    gold = [case.label if case.in_scope else outside for case in cases]
    called_outside = np.array([guess.label == outside for guess in guesses], bool)

    def score(places: Sequence[int]) -> Metrics:
        here = np.array(places, np.int64)
        ok, ins = right[here], inside[here]
        return {
            "accuracy": float(ok.mean()),
            "in_scope_accuracy": float(ok[ins].mean()) if ins.any() else float("nan"),
            "oos_recall": float(ok[~ins].mean()) if (~ins).any() else float("nan"),
            "oos_precision": float((~ins)[called_outside[here]].mean())
            if called_outside[here].any()
            else float("nan"),
            "macro_f1": macro_f1([gold[i] for i in here], [guesses[i].label for i in here]),
            "ece": calibration_error(ok, sure[here]),
            "oos_auroc": auroc(list(strangeness[here]), list(~ins)),
        }

    details = tuple(
        {
            "id": case.id,
            "lang": case.lang,
            "source": case.source,
            "text": case.text,
            "label": case.label,
            "in_scope": case.in_scope,
            "predicted": guess.label,
            "correct": bool(ok),
            "confidence": round(guess.confidence, 4),
            "outside": round(guess.outside, 4),
        }
        for case, guess, ok in zip(cases, guesses, right, strict=True)
    )
    return TaskReport(
        n=len(cases),
        metrics=score(range(len(cases))),
        by_lang=grouped(cases, lambda case: case.lang, score),
        by_source=grouped(cases, lambda case: case.source, score),
        details=details,
        problems=problems,
    )


def _encode(encoder: Encoder, texts: Sequence[str], what: str, progress: Progress) -> np.ndarray:
    parts = []
    for start in range(0, len(texts), _CHUNK):
        parts.append(encoder.encode(texts[start : start + _CHUNK], "query"))
        progress(what, min(start + _CHUNK, len(texts)), len(texts))
    return np.concatenate(parts)


def _outside_label(cases: Sequence[IntentCase]) -> str:
    names = Counter(case.label for case in cases if not case.in_scope)
    return names.most_common(1)[0][0] if names else _OUTSIDE[0]


def _case(row: Row) -> IntentCase:
    label = row.text("label")
    stated = "in_scope" in row.values and row.values["in_scope"] is not None
    return IntentCase(
        id=optional_text(row, "id"),
        lang=optional_text(row, "lang"),
        source=optional_text(row, "source"),
        text=row.text("text"),
        label=label,
        in_scope=row.flag("in_scope") if stated else label not in _OUTSIDE,
    )

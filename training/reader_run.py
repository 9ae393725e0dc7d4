"""`shopkeeper train reader`: the run that makes `training/adapters/reader`, and its record.

Covered: data, run, dev scores per source, the files beside the weights. Not covered: the loss
(`training.reader`), the loop (`training.encoder_lora`).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from retrieval.reader import SPAN_TOKENS
from training.data.answers import WRITTEN
from training.data.jsonl import file_hash
from training.data.reading import ReadGroup, load_reading
from training.encoder_lora import (
    AdaptedEncoder,
    EncoderLoraArgs,
    EncoderTrainer,
    RunState,
    save_adapter,
)
from training.reader import (
    Pair,
    ReaderBatches,
    ReaderHeads,
    encode_group,
    reader_loss,
    reader_outputs,
)
from training.tasks.text_metrics import auroc

_FILES = (
    "squad2_half/train.jsonl",
    "cmrc2018/train.jsonl",
    "drcd/train.jsonl",
    "xquad_en_zh/dev_questions.jsonl",
    "stackfaq_paraphrases/pairs.jsonl",
    "banking77/train.jsonl",
    "hint3/train.jsonl",
)
_DEV_GROUPS = 120


def train_reader(
    args: EncoderLoraArgs, data: Path, report: Callable[[RunState, int], None]
) -> dict[str, dict[str, float]]:
    """Train, score on dev, write adapter, heads and `run.json`; resumes from its checkpoint.

    Args:
        args: `args.output` gets the result.
        data: folder of the public corpora.
        report: called as the run goes on.
    """
    groups = load_reading(data, "train")
    model = AdaptedEncoder(args, ReaderHeads)
    batches = ReaderBatches(groups, model.tokenizer, args.batch_tokens, args.seed)
    state = EncoderTrainer(args, model, batches, reader_loss).train(report)
    save_adapter(model, args.output)
    scores = dev_scores(model, load_reading(data, "dev"))
    write_record(args, data, groups, state, scores)
    return scores


def write_record(
    args: EncoderLoraArgs,
    data: Path,
    groups: Sequence[ReadGroup],
    state: RunState,
    scores: Mapping[str, Mapping[str, float]],
    files: Sequence[str] = _FILES,
) -> None:
    """Write `run.json` beside the weights."""
    arguments = {k: v for k, v in asdict(args).items() if k not in {"model", "output"}}
    arguments["start"] = args.start.name if args.start else None
    read = [data / name for name in files]
    read += [WRITTEN / f"answers.{lang}.jsonl" for lang in ("en", "zh")]
    record = {
        "command": "shopkeeper train reader --data ../shared/data",
        "base": "intfloat/multilingual-e5-small",
        "trained_at": datetime.now(UTC).date().isoformat(),
        "arguments": arguments,
        "groups": dict(Counter(group.source for group in groups)),
        "data": [
            {"name": f"{path.parent.name}/{path.name}", "sha256": file_hash(path)} for path in read
        ],
        "steps": state.step,
        "tokens": state.tokens,
        "minutes": round(state.seconds / 60, 1),
        "final_loss": round(float(np.mean(state.losses[-100:])), 4),
        "dev": {name: dict(values) for name, values in scores.items()},
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (args.output / "run.json").write_text(text + "\n", encoding="utf-8")


@torch.no_grad()
def dev_scores(
    model: AdaptedEncoder, groups: Sequence[ReadGroup], count: int = _DEV_GROUPS
) -> dict[str, dict[str, float]]:
    """Per source: AUROC of "answers", share of questions with a right passage first, span F1.

    Args:
        count: groups of each source, drawn once and for all.
    """
    rng = random.Random(1)  # noqa: S311 (sampling, not security)
    by_source: dict[str, list[ReadGroup]] = {}
    for group in groups:
        by_source.setdefault(group.source, []).append(group)
    model.eval()
    scores = {}
    for source, found in by_source.items():
        gold: list[bool] = []
        said: list[float] = []
        first: list[bool] = []
        spans: list[float] = []
        for group in rng.sample(found, min(count, len(found))):
            pairs = encode_group(group, model.tokenizer, group.passages)
            answers, tokens, _ = reader_outputs(model, pairs)
            right = [pair.answers for pair in pairs]
            gold += right
            said += answers.tolist()
            if any(right) and not all(right):
                first.append(right[int(answers.argmax())])
            spans += [_span_f1(p, t) for p, t in zip(pairs, tokens, strict=True) if p.span]
        measured = {"n": float(len(gold)), "auroc": auroc(said, gold)}
        if first:
            measured["right_first"] = float(np.mean(first))
        if spans:
            measured["span_token_f1"] = float(np.mean(spans))
        scores[source] = {name: round(value, 4) for name, value in measured.items()}
    return scores


def _span_f1(pair: Pair, tokens: torch.Tensor) -> float:
    assert pair.span is not None
    inside = tokens[pair.passage_at : len(pair.ids) - 1]
    start = int(inside[:, 0].argmax())
    end = start + int(inside[start : start + SPAN_TOKENS, 1].argmax())
    found = set(range(start + pair.passage_at, end + pair.passage_at + 1))
    gold = set(range(pair.span[0], pair.span[1] + 1))
    return 2 * len(found & gold) / (len(found) + len(gold))

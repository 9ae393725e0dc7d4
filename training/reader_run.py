"""`shopkeeper train reader`: the run that makes `training/adapters/reader`, and its record.

Covered: data, run, dev scores per source, the files beside the weights. Not covered: the loss
(`training.reader`), the loop (`training.encoder_lora`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from retrieval.reader import SPAN_TOKENS
from training.data.reading import ReadGroup, load_reading
from training.encoder_lora import (
    AdaptedEncoder,
    EncoderLoraArgs,
    EncoderTrainer,
    RunState,
    save_adapter,
)
from training.encoder_record import write_record
from training.reader import (
    Pair,
    ReaderBatches,
    ReaderHeads,
    encode_group,
    reader_loss,
    reader_outputs,
)
from training.tasks.text_metrics import auroc

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
    write_record("reader", args, data, groups, state, {"dev": scores})
    return scores


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

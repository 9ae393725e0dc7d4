"""Fit the follow-up head: clues in the wording and the message's vector, one linear layer.

Covered: fitting on the written questions (`answers.*.jsonl`), where the ones with a history are
follow-ups and the others become whole questions after somebody else's history; the threshold; how
it does on the golden set. Not covered: applying it (`bot.followup`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bot.followup import CLUES, features
from bot.heads import Heads, Output
from bot.protocols import Encoder
from bot.types import Lang
from training.data.jsonl import Row, file_hash, read_jsonl
from training.data.mood import WRITTEN, SourceFile
from training.head_file import HeadRecord, write_heads
from training.tasks.text_metrics import auroc
from training.vectors import Progress, StoredEncoder, no_progress

_CLUE_SCALE = 6.0
"""Clues are few and each says more than a dimension of the vector: they are penalised less."""


@dataclass(frozen=True, slots=True)
class FollowUpArgs:
    """How the follow-up head is fitted; saved beside the weights.

    Attributes:
        golden: folder of the golden questions; only `dev` chooses, `test` is reported.
        out: folder of the head.
        written: folder of the written questions.
        cache: folder for vectors, outside the repository.
        inverse_penalty: C of the logistic regression.
        threshold: probability from which on a message is completed.
        seed: picks the histories that whole questions are put after.
    """

    golden: Path = Path("faq_data/golden")
    out: Path = field(default=Path(__file__).parent / "adapters" / "followup")
    written: Path = WRITTEN
    cache: Path = Path("~/.cache/shopkeeper/training")
    inverse_penalty: float = 0.03
    threshold: float = 0.45
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A message, what the customer said before it, and whether it leans on that."""

    text: str
    before: str
    lang: Lang
    leans: bool
    split: str = "train"


def train_followups(
    args: FollowUpArgs, encoder: Encoder, fingerprint: str, progress: Progress = no_progress
) -> dict[str, dict[str, float]]:
    """Fit, measure and write the head; returns the scores on the golden set by split.

    Raises:
        InputError: a file is missing or has a bad line.
    """
    started = time.monotonic()
    stored = StoredEncoder(encoder, args.cache.expanduser(), fingerprint, progress)
    written = [args.written / f"answers.{lang}.jsonl" for lang in ("en", "zh")]
    golden = sorted(args.golden.glob("*.jsonl"))
    train, asked = _pairs(written, args.seed), _pairs(golden, args.seed)
    heads = _fit(train, stored, args)
    scores = {
        split: _scores(heads, [pair for pair in asked if pair.split == split], stored)
        for split in ("dev", "test")
    }
    record = HeadRecord(
        command="shopkeeper train followup",
        arguments=asdict(args),
        fingerprint=fingerprint,
        files=tuple(SourceFile(p.name, 0, file_hash(p)) for p in (*written, *golden)),
        scores=scores,
        confusion={},
        seconds=time.monotonic() - started,
    )
    write_heads(heads, args.out, record)
    return scores


def _pairs(files: Sequence[Path], seed: int) -> list[Pair]:
    rows = [item for path in files for item in read_jsonl(path, _question).strict()]
    pick = random.Random(seed)  # noqa: S311 - a sample, not a secret
    followed = [row for row in rows if row.before]
    pairs = []
    for row in rows:
        if row.before:
            pairs.append(replace(row, leans=True))
            continue
        others = [other for other in followed if other.lang[:2] == row.lang[:2]]
        pairs.append(replace(row, before=pick.choice(others).before))
    return pairs


def _question(row: Row) -> Pair:
    said = [
        turn["text"]
        for turn in row.values.get("history") or ()
        if turn.get("speaker") in ("customer", "user")
    ]
    lang: Lang = row.one_of("lang", ("en", "zh-Hans", "zh-Hant", "other"))  # type: ignore[assignment]
    split = str(row.values.get("split", "train"))
    return Pair(row.text("question"), said[-1] if said else "", lang, bool(said), split)


def _fit(pairs: Sequence[Pair], encoder: StoredEncoder, args: FollowUpArgs) -> Heads:
    x = _features(pairs, encoder)
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    centre[: len(CLUES)], spread[: len(CLUES)] = 0.0, 1 / _CLUE_SCALE
    model = LogisticRegression(
        C=args.inverse_penalty, max_iter=4000, class_weight="balanced", random_state=args.seed
    )
    model.fit((x - centre) / spread, [pair.leans for pair in pairs])
    weight = (model.coef_ / spread).astype(np.float32)
    bias = (model.intercept_ - weight @ centre).astype(np.float32)
    output = Output(
        "follow_up",
        "sigmoid",
        ("follow_up",),
        weight,
        bias,
        thresholds={"follow_up": args.threshold},
    )
    return Heads("followup-1", encoder.name, x.shape[1], (), {"follow_up": output})


def _features(pairs: Sequence[Pair], encoder: StoredEncoder) -> NDArray[np.float32]:
    encoder.encode([text for pair in pairs for text in (pair.text, pair.before)], "query")
    return np.concatenate(
        [features(encoder, [(pair.text, pair.before)], pair.lang) for pair in pairs]
    )


def _scores(heads: Heads, pairs: Sequence[Pair], encoder: StoredEncoder) -> dict[str, float]:
    gold = np.array([pair.leans for pair in pairs])
    p = heads.probabilities(_features(pairs, encoder))["follow_up"][:, 0]
    found = p >= heads.outputs["follow_up"].thresholds["follow_up"]
    return {
        "follow_ups": float(gold.sum()),
        "whole_questions": float((~gold).sum()),
        "auroc": auroc(list(p), list(gold)),
        "recall": float(found[gold].mean()),
        "false_alarms": float(found[~gold].mean()),
    }

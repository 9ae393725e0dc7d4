"""`run.json` beside the weights of an encoder's adapter: what it was made of, and its scores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.models.registry import DEFAULT_ENCODER
from training.data.answers import WRITTEN
from training.data.jsonl import file_hash
from training.data.reading import ReadGroup
from training.encoder_lora import EncoderLoraArgs, RunState

FILES = (
    "squad2_half/train.jsonl",
    "cmrc2018/train.jsonl",
    "drcd/train.jsonl",
    "xquad_en_zh/dev_questions.jsonl",
    "stackfaq_paraphrases/pairs.jsonl",
    "banking77/train.jsonl",
    "hint3/train.jsonl",
)
_WRITTEN = ("answers", "beside")


def write_record(
    name: str,
    args: EncoderLoraArgs,
    data: Path,
    groups: Sequence[ReadGroup],
    state: RunState,
    scores: Mapping[str, Any],
    files: Sequence[str] = FILES,
) -> None:
    """Write `run.json` into `args.output`.

    Args:
        name: of the command, `shopkeeper train NAME`.
        data: folder of the public corpora that `groups` were read from.
        scores: by what was measured.
        files: of `data` that were read.
    """
    arguments = {k: v for k, v in asdict(args).items() if k not in {"model", "output"}}
    # The folder's name tells the run; the path is nobody's business.
    arguments["start"] = args.start.name if args.start else None
    read = [data / file for file in files]
    read += [WRITTEN / f"{what}.{lang}.jsonl" for what in _WRITTEN for lang in ("en", "zh")]
    read.append(WRITTEN / "facts.toml")
    record = {
        "command": f"shopkeeper train {name} --data ../shared/data",
        "base": f"intfloat/{DEFAULT_ENCODER}",
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
        **scores,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (args.output / "run.json").write_text(text + "\n", encoding="utf-8")

"""What a training run is made of, and the record of it that is kept beside the weights.

Covered: the arguments of an adapter's run, refused where they do not go together; hashes of the
data, counts by corpus, revision of the code. Not covered: the loop (`training.lora`).
"""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.answering.prompt import TEMPLATE_VERSION
from bot.errors import ConfigError
from training.data.answers import Example
from training.data.judging import JudgedPage

_RECENT = 50
"""Batches that the final loss is the mean of."""


@dataclass(frozen=True)
class LoraArguments:
    """What a run is made of. Saved beside the weights; the same arguments give the same run.

    Attributes:
        model: folder or id of the base model.
        output: folder of the adapter; checkpoints go to `output/checkpoint`.
        rank: rank of the adapter's matrices.
        alpha: scaling numerator; the adapter counts alpha / rank.
        upper_layers: how many layers, from the top, get an adapter; the others run without
            gradients. 0 means all.
        targets: names of the adapted matrices; empty means all linear ones.
        learning_rate: peak of a cosine schedule.
        warmup: share of the steps that the rate grows.
        tokens_per_batch: padded tokens of one forward pass.
        batches_per_step: passes whose gradients are added up.
        max_tokens: longer examples are left out (and counted).
        epochs: passes over the examples.
        checkpoint_minutes: time between checkpoints.
        seed: of the order of batches and the first weights.
        start: folder of an earlier adapter of the same shape to go on from.
    """

    model: str
    output: Path
    rank: int = 16
    alpha: int = 32
    upper_layers: int = 12
    targets: tuple[str, ...] = ()
    learning_rate: float = 2e-4
    warmup: float = 0.05
    tokens_per_batch: int = 2048
    batches_per_step: int = 2
    max_tokens: int = 1024
    epochs: float = 1.0
    checkpoint_minutes: float = 5.0
    seed: int = 7
    start: Path | None = None

    def __post_init__(self) -> None:
        if self.tokens_per_batch < self.max_tokens:
            raise ConfigError(
                f"tokens_per_batch ({self.tokens_per_batch}) is smaller than max_tokens "
                f"({self.max_tokens})",
                fix="raise the first or lower the second",
            )


def run_record(
    arguments: LoraArguments,
    examples: Sequence[Example],
    pages: Sequence[JudgedPage],
    state: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of `run.json`."""
    texts = [example.prompt.user + example.completion for example in examples]
    text = "\n".join([*texts, *(repr(page) for page in pages)])
    recent = state["losses"][-_RECENT:]
    plain = {name: str(v) if isinstance(v, Path) else v for name, v in asdict(arguments).items()}
    return {
        "arguments": plain,
        "template": TEMPLATE_VERSION,
        "examples": len(examples),
        "corpora": dict(Counter(example.corpus for example in examples)),
        "pages": dict(Counter(page.corpus for page in pages)),
        "judged_questions": sum(len(page.asked) for page in pages),
        "data_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tokens": state["tokens"],
        "seconds": round(state["seconds"]),
        "final_loss": round(sum(recent) / max(1, len(recent)), 4),
        "revision": _revision(),
        "scores": dict(scores),
    }


def _revision() -> str:
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or "unknown"

"""Fit small heads on frozen vectors: a shared body, one or more outputs, calibrated.

Covered: weighted cross-entropy over several outputs whose labels may be missing per example, a
linear head (`hidden` 0) or one hidden layer, temperatures fitted on examples kept out. Not
covered: which data and what for (`training.encoder_heads`), applying a head (`bot.heads`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from bot.heads import Heads, Output
from bot.protocols import Vectors
from training.vectors import Progress, no_progress


@dataclass(frozen=True, slots=True)
class FitArgs:
    """How a head is fitted; saved beside the weights.

    Attributes:
        hidden: width of the hidden layer; 0 is logistic regression.
        dropout: share of hidden units left out while training.
        epochs: passes over the examples.
        batch: examples a step.
        learning_rate: highest rate of the one-cycle schedule.
        weight_decay: of AdamW.
        holdout: share of the examples kept out to fit the temperatures.
        seed: of everything random.
    """

    hidden: int = 256
    dropout: float = 0.3
    epochs: int = 15
    batch: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    holdout: float = 0.08
    seed: int = 20240607


@dataclass(frozen=True, slots=True)
class Target:
    """What one output should say: `gold` indexes `labels`, -1 where it is not known.

    For a sigmoid `labels` has one entry and `gold` is 1 or 0.
    """

    name: str
    kind: Literal["softmax", "sigmoid"]
    labels: tuple[str, ...]
    gold: NDArray[np.int64]


def example_weights(
    sources: Sequence[str], gold: Sequence[str], of_source: Mapping[str, float], balance: float
) -> NDArray[np.float32]:
    """A weight per example: its source's, times (mean class size / its class size) ** balance.

    Args:
        of_source: weight of one example of a source; 1 for a source that is not named.
        balance: 0 leaves classes as they are, 1 makes each class of a source weigh the same.
    """
    keys = list(zip(sources, gold, strict=True))
    counts: dict[tuple[str, str], int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    sizes: dict[str, list[int]] = {}
    for (source, _), count in counts.items():
        sizes.setdefault(source, []).append(count)
    mean = {source: float(np.mean(values)) for source, values in sizes.items()}
    return np.array(
        [of_source.get(s, 1.0) * (mean[s] / counts[s, label]) ** balance for s, label in keys],
        np.float32,
    )


def fit_heads(
    vectors: Vectors,
    targets: Sequence[Target],
    weights: NDArray[np.float32],
    args: FitArgs,
    *,
    name: str,
    encoder: str,
    progress: Progress = no_progress,
) -> Heads:
    """Train, calibrate and return heads that `bot.heads` can apply.

    Args:
        vectors: shape (examples, dimension).
        targets: one per output, each with `examples` labels.
        weights: shape (examples,), all positive.
    """
    torch.manual_seed(args.seed)
    order = np.random.default_rng(args.seed).permutation(len(vectors))
    kept_out = round(args.holdout * len(vectors))
    held, used = order[:kept_out], order[kept_out:]
    centre, spread = vectors[used].mean(axis=0), vectors[used].std(axis=0)
    # A dimension that hardly moves in few examples must not explode in the next text.
    spread = np.maximum(spread, 0.3 * float(spread.mean()) + 1e-6)
    net = _Net(vectors.shape[1], args, targets)
    _train(net, (vectors[used] - centre) / spread, targets, weights, used, args, progress)
    raw = _export(net, targets, centre, spread, args.hidden, name, encoder, vectors.shape[1])
    return _calibrated(raw, vectors, targets, weights, held)


class _Net(nn.Module):
    def __init__(self, width: int, args: FitArgs, targets: Sequence[Target]) -> None:
        super().__init__()
        self.into = nn.Dropout(args.dropout / 2)
        self.body = nn.Linear(width, args.hidden) if args.hidden else None
        self.between = nn.Dropout(args.dropout)
        self.outputs = nn.ModuleDict(
            {t.name: nn.Linear(args.hidden or width, len(t.labels)) for t in targets}
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.into(x)
        if self.body is not None:
            x = self.between(functional.relu(self.body(x)))
        return {name: output(x) for name, output in self.outputs.items()}


def _train(
    net: _Net,
    inputs: Vectors,
    targets: Sequence[Target],
    weights: NDArray[np.float32],
    used: NDArray[np.int64],
    args: FitArgs,
    progress: Progress,
) -> None:
    x, w = torch.from_numpy(inputs), torch.from_numpy(weights[used])
    gold = {t.name: torch.from_numpy(t.gold[used]) for t in targets}
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay
    )
    steps = args.epochs * -(-len(used) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, args.learning_rate, total_steps=steps, pct_start=0.1
    )
    net.train()
    for epoch in range(args.epochs):
        for rows in torch.randperm(len(used)).split(args.batch):  # type: ignore[no-untyped-call]
            outputs = net(x[rows])
            loss = sum(_loss(outputs[t.name], gold[t.name][rows], w[rows], t.kind) for t in targets)
            optimiser.zero_grad()
            torch.as_tensor(loss).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        progress("training", epoch + 1, args.epochs)
    net.eval()


def _loss(
    logits: torch.Tensor, gold: torch.Tensor, weights: torch.Tensor, kind: str
) -> torch.Tensor:
    known = gold >= 0
    if not known.any():
        return logits.sum() * 0.0
    if kind == "softmax":
        each = functional.cross_entropy(logits[known], gold[known], reduction="none")
    else:
        each = functional.binary_cross_entropy_with_logits(
            logits[known, 0], gold[known].float(), reduction="none"
        )
    return (each * weights[known]).sum() / weights.sum()


def _export(
    net: _Net,
    targets: Sequence[Target],
    centre: NDArray[np.float32],
    spread: NDArray[np.float32],
    hidden: int,
    name: str,
    encoder: str,
    dimension: int,
) -> Heads:
    def numbers(layer: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()

    def folded(layer: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # The standardisation of the inputs goes into the first layer.
        weight, bias = numbers(layer)
        scaled = (weight / spread).astype(np.float32)
        return scaled, (bias - scaled @ centre).astype(np.float32)

    body = (folded(net.body),) if net.body is not None else ()
    first = numbers if hidden else folded
    layers = {t.name: first(net.outputs[t.name]) for t in targets}  # type: ignore[arg-type]
    outputs = {t.name: Output(t.name, t.kind, t.labels, *layers[t.name]) for t in targets}
    return Heads(name, encoder, dimension, body, outputs)


def _calibrated(
    heads: Heads,
    vectors: Vectors,
    targets: Sequence[Target],
    weights: NDArray[np.float32],
    held: NDArray[np.int64],
) -> Heads:
    features = heads.features(vectors[held])
    outputs = {}
    for target in targets:
        output = heads.outputs[target.name]
        known = target.gold[held] >= 0
        temperature = 1.0
        if known.sum() >= 50:  # fewer examples would move the temperature at random
            temperature = fit_temperature(
                output, features[known], target.gold[held][known], weights[held][known]
            )
        outputs[target.name] = Output(
            output.name, output.kind, output.labels, output.weight, output.bias, temperature
        )
    return Heads(heads.name, heads.encoder, heads.dimension, heads.body, outputs)


def fit_temperature(
    output: Output,
    features: NDArray[np.float32],
    gold: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> float:
    """The temperature under which the labels are likeliest.

    Args:
        features: what the output reads, shape (rows, width).
        gold: label of each row.
        weights: weight of each row.
    """

    def cost(temperature: float) -> float:
        tried = Output(
            output.name, output.kind, output.labels, output.weight, output.bias, temperature
        )
        p = tried.probabilities(features)
        right = (
            p[np.arange(len(gold)), gold]
            if output.kind == "softmax"
            else np.abs(gold - 1 + p[:, 0])
        )
        return float(-(weights * np.log(np.maximum(right, 1e-9))).sum())

    return float(min(np.geomspace(0.25, 8.0, 81), key=cost))

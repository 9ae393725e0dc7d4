"""Heads for sentiment and frustration on the vectors that are served.

Covered: logistic regression on the pooled vector of the adapted encoder, temperatures, and the
threshold of the `unhappy` flag. The heads that an adapter was trained with are thrown away: fitted
to the end on what serving sees, and held back, linear ones tell more (training/LOG.md), and new
utterances count without training the adapter again. Not covered: the adapter
(`training.mood_encoder`), the scores and the record (`training.mood_adapter`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bot.heads import Heads, Output
from bot.protocols import Vectors
from bot.types import Mood
from training.data.mood import SENTIMENTS, MoodExample
from training.head_fit import example_weights, fit_temperature
from training.mood_encoder import SCALE
from training.tasks.measures import threshold_for_precision


@dataclass(frozen=True, slots=True)
class HeadArgs:
    """How the heads are fitted; saved beside the weights.

    Attributes:
        penalty: half of it times the squared weights is added to the mean loss; high, since the
            adapter has seen the examples.
        balance: how far rare classes of a source are lifted, 0 to 1, for each head.
        precision: of the `unhappy` flag on the written dev messages.
    """

    penalty: float = 0.025
    balance: dict[str, float] = field(
        default_factory=lambda: {"sentiment": 0.8, "frustration": 0.0}
    )
    precision: float = 0.8


def fit_mood_heads(
    name: str,
    encoder: str,
    examples: Sequence[MoodExample],
    vectors: Vectors,
    source_weights: Mapping[str, float],
    args: HeadArgs,
) -> Heads:
    """Heads without temperatures or threshold.

    Args:
        name: of the heads.
        encoder: name of the serving encoder.
        examples: training texts; what a head has no label for does not count for it.
        vectors: unit vectors of `examples` by that encoder, (n, d).
        source_weights: weight of one example of a source.
    """
    outputs = {}
    for head, kind, labels, gold in _targets(examples):
        known: list[int] = np.flatnonzero(gold >= 0).tolist()
        weights = example_weights(
            [examples[i].source for i in known],
            [str(gold[i]) for i in known],
            source_weights,
            args.balance[head],
        )
        model = LogisticRegression(C=1 / (args.penalty * len(known)), max_iter=1000)
        model.fit(vectors[known] * SCALE, gold[known], sample_weight=weights)
        weight = (model.coef_ * SCALE).astype(np.float32)
        outputs[head] = Output(head, kind, labels, weight, model.intercept_.astype(np.float32))
    return Heads(name, encoder, vectors.shape[1], (), outputs)


def with_temperatures(
    heads: Heads,
    examples: Sequence[MoodExample],
    vectors: Vectors,
    source_weights: Mapping[str, float],
) -> Heads:
    """The heads, calibrated on examples that they were not fitted on."""
    weights = np.array([source_weights.get(e.source, 1.0) for e in examples], np.float32)
    outputs = {}
    for head, _, _, gold in _targets(examples):
        known = gold >= 0
        output = heads.outputs[head]
        temperature = fit_temperature(output, vectors[known], gold[known], weights[known])
        outputs[head] = replace(output, temperature=temperature)
    return replace(heads, outputs=outputs)


def with_threshold(
    heads: Heads, examples: Sequence[MoodExample], moods: Sequence[Mood], precision: float
) -> Heads:
    """The heads with the threshold of the `unhappy` flag that reaches a precision."""
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


_Target = tuple[str, Literal["softmax", "sigmoid"], tuple[str, ...], NDArray[Any]]


def _targets(examples: Sequence[MoodExample]) -> list[_Target]:
    sentiment = [SENTIMENTS.index(e.sentiment) if e.sentiment else -1 for e in examples]
    frustration = [-1 if e.frustration is None else int(e.frustration) for e in examples]
    return [
        ("sentiment", "softmax", SENTIMENTS, np.array(sentiment)),
        ("frustration", "sigmoid", ("frustrated",), np.array(frustration)),
    ]

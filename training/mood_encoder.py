"""The encoder adapter behind mood and intent: one pass, several labels, both languages.

Trained together from the pooled vector: sentiment, frustration and the nine intents that serving
reads, and beside them the labels of clinc150, banking77 and the 28 emotions of goemotions, whose
heads are thrown away: they keep the vector useful for intents that a shop adds later. Not covered:
calibration and the heads' file (`training.encoder_heads`), the texts (`training.data`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from bot.types import Intent
from training.data.answers import read_jsonl
from training.data.intent import load_intents
from training.data.mood import SENTIMENTS, load_mood
from training.encoder_lora import AdaptedEncoder, pad
from training.head_fit import example_weights

SCALE = 20.0
"""Heads read unit vectors times this: the pooled states of E5 are about that long."""
MAX_TOKENS = 160
_PAD = 1
_WEIGHTS = {"sentiment": 1.0, "frustration": 1.0, "intent": 0.6, "label": 0.4, "emotion": 3.0}


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text with the labels that are known of it; -1 or an empty tuple where none is."""

    text: str
    source: str
    sentiment: int = -1
    frustration: int = -1
    intent: int = -1
    label: int = -1
    emotions: tuple[int, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TextLabels:
    """What the labels of `TextExample.label` and `.emotions` stand for."""

    labels: tuple[str, ...]
    emotions: tuple[str, ...]


def load_texts(
    data: Path, source_weights: Mapping[str, float], balance: float
) -> tuple[list[TextExample], TextLabels]:
    """All training texts with weights that keep one source or class from drowning the others."""
    found: list[TextExample] = []
    emotions: list[str] = []
    of_text: dict[str, tuple[int, ...]] = {}
    for row in read_jsonl(data / "goemotions/train.jsonl"):
        for name in row["labels"]:
            if name not in emotions:
                emotions.append(name)
        of_text[row["text"]] = tuple(emotions.index(name) for name in row["labels"])
    intents = {e.text: e for e in load_intents(data, "train").examples}
    names = [str(intent) for intent in Intent]
    moods = load_mood(data, "train").examples
    weights = example_weights(
        [e.source for e in moods], [e.sentiment or "none" for e in moods], source_weights, balance
    )
    for mood, weight in zip(moods, weights, strict=True):
        intent = intents.pop(mood.text, None)
        found.append(
            TextExample(
                mood.text,
                mood.source,
                SENTIMENTS.index(mood.sentiment) if mood.sentiment else -1,
                -1 if mood.frustration is None else int(mood.frustration),
                names.index(str(intent.intent)) if intent else -1,
                emotions=of_text.get(mood.text, ()),
                weight=float(weight),
            )
        )
    labels: list[str] = []
    for corpus in ("clinc150", "banking77", "hint3"):
        for row in read_jsonl(data / corpus / "train.jsonl"):
            if row["label"] == "oos" or not row.get("in_scope", True):
                continue
            name = f"{corpus}/{row['label']}"
            if name not in labels:
                labels.append(name)
            rest = intents.pop(row["text"], None)
            found.append(
                TextExample(
                    row["text"],
                    corpus,
                    intent=names.index(str(rest.intent)) if rest else -1,
                    label=labels.index(name),
                )
            )
    found += [
        TextExample(e.text, e.source, intent=names.index(str(e.intent))) for e in intents.values()
    ]
    return found, TextLabels(tuple(labels), tuple(emotions))


class MoodHeads(nn.Module):
    """A linear head per kind of label, on the scaled unit vector."""

    def __init__(self, hidden: int, labels: TextLabels) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.sentiment = nn.Linear(hidden, len(SENTIMENTS))
        self.frustration = nn.Linear(hidden, 1)
        self.intent = nn.Linear(hidden, len(Intent))
        self.label = nn.Linear(hidden, len(labels.labels))
        self.emotion = nn.Linear(hidden, len(labels.emotions))


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids as the serving encoder makes them, cut to `MAX_TOKENS`."""
    ids = list(tokenizer.encode(f"query: {text}").ids)
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


class TextBatches:
    """Batches of similar length, filled up to a number of tokens; another order each epoch."""

    def __init__(
        self, examples: Sequence[TextExample], tokenizer: Tokenizer, batch_tokens: int, seed: int
    ) -> None:
        from retrieval.text import simplified

        self._coded = [(encode_text(tokenizer, simplified(e.text)), e) for e in examples]
        self._budget = batch_tokens
        self._seed = seed
        self._count: int | None = None

    def __call__(self, epoch: int) -> list[list[tuple[list[int], TextExample]]]:
        """The batches of an epoch; their number is that of the first one."""
        rng = random.Random(self._seed + epoch)  # noqa: S311 (order, not security)
        order = sorted(self._coded, key=lambda item: len(item[0]) + rng.uniform(0, 10))
        batches: list[list[tuple[list[int], TextExample]]] = [[]]
        for item in order:
            if batches[-1] and (len(batches[-1]) + 1) * len(item[0]) > self._budget:
                batches.append([])
            batches[-1].append(item)
        rng.shuffle(batches)
        self._count = self._count or len(batches)
        return (batches + batches[: self._count])[: self._count]


def pooled(model: AdaptedEncoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit vectors (rows, hidden) times `SCALE`."""
    hidden = model(ids, mask)
    weights = mask.unsqueeze(-1).float()
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return functional.normalize(mean, dim=-1) * SCALE


def mood_loss(
    model: AdaptedEncoder, batch: list[tuple[list[int], TextExample]]
) -> tuple[torch.Tensor, int]:
    """The loss of a batch over all labels that are known in it, and its padded tokens."""
    ids, mask = pad([row for row, _ in batch], _PAD)
    examples = [example for _, example in batch]
    vectors = model.heads.dropout(pooled(model, ids, mask))  # type: ignore[operator]
    weight = torch.tensor([e.weight for e in examples])
    total = vectors.sum() * 0.0
    for name in ("sentiment", "intent", "label"):
        gold = torch.tensor([getattr(e, name) for e in examples])
        known = gold >= 0
        if known.any():
            logits = getattr(model.heads, name)(vectors[known])
            each = functional.cross_entropy(
                logits, gold[known], reduction="none", label_smoothing=0.02
            )
            total = total + _WEIGHTS[name] * (each * weight[known]).sum() / len(batch)
    gold = torch.tensor([e.frustration for e in examples])
    known = gold >= 0
    if known.any():
        logits = model.heads.frustration(vectors[known]).squeeze(-1)  # type: ignore[operator]
        each = functional.binary_cross_entropy_with_logits(
            logits, gold[known].float(), reduction="none"
        )
        total = total + _WEIGHTS["frustration"] * (each * weight[known]).sum() / len(batch)
    felt = [i for i, e in enumerate(examples) if e.emotions]
    if felt:
        logits = model.heads.emotion(vectors[felt])  # type: ignore[operator]
        target = torch.zeros_like(logits)
        for row, i in enumerate(felt):
            target[row, list(examples[i].emotions)] = 1.0
        said = functional.binary_cross_entropy_with_logits(logits, target)
        total = total + _WEIGHTS["emotion"] * said * len(felt) / len(batch)
    return total, mask.numel()

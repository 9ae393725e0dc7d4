"""`shopkeeper train retrieval`: an adapter that brings questions nearer to the passages that answer.

In-batch negatives with one hard negative a question (InfoNCE); a batch holds one corpus, so that
its negatives are about the same things. Passages that answer several questions of a batch count
for all of them. Not covered: the texts (`training.data.reading`), the loop
(`training.encoder_lora`).

Sources: van den Oord et al., 2018 (arXiv:1807.03748) for the loss; Karpukhin et al., 2020
(arXiv:2004.04906) for in-batch and hard negatives in passage search.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from training.data.reading import ReadGroup, ReadPassage
from training.encoder_lora import AdaptedEncoder, pad
from training.reader import excerpt

TEMPERATURE = 0.03
_PAD = 1
_QUESTION_TOKENS, _PASSAGE_TOKENS = 64, 160
_NEGATIVES = 1


class NoHeads(nn.Module):
    """The vector itself is what is trained."""

    def __init__(self, _hidden: int) -> None:
        super().__init__()


@dataclass(frozen=True, slots=True)
class Searched:
    """A question, the passage that answers, and passages that do not; token ids and texts."""

    question: tuple[int, ...]
    answers: str
    passage: tuple[int, ...]
    wrong: tuple[tuple[str, tuple[int, ...]], ...]


class SearchBatches:
    """Batches of one corpus each; other excerpts and another order each epoch."""

    def __init__(
        self, groups: Sequence[ReadGroup], tokenizer: Tokenizer, size: int, seed: int
    ) -> None:
        self._groups = [g for g in groups if g.passages[0].answers]
        self._tokenizer = tokenizer
        self._size = size
        self._seed = seed
        self._count: int | None = None

    def __call__(self, epoch: int) -> list[list[Searched]]:
        """The batches of an epoch; their number is that of the first one."""
        rng = random.Random(self._seed + epoch)  # noqa: S311 (order, not security)
        by_source: dict[str, list[ReadGroup]] = defaultdict(list)
        for group in self._groups:
            # The four pairings of languages share batches: a passage in the wrong language is
            # the hardest negative of all.
            by_source[group.source.split("-")[0]].append(group)
        batches = []
        for found in by_source.values():
            rng.shuffle(found)
            for start in range(0, len(found), self._size):
                batch = found[start : start + self._size]
                if len(batch) > self._size // 3:
                    batches.append([self._coded(group, rng) for group in batch])
        rng.shuffle(batches)
        self._count = self._count or len(batches)
        return (batches + batches[: self._count])[: self._count]

    def _coded(self, group: ReadGroup, rng: random.Random) -> Searched:
        right = excerpt(group.passages[0], rng, 150, 600)
        wrong = [excerpt(p, rng, 150, 600) for p in group.passages[1:] if not p.answers]
        drawn = rng.sample(wrong, min(_NEGATIVES, len(wrong)))
        return Searched(
            self._ids(f"query: {group.question}", _QUESTION_TOKENS),
            group.passages[0].text,
            self._passage(right),
            tuple((p.text, self._passage(p)) for p in drawn),
        )

    def _passage(self, passage: ReadPassage) -> tuple[int, ...]:
        return self._ids(f"passage: {passage.text}", _PASSAGE_TOKENS)

    def _ids(self, text: str, most: int) -> tuple[int, ...]:
        ids = self._tokenizer.encode(text).ids
        return tuple(ids if len(ids) <= most else [*ids[: most - 1], ids[-1]])


def unit_vectors(model: AdaptedEncoder, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Mean-pooled vectors of length 1, shape (rows, hidden)."""
    ids, mask = pad(rows, _PAD)
    hidden = model(ids, mask)
    weights = mask.unsqueeze(-1).float()
    return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


def search_loss(model: AdaptedEncoder, batch: list[Searched]) -> tuple[torch.Tensor, int]:
    """InfoNCE over the passages of the batch, and the padded tokens."""
    texts = [item.answers for item in batch]
    rows: list[Sequence[int]] = [item.passage for item in batch]
    for item in batch:
        for text, ids in item.wrong:
            texts.append(text)
            rows.append(ids)
    questions = unit_vectors(model, [item.question for item in batch])
    # In two halves by length: less padding, the same vectors.
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    half = len(order) // 2
    parts = [
        unit_vectors(model, [rows[i] for i in part])
        for part in (order[:half], order[half:])
        if part
    ]
    back = torch.argsort(torch.tensor(order))
    passages = torch.cat(parts)[back]
    logits = questions @ passages.T / TEMPERATURE
    gold = torch.arange(len(batch))
    for row, item in enumerate(batch):
        for column, text in enumerate(texts):
            if column != row and text == item.answers:
                logits[row, column] = -1e4
    tokens = sum(map(len, rows)) + sum(len(item.question) for item in batch)
    return functional.cross_entropy(logits, gold), tokens

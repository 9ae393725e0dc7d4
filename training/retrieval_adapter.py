"""`shopkeeper train retrieval`: an adapter that makes the encoder put answers next to questions.

Each question is drawn to its passage and pushed from the others of its batch: the passages of other
questions of the same corpus, and its own hard negatives (same article, BM25, other topics). The
corpus that has its passages in two languages keeps them in one batch, so that the language alone
decides nothing. A passage that answers a question too is never pushed from it. Not covered: the
texts (`training.data.reading`), the loop (`training.encoder_lora`), search itself (`retrieval`).

Sources: Karpukhin et al., 2020, in-batch negatives (arXiv:2004.04906); van den Oord et al., 2018,
InfoNCE (arXiv:1807.03748).
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

from training.data.reading import ReadGroup
from training.encoder_lora import AdaptedEncoder, pad
from training.reader import excerpt

TEMPERATURE = 0.02
PASSAGE_TOKENS, QUESTION_TOKENS = 160, 64
_PAD = 1
_MOST_QUESTIONS = 48
_CUT_SHARE = 0.6
_BY_SOURCE = {"xquad": 3, "written": 2}
"""How often a corpus is seen in an epoch; once where it is not named."""


def no_heads(_: int) -> nn.Module:
    """The adapter for search has no heads: the pooled vector is its output."""
    return nn.Module()


@dataclass(frozen=True, slots=True)
class SearchExample:
    """A question with one passage that answers it, and some that look so.

    Attributes:
        answers: texts that answer the question, as far as the corpus says.
    """

    question: tuple[int, ...]
    passages: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    answers: frozenset[str]


def corpus_of(source: str) -> str:
    """Sources whose passages are each other's negatives share a corpus."""
    return source.partition("-")[0]


def encode(tokenizer: Tokenizer, text: str, role: str, most: int) -> tuple[int, ...]:
    """Token ids as the serving encoder makes them, cut to `most`."""
    ids = tokenizer.encode(f"{role}: {text}").ids
    return tuple(ids if len(ids) <= most else [*ids[: most - 1], ids[-1]])


class SearchBatches:
    """Batches out of one corpus each, filled up to a number of tokens."""

    def __init__(
        self,
        groups: Sequence[ReadGroup],
        tokenizer: Tokenizer,
        batch_tokens: int,
        seed: int,
        hard: int = 1,
    ) -> None:
        """`hard` is the number of hard negatives of a question."""
        self._groups = [group for group in groups if any(p.answers for p in group.passages)]
        self._answers: dict[tuple[str, str], set[str]] = defaultdict(set)
        for group in self._groups:
            found = {p.text for p in group.passages if p.answers}
            self._answers[group.source, group.topic or group.question] |= found
        self._tokenizer = tokenizer
        self._budget = batch_tokens
        self._seed = seed
        self._hard = hard
        self._made: tuple[int, list[list[SearchExample]]] | None = None
        self._count: int | None = None

    def __call__(self, epoch: int) -> list[list[SearchExample]]:
        """The batches of an epoch: the same number each time, other excerpts and neighbours."""
        if self._made is None or self._made[0] != epoch:
            made = self._make(random.Random(self._seed + epoch))  # noqa: S311 (not security)
            self._count = self._count or len(made)
            self._made = (epoch, (made + made)[: self._count])
        return self._made[1]

    def _make(self, rng: random.Random) -> list[list[SearchExample]]:
        corpora: dict[str, list[SearchExample]] = defaultdict(list)
        for group in self._groups:
            corpus = corpus_of(group.source)
            for _ in range(_BY_SOURCE.get(corpus, 1)):
                corpora[corpus].append(self._example(group, rng))
        batches = []
        for examples in corpora.values():
            rng.shuffle(examples)
            batches += self._filled(examples)
        rng.shuffle(batches)
        return batches

    def _example(self, group: ReadGroup, rng: random.Random) -> SearchExample:
        right = [p for p in group.passages if p.answers]
        wrong = [p for p in group.passages if not p.answers]
        drawn = [rng.choice(right), *rng.sample(wrong, min(self._hard, len(wrong)))]
        shown = [excerpt(p, group.question, rng) if rng.random() < _CUT_SHARE else p for p in drawn]
        return SearchExample(
            encode(self._tokenizer, group.question, "query", QUESTION_TOKENS),
            tuple(encode(self._tokenizer, p.text, "passage", PASSAGE_TOKENS) for p in shown),
            tuple(p.text for p in drawn),
            frozenset(self._answers[group.source, group.topic or group.question]),
        )

    def _filled(self, examples: Sequence[SearchExample]) -> list[list[SearchExample]]:
        batches: list[list[SearchExample]] = [[]]
        for example in examples:
            batch = [*batches[-1], example]
            if batches[-1] and (_cost(batch) > self._budget or len(batch) > _MOST_QUESTIONS):
                batches.append([example])
            else:
                batches[-1] = batch
        # A batch of two or three has next to no negatives.
        return [batch for batch in batches if len(batch) > 3]


def _cost(batch: Sequence[SearchExample]) -> int:
    passages = [ids for example in batch for ids in example.passages]
    asked = len(batch) * max(len(example.question) for example in batch)
    return asked + len(passages) * max(map(len, passages))


def vectors(model: AdaptedEncoder, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, int]:
    """Unit vectors (rows, hidden) as serving pools them, and the padded tokens read for them."""
    ids, mask = pad(rows, _PAD)
    hidden = model(ids, mask)
    weights = mask.unsqueeze(-1).float()
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return functional.normalize(mean, dim=-1), mask.numel()


def search_loss(model: AdaptedEncoder, batch: list[SearchExample]) -> tuple[torch.Tensor, int]:
    """InfoNCE over the passages of the batch, and the padded tokens."""
    first = [example.passages[0] for example in batch]
    rest = [ids for example in batch for ids in example.passages[1:]]
    texts = [example.texts[0] for example in batch]
    texts += [text for example in batch for text in example.texts[1:]]
    asked, read = vectors(model, [example.question for example in batch])
    told, read_too = vectors(model, [*first, *rest])
    similar = asked @ told.T / TEMPERATURE
    also = torch.tensor(
        [
            [column != row and text in example.answers for column, text in enumerate(texts)]
            for row, example in enumerate(batch)
        ]
    )
    similar = similar.masked_fill(also, -1e4)
    loss = functional.cross_entropy(similar, torch.arange(len(batch)))
    return loss, read + read_too


@torch.no_grad()
def recall_at_1(model: AdaptedEncoder, groups: Sequence[ReadGroup]) -> dict[str, float]:
    """Share of questions whose nearest passage answers them, out of all passages of the corpus."""
    by_corpus: dict[str, list[ReadGroup]] = defaultdict(list)
    for group in groups:
        if any(p.answers for p in group.passages):
            by_corpus[corpus_of(group.source)].append(group)
    found: dict[str, list[bool]] = defaultdict(list)
    for members in by_corpus.values():
        texts = list(dict.fromkeys(p.text for group in members for p in group.passages))
        told = _all_vectors(model, texts, "passage")
        asked = _all_vectors(model, [group.question for group in members], "query")
        nearest = (asked @ told.T).argmax(1).tolist()
        for group, place in zip(members, nearest, strict=True):
            right = {p.text for p in group.passages if p.answers}
            found[group.source].append(texts[place] in right)
    return {name: round(sum(hits) / len(hits), 4) for name, hits in found.items()}


def _all_vectors(model: AdaptedEncoder, texts: Sequence[str], role: str) -> torch.Tensor:
    most = 2 * PASSAGE_TOKENS if role == "passage" else QUESTION_TOKENS
    rows = [encode(model.tokenizer, text, role, most) for text in texts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = torch.zeros(len(rows), model.encoder.config.hidden_size)
    for begin in range(0, len(order), 16):
        places = order[begin : begin + 16]
        out[places] = vectors(model, [rows[i] for i in places])[0]
    return out

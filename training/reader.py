"""`shopkeeper train reader`: a cross-encoder that ranks passages, says whether one answers, and where.

One pass over question and passage gives three things: a logit that the passage answers the
question (mean-pooled), the start and end of a short answer, and a logit per token for the
sentences that the answer rests on. Trained together: binary cross-entropy on the first, softmax
over the passages of one question where one of them is right, cross-entropy on start and end,
binary cross-entropy on the evidence. Not covered: the texts (`training.data.reading`), serving
(`retrieval.reader`).

Sources: Nogueira and Cho, 2019 (arXiv:1901.04085) for the cross-encoder; Devlin et al., 2019
(arXiv:1810.04805) for the spans.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from retrieval.reader import pair_ids
from retrieval.spans import sentence_spans
from retrieval.text import terms
from training.data.reading import ReadGroup, ReadPassage
from training.encoder_lora import AdaptedEncoder, pad

PASSAGE_TOKENS = 300
_PAD = 1
_SPAN_WEIGHT, _EVIDENCE_WEIGHT, _RANK_WEIGHT = 0.5, 0.5, 0.5
_BY_SOURCE = {"written": 3, "squad2_half": 2, "xquad-en-zh": 2, "xquad-zh-en": 2}
_CUT_SHARE = 0.8  # of the passages; the rest is read whole
_MUST_KEEP = 12  # tokens left around an answer when a passage is cut


class ReaderHeads(nn.Module):
    """`answers` from the pooled states, `tokens` (start, end, evidence) from each."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.answers = nn.Linear(hidden, 1)
        self.tokens = nn.Linear(hidden, 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """Token ids of question and passage, and what is known of it (token places, or None)."""

    ids: tuple[int, ...]
    passage_at: int
    answers: bool
    span: tuple[int, int] | None
    evidence: tuple[tuple[int, int], ...]


Group = tuple[Pair, ...]


def excerpt(
    passage: ReadPassage, question: str, rng: random.Random, low: int = 80, high: int = 420
) -> ReadPassage:
    """Some neighbouring sentences of a passage that hold all its evidence.

    A passage that answers, without it being known where, stays whole. One that does not answer is
    cut around the sentence that looks most as if it did: that is the one to learn from.
    """
    if passage.answers and not passage.evidence:
        return passage
    spans = sentence_spans(passage.text)
    if len(spans) < 2:
        return passage
    if passage.evidence:
        inside = [
            i
            for i, s in enumerate(spans)
            if any(s[0] < e[1] and e[0] < s[1] for e in passage.evidence)
        ]
        first, last = min(inside, default=0), max(inside, default=0)
    else:
        first = last = _nearest(question, [passage.text[a:b] for a, b in spans])
    budget = rng.uniform(low, high)
    while True:
        options = [i for i in (first - 1, last + 1) if 0 <= i < len(spans)]
        if not options:
            break
        chosen = rng.choice(options)
        start, end = spans[min(first, chosen)][0], spans[max(last, chosen)][1]
        if end - start > budget:
            break
        first, last = min(first, chosen), max(last, chosen)
    start, end = spans[first][0], spans[last][1]

    def move(place: tuple[int, int]) -> tuple[int, int]:
        return max(place[0], start) - start, min(place[1], end) - start

    return ReadPassage(
        passage.text[start:end],
        passage.answers,
        move(passage.span) if passage.span else None,
        tuple(move(e) for e in passage.evidence if e[0] < end and e[1] > start),
    )


def _nearest(question: str, sentences: Sequence[str]) -> int:
    asked = set(terms(question))
    shared = [len(asked & set(terms(sentence))) for sentence in sentences]
    return shared.index(max(shared))


def encode_group(group: ReadGroup, tokenizer: Tokenizer, passages: Sequence[ReadPassage]) -> Group:
    """Token ids of every pair of the group, cut to length with the answer kept in sight."""
    asked = tokenizer.encode(group.question, add_special_tokens=False).ids
    pairs = []
    for passage in passages:
        coded = tokenizer.encode(passage.text, add_special_tokens=False)
        span = _tokens_of(coded.offsets, passage.span) if passage.span else None
        evidence = [_tokens_of(coded.offsets, place) for place in passage.evidence]
        start = max(0, span[1] + _MUST_KEEP - PASSAGE_TOKENS) if span else 0
        ids = coded.ids[start : start + PASSAGE_TOKENS]
        row, begin = pair_ids(asked, ids)
        move = begin - start
        kept = [
            (max(e[0] + move, begin), min(e[1] + move, begin + len(ids) - 1)) for e in evidence if e
        ]
        pairs.append(
            Pair(
                tuple(row),
                begin,
                passage.answers,
                (span[0] + move, span[1] + move) if span else None,
                tuple(e for e in kept if e[0] <= e[1]),
            )
        )
    return tuple(pairs)


def _tokens_of(
    offsets: Sequence[tuple[int, int]], place: tuple[int, int]
) -> tuple[int, int] | None:
    """First and last token that touch a stretch of characters."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < place[1] and place[0] < b]
    return (inside[0], inside[-1]) if inside else None


class ReaderBatches:
    """Batches of whole groups, of similar length, filled up to a number of tokens."""

    def __init__(
        self, groups: Sequence[ReadGroup], tokenizer: Tokenizer, batch_tokens: int, seed: int
    ) -> None:
        self._groups = [g for g in groups for _ in range(_BY_SOURCE.get(g.source, 1))]
        self._tokenizer = tokenizer
        self._budget = batch_tokens
        self._seed = seed
        self._made: tuple[int, list[list[Group]]] | None = None
        self._count: int | None = None

    def __call__(self, epoch: int) -> list[list[Group]]:
        """The batches of an epoch: the same number each time, other excerpts and order."""
        if self._made is None or self._made[0] != epoch:
            made = self._make(random.Random(self._seed + epoch))  # noqa: S311 (not security)
            self._count = self._count or len(made)
            while len(made) < self._count:
                made.append(made[len(made) // 2])
            self._made = (epoch, made[: self._count])
        return self._made[1]

    def _make(self, rng: random.Random) -> list[list[Group]]:
        coded = []
        for group in self._groups:
            shown = [
                excerpt(p, group.question, rng) if rng.random() < _CUT_SHARE else p
                for p in group.passages
            ]
            if rng.random() < 0.15 and len(shown) > 1 and shown[0].answers:
                shown = shown[:1]
            coded.append(encode_group(group, self._tokenizer, shown))
        coded.sort(key=lambda pairs: _longest(pairs) + rng.uniform(0, 24))
        batches: list[list[Group]] = [[]]
        size = 0
        for pairs in coded:
            width = max(_longest(pairs), max(map(_longest, batches[-1]), default=0))
            if batches[-1] and (size + len(pairs)) * width > self._budget:
                batches.append([])
                size = 0
            batches[-1].append(pairs)
            size += len(pairs)
        rng.shuffle(batches)
        return batches


def _longest(group: Group) -> int:
    return max(len(pair.ids) for pair in group)


def reader_outputs(
    model: AdaptedEncoder, pairs: Sequence[Pair]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits that a pair answers (pairs,), of its tokens (pairs, tokens, 3), and the mask."""
    ids, mask = pad([pair.ids for pair in pairs], _PAD)
    hidden = model(ids, mask)
    weights = mask.unsqueeze(-1).float()
    pooled = (hidden * weights).sum(1) / weights.sum(1)
    return model.heads.answers(pooled).squeeze(-1), model.heads.tokens(hidden), mask  # type: ignore[operator]


def reader_loss(model: AdaptedEncoder, batch: list[Group]) -> tuple[torch.Tensor, int]:
    """The loss of a batch of groups, and its padded tokens."""
    pairs = [pair for group in batch for pair in group]
    answers, tokens, mask = reader_outputs(model, pairs)
    gold = torch.tensor([float(pair.answers) for pair in pairs])
    loss = functional.binary_cross_entropy_with_logits(answers, gold)
    loss = loss + _RANK_WEIGHT * _ranking(answers, batch)
    known = [i for i, pair in enumerate(pairs) if pair.span]
    allowed = _passage_tokens(pairs, mask)
    if known:
        places = torch.tensor([pairs[i].span for i in known])
        logits = tokens[known][:, :, :2].masked_fill(~allowed[known].unsqueeze(-1), -1e4)
        ends = functional.cross_entropy(logits[:, :, 0], places[:, 0])
        ends = ends + functional.cross_entropy(logits[:, :, 1], places[:, 1])
        loss = loss + _SPAN_WEIGHT * ends * len(known) / len(pairs)
    rests = [i for i, pair in enumerate(pairs) if pair.evidence]
    if rests:
        target = torch.zeros_like(mask[rests], dtype=torch.float32)
        for row, i in enumerate(rests):
            for start, end in pairs[i].evidence:
                target[row, start : end + 1] = 1.0
        each = functional.binary_cross_entropy_with_logits(
            tokens[rests][:, :, 2], target, reduction="none"
        )
        inside = allowed[rests].float()
        said = (each * inside).sum() / inside.sum()
        loss = loss + _EVIDENCE_WEIGHT * said * len(rests) / len(pairs)
    return loss, mask.numel()


def _ranking(answers: torch.Tensor, batch: list[Group]) -> torch.Tensor:
    total, count, at = answers.sum() * 0.0, 0, 0
    for group in batch:
        logits = answers[at : at + len(group)]
        at += len(group)
        right = torch.tensor([pair.answers for pair in group])
        if right.any() and not right.all():
            total = total + torch.logsumexp(logits, 0) - torch.logsumexp(logits[right], 0)
            count += 1
    return total / max(1, count)


def _passage_tokens(pairs: Sequence[Pair], mask: torch.Tensor) -> torch.Tensor:
    allowed = torch.zeros_like(mask, dtype=torch.bool)
    for row, pair in enumerate(pairs):
        allowed[row, pair.passage_at : len(pair.ids) - 1] = True
    return allowed

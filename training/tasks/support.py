"""`shopkeeper eval support`: does the reader's word tell supported sentences from others?

Covered: pairs of a reference sentence and a passage from the written answers, their scores, the
floor below which a given share of supported sentences falls, what it costs and what it is worth.
Only pairs that the rest of the guard lets through count, since the score is asked last. Not
covered: the score itself (`bot.answering.support`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.answering.guard import check, citations_in, without_citations
from bot.answering.sentences import split
from bot.answering.support import Floors, across
from bot.protocols import Reader
from training.data.answers import WRITTEN, read_jsonl
from training.tasks.text_metrics import auroc

_CITATION = re.compile(r"\[\d{1,2}\]")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and a passage (title, line break, text); `supported` if it was written of it."""

    sentence: str
    passage: str
    supported: bool
    lang: str

    @property
    def across(self) -> bool:
        """Whether one is Chinese and the other is not."""
        return across(self.sentence, self.passage)


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs and what the reader gives each, as log-odds, shape (pairs,)."""

    pairs: tuple[Pair, ...]
    scores: NDArray[np.float64]

    @property
    def supported(self) -> NDArray[np.bool_]:
        """Which of them are supported."""
        return np.array([pair.supported for pair in self.pairs], bool)

    def only(self, wanted: Callable[[Pair], bool]) -> Scored:
        """Those that are wanted."""
        at = [place for place, pair in enumerate(self.pairs) if wanted(pair)]
        return Scored(tuple(self.pairs[place] for place in at), self.scores[at])

    def floor(self, false_block: float) -> float:
        """The score below which this share of the supported pairs falls."""
        return round(float(np.quantile(self.scores[self.supported], false_block)), 3)

    def metrics(self, floors: Floors) -> dict[str, float]:
        """How well the score tells them apart, and what floors do; NaN where nothing tells."""
        wanted = [floors.across if pair.across else floors.same for pair in self.pairs]
        below = self.scores < np.array(wanted)
        return {
            "auroc": auroc(self.scores, self.supported),
            "false_block": _share(below[self.supported]),
            "blocked": _share(below[~self.supported]),
            "supported": float(self.supported.sum()),
            "unsupported": float((~self.supported).sum()),
        }


def pairs_of(part: Literal["train", "dev"]) -> Iterator[Pair]:
    """Reference sentences that cite one passage, with each passage of their row.

    The others are hard to tell: they are of the same shop and were put beside the right one to
    mislead.
    """
    for name in ("en", "zh"):
        for row in read_jsonl(WRITTEN / f"answers.{name}.jsonl"):
            if row["split"] != part or not row["answerable"]:
                continue
            passages = [f"{p['title']}\n{p['text']}".strip() for p in row["passages"]]
            for sentence in split(row["answer"]):
                cited = citations_in(sentence)
                if len(cited) != 1:
                    continue
                bare = _CITATION.sub("[1]", sentence)
                for number, passage in enumerate(passages, start=1):
                    if check(bare, [passage], row["question"]).released:
                        text = without_citations(sentence)
                        yield Pair(text, passage, number in cited, row["lang"])


def score(pairs: Sequence[Pair], reader: Reader, progress: Progress | None = None) -> Scored:
    """What the reader gives each pair."""
    scores = []
    for done, pair in enumerate(pairs, start=1):
        (reading,) = reader.read(pair.sentence, [pair.passage])
        scores.append(reading.logit)
        if progress:
            progress(done, len(pairs))
    return Scored(tuple(pairs), np.array(scores, np.float64))


def fit(learnt: Scored, measured: Scored, reader: str, false_block: float) -> Floors:
    """Floors that give up this share of the supported pairs of `learnt`.

    Args:
        learnt: pairs of both kinds, in one language and across.
        measured: other pairs, for the shares that are kept with the floors.
        reader: name of the weights.
    """
    floors = Floors(
        learnt.only(lambda pair: not pair.across).floor(false_block),
        learnt.only(lambda pair: pair.across).floor(false_block),
        reader,
        f"training/data/written, train, to block {false_block:g} of what is right; shares: dev",
        0.0,
        0.0,
    )
    found = measured.metrics(floors)
    return replace(
        floors, false_block=round(found["false_block"], 4), blocked=round(found["blocked"], 4)
    )


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")

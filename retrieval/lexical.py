"""Word search: BM25 over the passages' terms, with scores that can be compared between queries.

Covered: scoring all passages for one query, the share of the query that a passage accounts for,
files that are mapped, a smaller index beside a large one that counts words as the large one does.
Not covered: how text becomes terms (`retrieval.text`).

An index "beside" another one keeps the other's statistics (how many passages, how long, how many
hold a word), so that scores of both can be ranked together; words the other one does not know get
statistics of their own. Joining the two counts everything anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import bm25s
import numpy as np
from numpy.typing import NDArray

from retrieval.bm25 import K1, B, Counted, LexicalScores, Statistics
from retrieval.columns import mapped

_WORDS = "words.txt"
_ARRAYS = ("terms", "starts", "holding", "data", "indices", "indptr")


class LexicalIndex:
    """An immutable BM25 index.

    `terms[starts[row] : starts[row + 1]]` holds the numbers of a passage's terms, `scores` what
    each word adds to each passage, in the layout of `bm25s.BM25.scores`.
    """

    def __init__(
        self,
        terms: NDArray[np.int32],
        starts: NDArray[np.int64],
        vocabulary: Mapping[str, int],
        statistics: Statistics,
        scores: dict[str, Any],
        known: Mapping[str, int] | None = None,
    ) -> None:
        """`known` is the vocabulary of the index this one is beside, `vocabulary` its own words."""
        self.terms = terms
        self.starts = starts
        self.vocabulary = vocabulary
        self.statistics = statistics
        self._scores = scores
        self._known = known or {}
        self._model = bm25s.BM25(k1=K1, b=B, method="lucene")
        self._model.scores = scores
        self._model.nonoccurrence_array = None

    @classmethod
    def build(cls, texts: Iterable[Sequence[str]]) -> Self:
        """Index passages given as lists of terms, best one by one: terms take much memory."""
        vocabulary: dict[str, int] = {}
        return cls._of(*_flat([_numbered(terms, vocabulary, {}) for terms in texts]), vocabulary)

    @classmethod
    def joined(cls, first: LexicalIndex, second: LexicalIndex, kept: NDArray[np.bool_]) -> Self:
        """One index of what is `kept` of two, the second built `beside` the first.

        `kept` is a mask over the rows of both, shape (len(first) + len(second),).
        """
        terms = np.concatenate([first.terms, second.terms])
        lengths = np.concatenate([np.diff(first.starts), np.diff(second.starts)])
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[kept])])
        return cls._of(terms[np.repeat(kept, lengths)], starts, second.words)

    @classmethod
    def _of(
        cls, terms: NDArray[np.int32], starts: NDArray[np.int64], vocabulary: Mapping[str, int]
    ) -> Self:
        """Words that occur nowhere are left out."""
        used = np.bincount(terms, minlength=len(vocabulary)) > 0
        if not used.all():
            renumbered = np.cumsum(used).astype(np.int32) - 1
            terms = renumbered[terms]
            vocabulary = {w: int(renumbered[n]) for w, n in vocabulary.items() if used[n]}
        counted = Counted.of(terms, starts, len(vocabulary))
        count = len(starts) - 1
        mean = len(terms) / count if count else 0.0
        statistics = Statistics(count, mean, counted.holding)
        return cls(terms, starts, vocabulary, statistics, counted.scores(statistics))

    @classmethod
    def sample(
        cls,
        documents: Sequence[Sequence[str]],
        count: int,
        mean_length: float,
        holding: Mapping[str, int],
    ) -> Self:
        """Some passages of a collection kept elsewhere, scored as they would be among all.

        Args:
            documents: their terms.
            count: passages in the collection.
            mean_length: terms in one of them, on average.
            holding: passages that hold each word of the question; other words count as rare.
        """
        vocabulary = {word: number for number, word in enumerate(holding)}
        terms, starts = _flat([_numbered(document, vocabulary, {}) for document in documents])
        counted = Counted.of(terms, starts, len(vocabulary))
        everywhere = np.ones(len(vocabulary), np.int64)
        everywhere[: len(holding)] = list(holding.values())
        statistics = Statistics(max(1, count), mean_length or 1.0, everywhere)
        return cls(terms, starts, vocabulary, statistics, counted.scores(statistics))

    def beside(
        self,
        texts: Iterable[Sequence[str]],
        earlier: LexicalIndex | None = None,
        kept: NDArray[np.bool_] | None = None,
    ) -> LexicalIndex:
        """An index of further passages whose scores can be ranked together with these.

        Args:
            texts: their terms.
            earlier: an index beside this one whose passages go in front of `texts`.
            kept: which rows of `earlier`; None for all.
        """
        known = self.vocabulary
        own = dict(earlier.vocabulary) if earlier else {}
        rows = range(len(earlier)) if earlier else range(0)
        documents = [
            earlier.document(row) for row in rows if earlier and (kept is None or kept[row])
        ]
        documents += [_numbered(text, own, known) for text in texts]
        terms, starts = _flat(documents)
        counted = Counted.of(terms, starts, len(known) + len(own))
        new = counted.holding[len(known) :]
        statistics = Statistics(
            max(1, self.statistics.count),
            self.statistics.mean_length or 1.0,
            np.concatenate([self.statistics.holding, new]),
        )
        return LexicalIndex(terms, starts, own, statistics, counted.scores(statistics), known)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def words(self) -> dict[str, int]:
        """Every word and its number, those of the index this one is beside too."""
        return {**self._known, **self.vocabulary}

    def document(self, row: int) -> NDArray[np.int32]:
        """The numbers of a passage's terms, in order."""
        return self.terms[self.starts[row] : self.starts[row + 1]]

    def score(self, terms: Sequence[str]) -> LexicalScores:
        """Scores of all passages for a query's terms; zeros when none of them is known."""
        numbers = [self._number(term) for term in terms]
        known = [number for number in numbers if number is not None]
        ceiling = self.statistics.unseen * (len(terms) - len(known))
        if not known or not len(self):
            return LexicalScores(np.zeros(len(self), np.float32), ceiling + self._sum(known))
        return LexicalScores(self._model.get_scores_from_ids(known), ceiling + self._sum(known))

    def rarity(self, term: str) -> float:
        """How rare a term is, from 0 to 1 (occurs nowhere)."""
        number = self._number(term)
        if number is None or not self.statistics.count:
            return 1.0
        return float(self.statistics.idf([number])[0]) / self.statistics.unseen

    def terms_in(self, terms: Sequence[str], row: int) -> frozenset[str]:
        """Those of `terms` that occur in the passage of `row`."""
        present = set(self.document(row).tolist())
        return frozenset(term for term in terms if self._number(term) in present)

    def _number(self, term: str) -> int | None:
        number = self.vocabulary.get(term)
        return self._known.get(term) if number is None else number

    def _sum(self, numbers: Sequence[int]) -> float:
        return float(self.statistics.idf(numbers).sum()) if numbers else 0.0

    def save(self, folder: Path) -> None:
        """Write into `folder`, which must exist. One that is beside another cannot be saved."""
        arrays = {
            "terms": self.terms,
            "starts": self.starts,
            "holding": self.statistics.holding,
            **{name: self._scores[name] for name in ("data", "indices", "indptr")},
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        (folder / _WORDS).write_text("\n".join(self.vocabulary), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote.

        Raises:
            OSError, ValueError, EOFError: a file is missing or damaged.
        """
        arrays: dict[str, Any] = {name: mapped(folder / f"{name}.npy") for name in _ARRAYS}
        words = (folder / _WORDS).read_text(encoding="utf-8")
        vocabulary = {word: at for at, word in enumerate(words.split("\n") if words else [])}
        starts = arrays["starts"]
        count = len(starts) - 1
        if len(vocabulary) != len(arrays["holding"]) or len(arrays["terms"]) != starts[-1]:
            raise ValueError(f"the word index in {folder} does not fit together")
        mean = len(arrays["terms"]) / count if count else 0.0
        scores = {name: arrays[name] for name in ("data", "indices", "indptr")}
        statistics = Statistics(count, mean, arrays["holding"])
        return cls(arrays["terms"], starts, vocabulary, statistics, {**scores, "num_docs": count})


def _flat(documents: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    lengths = np.array([len(document) for document in documents], np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return np.concatenate([*documents, np.zeros(0, np.int32)]), starts


def _numbered(
    terms: Sequence[str], own: dict[str, int], known: Mapping[str, int]
) -> NDArray[np.int32]:
    first = len(known)
    return np.array(
        [
            known[term] if term in known else own.setdefault(term, first + len(own))
            for term in terms
        ],
        np.int32,
    )

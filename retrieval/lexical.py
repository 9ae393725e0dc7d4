"""Word search: BM25 over the passages' terms, with scores that can be compared between queries.

Covered: scoring all passages for one query, the share of the query that a passage accounts for,
saving, and rebuilding from kept terms when a few passages change. Not covered: how text becomes
terms (`retrieval.text`).

Sources: Robertson & Zaragoza, 2009, The Probabilistic Relevance Framework: BM25 and Beyond; the
normalisation by the highest score a query could reach is from Bruch, Gai & Ingber, 2023, An
Analysis of Fusion Functions for Hybrid Retrieval (arXiv:2210.11934).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
_TERMS_FILE = "terms.npy"
_LENGTHS_FILE = "lengths.npy"
_WORDS_FILE = "words.txt"


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """BM25 of every passage, shape (passages,), and the highest score the query could reach."""

    bm25: NDArray[np.float32]
    ceiling: float

    @property
    def evidence(self) -> NDArray[np.float32]:
        """BM25 as a share of the ceiling, in [0, 1): 0 where no word of the query occurs."""
        return self.bm25 / np.float32(self.ceiling) if self.ceiling > 0 else self.bm25


class LexicalIndex:
    """An immutable BM25 index. `documents` holds the term numbers of each passage."""

    def __init__(
        self, documents: Sequence[NDArray[np.int32]], vocabulary: dict[str, int], model: bm25s.BM25
    ) -> None:
        self.documents = tuple(documents)
        self.vocabulary = vocabulary
        self._model = model

    @classmethod
    def build(cls, texts: Iterable[Sequence[str]]) -> LexicalIndex:
        """Index passages given as lists of terms, best one by one: terms take much memory."""
        vocabulary: dict[str, int] = {}
        return cls._from_documents([_numbered(terms, vocabulary) for terms in texts], vocabulary)

    def rebuilt(self, kept: Sequence[int | None], changed: Iterable[Sequence[str]]) -> LexicalIndex:
        """A new index: `kept` names old rows, or None where the next of `changed` goes."""
        vocabulary = dict(self.vocabulary)
        new = iter(changed)
        documents = [
            self.documents[row] if row is not None else _numbered(next(new), vocabulary)
            for row in kept
        ]
        return self._from_documents(documents, vocabulary)

    @classmethod
    def _from_documents(
        cls, documents: Sequence[NDArray[np.int32]], vocabulary: dict[str, int]
    ) -> LexicalIndex:
        model = bm25s.BM25(k1=K1, b=B, method="lucene")
        if any(len(document) for document in documents):
            model.scores = _postings(documents, len(vocabulary))
            model.vocab_dict = vocabulary
            model.unique_token_ids_set = set(vocabulary.values())
            model.nonoccurrence_array = None
        return cls(documents, vocabulary, model)

    def score(self, terms: Sequence[str]) -> LexicalScores:
        """Scores of all passages for a query's terms; zeros when none of them is known."""
        count = len(self.documents)
        known = [self.vocabulary[term] for term in terms if term in self.vocabulary]
        if not known or not self._indexed:
            return LexicalScores(np.zeros(count, np.float32), self._unseen * len(terms))
        ceiling = self._unseen * (len(terms) - len(known)) + float(self._idf(known).sum())
        return LexicalScores(self._model.get_scores_from_ids(known), ceiling)

    def rarity(self, term: str) -> float:
        """How rare a term is, from 0 to 1 (occurs nowhere)."""
        number = self.vocabulary.get(term)
        if number is None:
            return 1.0
        return float(self._idf([number])[0]) / self._unseen if self.documents else 1.0

    def terms_in(self, terms: Sequence[str], row: int) -> frozenset[str]:
        """Those of `terms` that occur in the passage of `row`."""
        present = set(self.documents[row].tolist())
        return frozenset(term for term in terms if self.vocabulary.get(term) in present)

    @property
    def _unseen(self) -> float:
        """Inverse document frequency of a term that occurs nowhere."""
        return math.log(1 + (len(self.documents) + 0.5) / 0.5)

    @property
    def _indexed(self) -> bool:
        return hasattr(self._model, "scores")

    def _idf(self, numbers: Sequence[int]) -> NDArray[np.float64]:
        """Lucene's inverse document frequency, from the lengths of the posting lists."""
        count = len(self.documents)
        if not self._indexed:
            return np.full(len(numbers), self._unseen)
        rows = np.asarray(numbers)
        starts = self._model.scores["indptr"]
        holding = (starts[rows + 1] - starts[rows]).astype(np.float64)
        return np.asarray(np.log1p((count - holding + 0.5) / (holding + 0.5)))

    def save(self, folder: Path) -> None:
        """Write into `folder`, which must exist."""
        lengths = np.array([len(document) for document in self.documents], np.int64)
        flat = np.concatenate([*self.documents, np.zeros(0, np.int32)])
        np.save(folder / _TERMS_FILE, flat)
        np.save(folder / _LENGTHS_FILE, lengths)
        (folder / _WORDS_FILE).write_text("\n".join(self.vocabulary), encoding="utf-8")
        if self._indexed:
            self._model.save(folder, show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError, EOFError: a file is missing or damaged.
        """
        ends = np.cumsum(np.load(folder / _LENGTHS_FILE))
        documents = np.split(np.load(folder / _TERMS_FILE), ends)[:-1]
        words = (folder / _WORDS_FILE).read_text(encoding="utf-8")
        vocabulary = {
            word: number for number, word in enumerate(words.split("\n") if words else [])
        }
        if not any(len(document) for document in documents):
            return cls(documents, vocabulary, bm25s.BM25(k1=K1, b=B, method="lucene"))
        model = bm25s.BM25.load(folder, load_vocab=False, show_progress=False)
        return cls(documents, vocabulary, model)


def _numbered(terms: Sequence[str], vocabulary: dict[str, int]) -> NDArray[np.int32]:
    return np.array([vocabulary.setdefault(term, len(vocabulary)) for term in terms], np.int32)


def _postings(documents: Sequence[NDArray[np.int32]], words: int) -> dict[str, Any]:
    """The score of every word in every passage, in the layout of `bm25s.BM25.scores`.

    The same numbers as `BM25.index` computes, without a Python loop over the passages: an edit
    must be searchable within a second, which that loop uses up at a few thousand passages.
    """
    lengths = np.array([len(document) for document in documents], np.int64)
    pairs = np.repeat(np.arange(len(documents)), lengths) + np.concatenate(documents).astype(
        np.int64
    ) * len(documents)
    pairs, counts = np.unique(pairs, return_counts=True)
    terms, rows = np.divmod(pairs, len(documents))
    holding = np.bincount(terms, minlength=words)
    idf = np.log1p((len(documents) - holding + 0.5) / (holding + 0.5))
    norm = K1 * (1 - B + B * lengths[rows] / lengths.mean())
    return {
        "data": (idf[terms] * counts / (counts + norm)).astype(np.float32),
        "indices": rows.astype(np.int32),
        "indptr": np.concatenate([[0], np.cumsum(holding)]).astype(np.int64),
        "num_docs": len(documents),
    }

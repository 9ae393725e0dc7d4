"""Search: a question in, the passages that may answer it out, best first.

Covered: dense, word and exact search put together, passages that are not valid today left out, the
customer's language first among the translations of one entry, an optional reader within a time
budget, and one probability that the hits answer at all. Not covered: completing follow-ups, which
happens before (`bot.query`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from bot.protocols import Encoder, Reader
from bot.types import Hit, Lang, Query, Retrieval
from retrieval.calibration import Calibration, Features
from retrieval.candidates import Candidates, Mode, gather
from retrieval.evidence import LOOKED_AT, features_of
from retrieval.filters import Demand, Shelf
from retrieval.fusion import SKU_BONUS, FusionSettings, fuse
from retrieval.index import HybridIndex
from retrieval.rerank import RERANKED, rerank_within
from retrieval.text import INVISIBLE, simplified, terms

MAX_QUERY_CHARS = 2000
_NAME_BONUS = 0.1
_LAST_TURN = 0.5
"""Share of the message itself in the vector of a follow-up, beside the message with its history."""


def today() -> date:
    """The shop's day, in the time zone of the machine."""
    return datetime.now().astimezone().date()


class HybridRetriever:
    """Implements `bot.protocols.Retriever` over one index. Safe to share between threads."""

    def __init__(
        self,
        index: HybridIndex,
        encoder: Encoder | None,
        *,
        mode: Mode = "hybrid",
        fusion: FusionSettings | None = None,
        calibration: Calibration | None = None,
        reader: Reader | None = None,
        rerank_budget_s: float = 0.5,
        day: Callable[[], date] = today,
        shelf: Shelf | None = None,
    ) -> None:
        """Take finished parts.

        Args:
            index: what is searched.
            encoder: the one the index was built with; None only for mode `lexical`.
            mode: which searches count.
            fusion: how they are put together.
            calibration: None for the one that ships with the program.
            reader: None for none; used in modes `hybrid` and `rerank`.
            rerank_budget_s: passages not scored by then keep their place behind the others.
            day: gives the day on which passages must be valid.
            shelf: the facts of the products; None to read them from the index.
        """
        if mode != "lexical" and (encoder is None or index.dense is None):
            raise ValueError(f"mode {mode!r} needs an encoder and an index with vectors")
        if mode == "rerank" and reader is None:
            raise ValueError("mode 'rerank' needs a reader")
        self.index = index
        self._encoder = encoder
        self._mode = mode
        self._fusion = fusion or FusionSettings()
        self._calibration = calibration or Calibration.load()
        self._reader = reader if mode in {"hybrid", "rerank"} else None
        self._rerank_budget_s = rerank_budget_s
        self._day = day
        filtered = mode in {"hybrid", "rerank"}
        self._shelf = shelf or Shelf(index.products() if filtered else {}, len(index.passages))

    def with_index(self, index: HybridIndex) -> HybridRetriever:
        """The same retriever over another index."""
        return HybridRetriever(
            index,
            self._encoder,
            mode=self._mode,
            fusion=self._fusion,
            calibration=self._calibration,
            reader=self._reader,
            rerank_budget_s=self._rerank_budget_s,
            day=self._day,
        )

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        """At most `limit` hits, best first, valid today."""
        retrieval, _ = self.search_with_features(query, limit)
        return retrieval

    def search_with_features(
        self, query: Query, limit: int = 5
    ) -> tuple[Retrieval, Features | None]:
        """As `search`, with what calibration is fitted on; None when nothing was found.

        Of a follow-up, the message itself counts twice: its history says what it is about, and
        more than that would find the passages of the earlier questions again (docs/retrieval.md).
        """
        started = time.perf_counter()
        text = INVISIBLE.sub("", query.search_text[:MAX_QUERY_CHARS]).strip()
        version = self.index.manifest.index_version
        if not text or not self.index.passages or limit < 1:
            return Retrieval((), 0.0, version), None
        said = said_of(query)
        vector = self.vector_of(text, said)
        encoded = time.perf_counter()
        wanted = terms(text) + terms(said)
        demand = self._shelf.demand(text, query.lang)
        meeting = self._shelf.meeting(demand) if demand else None
        candidates = gather(self.index, self._mode, text, wanted, vector, self._day(), meeting)
        score = self._score(candidates)
        if demand:
            score = self._shelf.arranged(demand, candidates, score)
        order = self._order(candidates, score, query.lang)
        searched = time.perf_counter()
        shown = order[: max(limit, RERANKED if self._reader else LOOKED_AT)]
        hits = [self._hit(candidates, score, at, demand) for at in shown]
        if self._reader:
            hits = rerank_within(self._reader, text, hits, self._rerank_budget_s)
            if demand:
                places = {self.index.passages[at].passage_id: at for at in candidates.positions}
                hits = self._shelf.settled(demand, hits, places)
        features = features_of(self.index, text, wanted, candidates, hits)
        done = time.perf_counter()
        timings = {
            "encode": (encoded - started) * 1000,
            "search": (searched - encoded) * 1000,
            "rerank": (done - searched) * 1000,
        }
        answerability = self._calibration.probability(features) if features else 0.0
        return Retrieval(tuple(hits[:limit]), answerability, version, timings), features

    def vector_of(self, text: str, said: str) -> NDArray[np.float32] | None:
        """The question's vector; of a follow-up halfway to that of the message by itself."""
        if self._mode == "lexical" or self._encoder is None:
            return None
        texts = [simplified(part) for part in (text, said) if part]
        vectors = np.asarray(self._encoder.encode(texts, "query"), np.float32)
        if not said:
            return np.asarray(vectors[0], np.float32)
        mixed = (1 - _LAST_TURN) * vectors[0] + _LAST_TURN * vectors[1]
        return np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-6), np.float32)

    def _score(self, candidates: Candidates) -> NDArray[np.float32]:
        if self._mode == "dense":
            return candidates.cosine
        if self._mode == "lexical":
            return candidates.evidence
        fused = fuse(candidates.cosine, candidates.evidence, candidates.foreign, self._fusion)
        bonus = SKU_BONUS * candidates.by_sku + _NAME_BONUS * candidates.by_name
        return (fused + bonus).astype(np.float32)

    def _order(self, candidates: Candidates, score: NDArray[np.float32], lang: Lang) -> list[int]:
        """Best first. Of one entry's translations the customer's leads, the others come last."""
        best_first = [int(at) for at in np.argsort(-score, kind="stable")]
        if self._mode not in {"hybrid", "rerank"}:
            return best_first
        positions = candidates.positions.tolist()
        members: dict[str, list[int]] = {}
        for at in best_first:
            members.setdefault(self.index.entries[positions[at]], []).append(at)
        leaders, others = [], []
        for entry in members.values():
            if len(entry) > 1:
                best = score[entry[0]]
                entry.sort(key=lambda at: _distance(self.index.passages[positions[at]].lang, lang))
                score[entry[0]] = best
            leaders.append(entry[0])
            others.extend(entry[1:])
        return leaders + sorted(others, key=lambda at: -score[at])

    def _hit(
        self, candidates: Candidates, score: NDArray[np.float32], at: int, demand: Demand | None
    ) -> Hit:
        position = int(candidates.positions[at])
        judged = self._shelf.judge(demand, position) if demand else None
        bm25 = float(candidates.bm25[at])
        cosine = float(candidates.cosine[at])
        return Hit(
            passage=self.index.passages[position],
            score=float(score[at]),
            dense=cosine if np.isfinite(cosine) else None,
            lexical=bm25 if bm25 > 0 else None,
            exact=bool(candidates.by_sku[at] or candidates.by_name[at]),
            unmet=judged.unmet if judged else (),
        )


def said_of(query: Query) -> str:
    """What a follow-up says by itself, which counts beside what it was completed to; else ""."""
    if not query.is_follow_up:
        return ""
    said = INVISIBLE.sub("", query.text[:MAX_QUERY_CHARS]).strip()
    return said if said != query.search_text.strip() else ""


def _distance(passage: Lang, customer: Lang) -> int:
    """0 for the customer's language, 1 for the other Chinese script, 2 for a foreign one."""
    if passage == customer:
        return 0
    return 1 if passage.startswith("zh") and customer.startswith("zh") else 2

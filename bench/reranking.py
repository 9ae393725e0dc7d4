"""`python -m bench.reranking`: what the reader's word should count beside the searches' score.

For every set of questions the fused search runs once for each `--lexical` weight of the word search
(`retrieval.fusion`), the reader reads its best twenty passages, and the order is then made with each
weight and depth of `retrieval.rerank`. Give development sets, not those that measure the product:
`--set NAME PASSAGES QUERIES SPLIT` (a shop's folder or JSON Lines; SPLIT may be ""); `--most` asks
only so many questions of each. Ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import track

from bench.turn import HERE, write_table
from bot.build import SearchParts, load_search_parts
from bot.config import load_settings
from bot.models.runtime import load_reader
from bot.protocols import Reader
from bot.types import Hit
from retrieval.eval_files import Question, query_of, read_passages, read_questions
from retrieval.fusion import FusionSettings
from retrieval.index import HybridIndex
from retrieval.metrics import mrr_at, recall_at, score
from retrieval.rerank import READING_WEIGHT, RERANKED, reordered, with_readings
from retrieval.retriever import HybridRetriever

RESULT = HERE / "results" / "reranking.json"
DEPTH = 20
WEIGHTS = (0.0, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 1.0)
DEPTHS = (8, 12, 20)
_SHOP = HERE.parent / "faq_data"
DEMO = ("demo shop", str(_SHOP / "shop"), str(_SHOP / "golden" / "service.jsonl"), "dev")


@dataclass(frozen=True, slots=True)
class Case:
    """A question's best hits, read, and the passages that answer it."""

    hits: tuple[Hit, ...]
    gold: frozenset[str]


class Reading:
    """The reader's word on question and passage, asked for once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str], Hit] = {}

    def of(self, question: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """The hits with readings, in the same order."""
        new = [hit for hit in hits if (question, hit.passage.passage_id) not in self._known]
        for hit in with_readings(self._reader, question, new) if new else ():
            self._known[question, hit.passage.passage_id] = hit
        known = (self._known[question, hit.passage.passage_id] for hit in hits)
        return tuple(replace(hit, reading=k.reading) for hit, k in zip(hits, known, strict=True))


def read_cases(
    parts: SearchParts, reading: Reading, questions: Sequence[Question], retriever: HybridRetriever
) -> list[Case]:
    """The best hits of every question."""
    cases = []
    for question in track(questions, "searching and reading"):
        query = query_of(question, parts.understand, "completed")
        hits = retriever.search(query, DEPTH).hits
        cases.append(Case(reading.of(query.search_text, hits), question.gold))
    return cases


def measure(name: str, lexical: float, cases: Sequence[Case]) -> list[dict[str, float | str]]:
    """One row per weight and depth."""
    golds = [case.gold for case in cases]
    rows: list[dict[str, float | str]] = []
    for depth in DEPTHS:
        for weight in WEIGHTS:
            rankings = [
                [
                    hit.passage.passage_id
                    for hit in (*reordered(case.hits[:depth], weight), *case.hits[depth:])
                ]
                for case in cases
            ]
            rows.append(
                {
                    "set": name,
                    "questions": len(cases),
                    "lexical": lexical,
                    "depth": depth,
                    "weight": weight,
                    "recall@1": round(score(recall_at(1), rankings, golds).value, 4),
                    "recall@5": round(score(recall_at(5), rankings, golds).value, 4),
                    "mrr@10": round(score(mrr_at(10), rankings, golds).value, 4),
                }
            )
    return rows


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ("NAME", "PASSAGES", "QUERIES", "SPLIT")
    parser.add_argument("--set", nargs=4, action="append", metavar=names, default=None)
    shipped = FusionSettings().lexical_weight
    parser.add_argument("--lexical", type=float, nargs="+", default=[shipped])
    parser.add_argument("--most", type=int, default=1000)
    arguments = parser.parse_args()
    settings = load_settings()
    parts, reader = load_search_parts(settings), load_reader(settings)
    rows: list[dict[str, float | str]] = []
    for name, passages, queries, split in arguments.set or [DEMO]:
        problems: list[str] = []
        index = HybridIndex.build(read_passages(Path(passages), problems), parts.encoder)
        asked = [q for q in read_questions(Path(queries), problems, split=split) if q.gold]
        reading = Reading(reader)
        for lexical in arguments.lexical:
            fusion = FusionSettings(lexical_weight=lexical)
            retriever = HybridRetriever(index, parts.encoder, mode="hybrid", fusion=fusion)
            cases = read_cases(parts, reading, asked[: arguments.most], retriever)
            found = measure(name, lexical, cases)
            for row in found:
                print(json.dumps(row), flush=True)
            rows += found
    result = {
        "benchmark": "reranking",
        "reader": reader.name,
        "shipped": {"weight": READING_WEIGHT, "depth": RERANKED},
        "results": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    columns = list(rows[0])
    shown = [[str(row[key]) for key in columns] for row in rows if row["depth"] == RERANKED]
    write_table("reranking", columns, shown)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""`eval retrieval`: how well a mode of search finds the right passage, on any file of questions.

Covered: reading passages and questions (DESIGN, evaluation commands), questions with history,
measures over all and by language, one row of details per question, times from the question as it
was put to the hits, completing and encoding it included. Not covered: printing,
which `bot.cli` does. Questions without a right passage are counted and left out of the measures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bot.errors import InputError
from bot.protocols import Encoder, Reranker, Understand
from bot.types import Query, Retrieval
from retrieval.candidates import MODES, Mode
from retrieval.eval_files import Question, query_of, read_passages, read_questions
from retrieval.index import HybridIndex
from retrieval.metrics import MEASURES, score
from retrieval.retriever import HybridRetriever, today

Progress = Callable[[int, int], None]
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The one JSON object an evaluation command prints; `as_json` gives it in that form."""

    n: int
    metrics: Mapping[str, float]
    by_lang: Mapping[str, Mapping[str, float]]
    config: Mapping[str, Any]
    seconds: float
    task: str = "retrieval"

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Outcome:
    question: Question
    query: Query
    retrieval: Retrieval
    ms: float

    @property
    def ranking(self) -> list[str]:
        return [hit.passage.passage_id for hit in self.retrieval.hits]


def evaluate_retrieval(
    passages_file: Path,
    queries_file: Path,
    mode: str,
    encoder: Encoder | None,
    *,
    reranker: Reranker | None = None,
    understand: Understand | None = None,
    details_file: Path | None = None,
    progress: Progress | None = None,
    day: date | None = None,
) -> EvaluationReport:
    """Index the passages, ask every question, one at a time, and measure.

    Args:
        passages_file: JSON Lines of passage_id, lang, title (optional), text; or a shop's folder
            as it is imported, with its products, translations and days of validity.
        queries_file: JSON Lines of id, lang, question, history (optional), gold_passage_id.
        mode: `dense`, `lexical`, `hybrid` or `rerank`.
        encoder: may be None for mode `lexical`.
        reranker: needed for mode `rerank`, not used in the others.
        understand: completes follow-ups; None puts the customer's previous words before them.
        details_file: where to write one row per question.
        progress: called with how many questions are done and how many there are.
        day: on which passages must be valid; None for today.

    Raises:
        InputError: a line of a file is unusable (named), no question has a passage to find, or
            the mode is unknown or lacks what it needs.
    """
    started = time.perf_counter()
    checked = _checked_mode(mode, encoder, reranker)
    passages = read_passages(passages_file)
    questions = read_questions(queries_file)
    asked = [question for question in questions if question.gold]
    known = {passage.passage_id for passage in passages}
    absent = sum(1 for question in asked if not question.gold & known)
    if not asked or absent == len(asked):
        raise InputError(
            f"no question of {queries_file.name} has a gold_passage_id that is in "
            f"{passages_file.name}",
            fix="give the two files that belong together",
        )
    index = HybridIndex.build(passages, None if checked == "lexical" else encoder)
    retriever = HybridRetriever(
        index,
        None if checked == "lexical" else encoder,
        mode=checked,
        reranker=reranker if checked == "rerank" else None,
        day=today if day is None else lambda: day,
    )
    outcomes = []
    for number, question in enumerate(asked, start=1):
        begun = time.perf_counter()
        query = query_of(question, understand)
        retrieval = retriever.search(query, _DEPTH)
        outcomes.append(_Outcome(question, query, retrieval, (time.perf_counter() - begun) * 1000))
        if progress:
            progress(number, len(asked))
    if details_file:
        _write_details(details_file, outcomes)
    langs = sorted({outcome.question.lang_as_given for outcome in outcomes})
    return EvaluationReport(
        n=len(outcomes),
        metrics=_measured(outcomes),
        by_lang={
            lang: _measured([o for o in outcomes if o.question.lang_as_given == lang])
            for lang in langs
        },
        config={
            "mode": checked,
            "encoder": encoder.name if encoder and checked != "lexical" else None,
            "reranker": reranker.name if reranker and checked == "rerank" else None,
            "passages": len(passages),
            "passages_file": str(passages_file),
            "queries_file": str(queries_file),
            "without_gold": len(questions) - len(asked),
            "gold_not_in_passages": absent,
        },
        seconds=round(time.perf_counter() - started, 3),
    )


def _checked_mode(mode: str, encoder: Encoder | None, reranker: Reranker | None) -> Mode:
    for known in MODES:
        if known == mode:
            if known != "lexical" and encoder is None:
                raise InputError(
                    f"mode {mode} needs an encoder", fix="run: shopkeeper models setup"
                )
            if known == "rerank" and reranker is None:
                raise InputError("there is no reranker", fix="use --mode hybrid")
            return known
    raise InputError(f"there is no mode {mode!r}", fix=f"use one of {', '.join(MODES)}")


def _measured(outcomes: Sequence[_Outcome]) -> dict[str, float]:
    rankings = [outcome.ranking for outcome in outcomes]
    golds = [outcome.question.gold for outcome in outcomes]
    measured = {
        name: round(score(measure, rankings, golds).value, 4) for name, measure in MEASURES.items()
    }
    times = [outcome.ms for outcome in outcomes]
    measured["p50_ms"] = round(float(np.percentile(times, 50)), 2)
    measured["p95_ms"] = round(float(np.percentile(times, 95)), 2)
    return measured


def _write_details(path: Path, outcomes: Sequence[_Outcome]) -> None:
    try:
        with path.open("w", encoding="utf-8") as stream:
            for outcome in outcomes:
                gold = outcome.question.gold
                row = {
                    "id": outcome.question.id,
                    "lang": outcome.question.lang_as_given,
                    "question": outcome.question.text,
                    "search_text": outcome.query.search_text,
                    "gold_passage_id": sorted(gold),
                    "hits": [
                        {
                            "passage_id": hit.passage.passage_id,
                            "score": round(hit.score, 4),
                            "dense": hit.dense,
                            "lexical": hit.lexical,
                            "rerank": hit.rerank,
                            "exact": hit.exact,
                        }
                        for hit in outcome.retrieval.hits
                    ],
                    "answerability": round(outcome.retrieval.answerability, 4),
                    "ms": round(outcome.ms, 2),
                    **{
                        name: round(measure(outcome.ranking, gold), 4)
                        for name, measure in MEASURES.items()
                    },
                }
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(
            f"the details cannot be written to {path}: {error.strerror}", fix="choose another file"
        ) from error

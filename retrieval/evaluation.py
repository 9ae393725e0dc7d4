"""`eval retrieval`: how well a mode of search finds the right passage, on any file of questions.

Covered: reading passages and questions (DESIGN, evaluation commands), questions with history and
what of it is searched, questions that bring their own contexts, measures over all and by language,
one row of details per question, times from the question as it was put to the hits, completing and
encoding it included. Lines that cannot be used are named and counted, and left out; so are
questions without a right passage. Not covered: printing, which `bot.commands.evaluate` does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bot.errors import InputError
from bot.protocols import Encoder, Reader, Understand
from bot.types import Passage, Query, Retrieval
from retrieval.candidates import MODES, Mode
from retrieval.eval_files import (
    HISTORY_MODES,
    HistoryMode,
    Question,
    pooled_contexts,
    query_of,
    read_passages,
    read_questions,
)
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
    problems: tuple[str, ...] = ()
    """Complaints about lines that were left out, naming file, line and field."""

    def as_json(self) -> str:
        """One line of JSON, without the problems, which `config` counts."""
        record = asdict(self)
        del record["problems"]
        return json.dumps(record, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which questions are asked, and how.

    Attributes:
        split: only rows whose field `split` says so; "" for all.
        follow_ups: only questions with a history.
        history: what is searched of a history (`retrieval.eval_files.HISTORY_MODES`).
        day: on which passages must be valid; None for today.
    """

    split: str = ""
    follow_ups: bool = False
    history: str = "completed"
    day: date | None = None

    def checked_history(self) -> HistoryMode:
        """The mode by its name.

        Raises:
            InputError: there is no such mode.
        """
        for known in HISTORY_MODES:
            if known == self.history:
                return known
        raise InputError(
            f"there is no way {self.history!r} to use a history",
            fix=f"use one of {', '.join(HISTORY_MODES)}",
        )


@dataclass(frozen=True, slots=True)
class _Material:
    passages: tuple[Passage, ...]
    questions: tuple[Question, ...]
    asked: tuple[Question, ...]
    absent: int
    problems: list[str] = field(default_factory=list)


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
    passages_file: Path | None,
    queries_file: Path,
    mode: str,
    encoder: Encoder | None,
    *,
    selection: Selection | None = None,
    reader: Reader | None = None,
    understand: Understand | None = None,
    details_file: Path | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Index the passages, ask every question, one at a time, and measure.

    Args:
        passages_file: JSON Lines of passage_id, lang, title (optional), text; or a shop's folder
            as it is imported, with its products, translations and days of validity; None to search
            the contexts that all questions bring along, each question's own being the right ones.
        queries_file: JSON Lines of id, lang, question, history (optional), gold_passage_id.
        mode: `dense`, `lexical`, `hybrid` or `rerank`.
        encoder: may be None for mode `lexical`.
        selection: which questions, on which day, with what of their history; None for all, today,
            completed.
        reader: needed for mode `rerank`, not used in the others.
        understand: completes follow-ups; None puts the customer's previous words before them.
        details_file: where to write one row per question.
        progress: called with how many questions are done and how many there are.

    Raises:
        InputError: a file cannot be read, no question has a passage to find, or the mode is
            unknown or lacks what it needs.
    """
    started = time.perf_counter()
    chosen = selection or Selection()
    checked, history = _checked_mode(mode, encoder, reader), chosen.checked_history()
    if details_file:
        _write_details(details_file, ())  # a folder that is not there is told now, not at the end
    material = _read(passages_file, queries_file, chosen)
    encoder = None if checked == "lexical" else encoder
    day = chosen.day or today()
    retriever = HybridRetriever(
        HybridIndex.build(material.passages, encoder),
        encoder,
        mode=checked,
        reader=reader if checked == "rerank" else None,
        day=lambda: day,
    )
    outcomes = []
    for number, question in enumerate(material.asked, start=1):
        begun = time.perf_counter()
        query = query_of(question, understand, history)
        retrieval = retriever.search(query, _DEPTH)
        outcomes.append(_Outcome(question, query, retrieval, (time.perf_counter() - begun) * 1000))
        if progress:
            progress(number, len(material.asked))
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
            "encoder": encoder.name if encoder else None,
            "reader": reader.name if reader and checked == "rerank" else None,
            "passages": len(material.passages),
            "passages_file": str(passages_file) if passages_file else None,
            "queries_file": str(queries_file),
            "split": chosen.split,
            "follow_ups": chosen.follow_ups,
            "history": history,
            "day": day.isoformat(),
            "without_gold": len(material.questions) - len(material.asked),
            "gold_not_in_passages": material.absent,
            "bad_lines": len(material.problems),
        },
        seconds=round(time.perf_counter() - started, 3),
        problems=tuple(material.problems),
    )


def _read(passages_file: Path | None, queries_file: Path, selection: Selection) -> _Material:
    problems: list[str] = []
    questions = read_questions(queries_file, problems, split=selection.split)
    if passages_file is None:
        passages, questions = pooled_contexts(questions)
        found_in = "its contexts"
    else:
        passages, found_in = read_passages(passages_file, problems), passages_file.name
    if selection.follow_ups:
        questions = tuple(question for question in questions if question.history)
    asked = tuple(question for question in questions if question.gold)
    known = {passage.passage_id for passage in passages}
    absent = sum(1 for question in asked if not question.gold & known)
    if not asked or absent == len(asked):
        first = f"; {problems[0]}" if problems else ""
        raise InputError(
            f"no question of {queries_file.name} has a gold_passage_id that is in "
            f"{found_in}{first}",
            fix="give the two files that belong together"
            if passages_file
            else "give --passages, or questions with contexts",
        )
    return _Material(passages, questions, asked, absent, problems)


def _checked_mode(mode: str, encoder: Encoder | None, reader: Reader | None) -> Mode:
    for known in MODES:
        if known == mode:
            if known != "lexical" and encoder is None:
                raise InputError(
                    f"mode {mode} needs an encoder", fix="run: shopkeeper models setup"
                )
            if known == "rerank" and reader is None:
                raise InputError("there is no reader", fix="use --mode hybrid")
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
                            "rerank": hit.reading.logit if hit.reading else None,
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

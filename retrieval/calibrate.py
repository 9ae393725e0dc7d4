"""Fitting answerability: golden questions asked of their own knowledge.

Covered: asking them, what counts as answered (a right passage among the hits), the fit over one or
more sets, each with its own retriever. Not covered: the mathematics (`retrieval.calibration`) and
where questions come from (`eval_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.errors import InputError
from bot.protocols import Understand
from bot.types import Query, Retrieval
from retrieval.calibration import Calibration, Features
from retrieval.eval_files import Question, query_of
from retrieval.retriever import HybridRetriever

_HITS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was searched for: what the search knew, and whether its hits answer."""

    query: Query
    found: Retrieval
    features: Features
    answered: bool
    topic: str
    weight: float = 1.0


def ask(
    retriever: HybridRetriever,
    question: Question,
    understand: Understand | None = None,
    weight: float = 1.0,
) -> Asked | None:
    """Search for a question; None when nothing was found. Without gold it is unanswerable."""
    query = query_of(question, understand)
    retrieval, known = retriever.search_with_features(query, _HITS)
    if known is None:
        return None
    found = {hit.passage.passage_id for hit in retrieval.hits}
    topic = question.topic or question.id
    return Asked(query, retrieval, known, bool(found & question.gold), topic, weight)


def ask_all(
    retriever: HybridRetriever,
    questions: Sequence[Question],
    understand: Understand | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Asked]:
    """Every question for which something was found, in order."""
    asked = []
    for number, question in enumerate(questions, start=1):
        known = ask(retriever, question, understand)
        if known is not None:
            asked.append(known)
        if progress:
            progress(number, len(questions))
    return asked


def calibrate(asked: Sequence[Asked], fitted_on: str = "") -> Calibration:
    """A calibration fitted to questions that were asked; those without gold are unanswerable.

    Raises:
        InputError: there are no questions with, or none without, an answer.
    """
    try:
        return Calibration.fit(
            [item.features for item in asked],
            [item.answered for item in asked],
            groups=[item.topic for item in asked],
            weights=[item.weight for item in asked],
            fitted_on=fitted_on,
        )
    except ValueError as error:
        raise InputError(str(error), fix="add questions of the missing sort to the file") from error

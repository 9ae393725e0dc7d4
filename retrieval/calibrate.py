"""Fitting answerability to a shop: its golden questions, asked of its own knowledge.

Covered: asking them, what counts as answered (a right passage among the hits), the fit. Not
covered: the mathematics (`retrieval.calibration`) and where questions come from (`eval_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.errors import InputError
from bot.protocols import Understand
from retrieval.calibration import Calibration, Features
from retrieval.eval_files import Question, query_of
from retrieval.retriever import HybridRetriever

_HITS = 5


def calibrate(
    retriever: HybridRetriever,
    questions: Sequence[Question],
    *,
    understand: Understand | None = None,
    fitted_on: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """A calibration for `retriever`, fitted to `questions`; those without gold are unanswerable.

    Raises:
        InputError: there are no questions with, or none without, an answer.
    """
    features: list[Features] = []
    answered: list[bool] = []
    topics: list[str] = []
    for number, question in enumerate(questions, start=1):
        query = query_of(question, understand)
        retrieval, known = retriever.search_with_features(query, _HITS)
        if known is not None:
            found = {hit.passage.passage_id for hit in retrieval.hits}
            features.append(known)
            answered.append(bool(found & question.gold))
            topics.append(question.topic or question.id)
        if progress:
            progress(number, len(questions))
    try:
        return Calibration.fit(features, answered, groups=topics, fitted_on=fitted_on)
    except ValueError as error:
        raise InputError(str(error), fix="add questions of the missing sort to the file") from error

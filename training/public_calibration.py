"""Public questions for calibration: does the passage that comes with a question answer it?

Covered: squad2_half, cmrc2018 and drcd dev, of which the passages with an even hash are fitted on
and the others are left to measure on. Each question is searched for in its own passage, as
`shopkeeper eval answers --given-context` does. Not covered: a shop's golden questions.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.protocols import Understand
from bot.types import Passage
from retrieval.calibrate import Asked, ask
from retrieval.eval_files import Question as Searched
from retrieval.retriever import HybridRetriever
from training.tasks.answers import Question, chunks, read_questions

SETS = ("squad2_half", "cmrc2018", "drcd")


def fitted_half(question: Question) -> bool:
    """Whether a question belongs to the half that is fitted on; a passage is in one half only."""
    return zlib.crc32("".join(question.contexts).encode()) % 2 == 0


def public_asked(
    data: Path,
    over: Callable[[Sequence[Passage]], HybridRetriever],
    understand: Understand,
    count: int = 200,
    weight: float = 0.25,
    seed: int = 3,
) -> Iterator[Asked]:
    """`count` questions of each set, searched for in their own passage.

    Args:
        data: folder of the public corpora.
        over: makes a retriever over some passages.
        weight: of one such question beside one of the shop's.
    """
    rng = random.Random(seed)  # noqa: S311 (sampling, not security)
    for name in SETS:
        rows = [q for q in read_questions(data / name / "dev.jsonl") if fitted_half(q)]
        for question in rng.sample(rows, min(count, len(rows))):
            pieces = [piece for text in question.contexts for piece in _pieces(text, question)]
            gold = frozenset(
                piece.passage_id
                for piece in pieces
                if any(answer in piece.text for answer in question.answers)
            )
            searched = Searched(
                question.id,
                question.lang,
                question.lang,
                question.question,
                (),
                gold if question.answerable else frozenset(),
                topic=str(zlib.crc32("".join(question.contexts).encode())),
            )
            asked = ask(over(pieces), searched, understand, weight)
            if asked is not None:
                yield asked


def _pieces(text: str, question: Question) -> list[Passage]:
    return chunks(text, question.lang, question.id)

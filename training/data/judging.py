"""Pages with questions that they answer or do not: what the generator learns to judge from.

Covered: the pages of `training.data.reading` with all that is asked of them, so that a page is read
once for many questions; as many right as wrong ones where there are. Not covered: wordings without
an answer (stackfaq, banking77, hint3), pages too long for a prompt. Splits are those of the reader.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answering.prompt import PASSAGE_BUDGET, clean, width
from training.data.reading import ReadGroup

MOST_QUESTIONS = 9
PAGES = {
    "beside": 1000,
    "written": 400,
    "squad2_half": 250,
    "shop-facts": 200,
    "cmrc2018": 80,
    "drcd": 80,
    "xquad": 60,
}
"""Pages of each corpus at most; a shop's own texts weigh more than an encyclopaedia's."""


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """A page, title first, and questions with whether it answers them."""

    text: str
    corpus: str
    asked: tuple[tuple[str, bool], ...]


def judged_pages(groups: Sequence[ReadGroup], seed: int) -> list[JudgedPage]:
    """Pages of a split in random order.

    Args:
        groups: what `training.data.reading.load_reading` gives.
        seed: of the pages and questions that are drawn.
    """
    rng = random.Random(seed)  # noqa: S311 (sampling, not security)
    asked: dict[str, dict[str, dict[str, bool]]] = defaultdict(lambda: defaultdict(dict))
    for group in groups:
        corpus = group.source.partition("-")[0] if "xquad" in group.source else group.source
        for passage in group.passages if corpus in PAGES else ():
            if width(clean(passage.text)) <= PASSAGE_BUDGET:
                asked[corpus][passage.text][group.question] = passage.answers
    found: list[JudgedPage] = []
    for corpus, most in PAGES.items():
        pages = list(asked[corpus].items())
        rng.shuffle(pages)
        # Those with both kinds of questions teach most.
        pages.sort(key=lambda page: -min(2, len(set(page[1].values()))))
        found += [JudgedPage(text, corpus, _drawn(said, rng)) for text, said in pages[:most]]
    rng.shuffle(found)
    return found


def _drawn(said: dict[str, bool], rng: random.Random) -> tuple[tuple[str, bool], ...]:
    right = [question for question, answers in said.items() if answers]
    wrong = [question for question, answers in said.items() if not answers]
    rng.shuffle(right)
    rng.shuffle(wrong)
    half = MOST_QUESTIONS // 2
    right = right[: max(half, MOST_QUESTIONS - len(wrong))]
    chosen = [(q, True) for q in right] + [(q, False) for q in wrong[: MOST_QUESTIONS - len(right)]]
    rng.shuffle(chosen)
    return tuple(chosen)

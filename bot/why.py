"""Which words drove the mood of a message, by occlusion.

Covered: each word is left out in turn, all variants go through the encoder in one batch, and a word
weighs what its absence changes. Short words of a long text are taken together, so that a message
costs at most 48 short passes. Not covered: pairs of words that only work together ("not good" shows
as two weak words), and texts beyond the first 600 characters.

Source: Zeiler & Fergus, 2014 (arXiv:1311.2901), occlusion; Li et al., 2016 (arXiv:1612.08220), on
words of a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import rjieba

from bot.heads import logit
from bot.mood import Reading

Readings = Callable[[Sequence[str]], Sequence[Reading | None]]
"""What the heads say of each text by itself; None for one that says nothing."""

MAX_CHARS = 600
MAX_UNITS = 48
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:['’\-][^\W_{_HAN}]+)*|\s+|[^\w\s]+|_+")


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text; the pieces in order make up the whole of it.

    `weight` is a change of log-odds: above 0 the word makes the customer seem more frustrated (or
    the text more positive, where `Explanation.of` says so), below 0 less.
    """

    text: str
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words of a text and what they weigh. `of` is `frustration` or `positive`."""

    words: tuple[Word, ...]
    of: str = "frustration"

    def level(self, word: Word) -> int:
        """How strongly to show a word: 0 (not at all) to 4, below 0 where it speaks against."""
        most = max((abs(one.weight) for one in self.words), default=0.0)
        if most < 0.05:
            return 0
        return round(4 * word.weight / most)


def no_explanation(text: str) -> Explanation:
    """What a shop without models has to say."""
    return Explanation((Word(text),))


class Why:
    """Explains moods; safe to use from many threads if the encoder is. Remembers the latest.

    Args:
        readings: `EncoderMood.readings`, or anything like it.
    """

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._explain = lru_cache(256)(self._explained)

    def __call__(self, text: str) -> Explanation:
        """The explanation of one message; without weights where there is nothing to explain."""
        return self._explain(text)

    def _explained(self, text: str) -> Explanation:
        head, rest = text[:MAX_CHARS], text[MAX_CHARS:]
        units = _units(head)
        spoken = [place for place, unit in enumerate(units) if unit.strip()]
        variants = [
            "".join(unit for at, unit in enumerate(units) if at != place).strip()
            for place in spoken
        ]
        whole, *without = self._readings([head, *variants])
        if whole is None:
            return Explanation((Word(text),))
        probabilities = whole.probabilities
        positive = max(probabilities, key=lambda name: probabilities[name]) == "positive"
        target: Callable[[Reading], float] = (
            (lambda reading: reading.probabilities["positive"])
            if positive
            else (lambda reading: reading.frustration)
        )
        base = logit(target(whole))
        weights = dict.fromkeys(range(len(units)), 0.0)
        for place, reading in zip(spoken, without, strict=True):
            weights[place] = base - logit(target(reading)) if reading is not None else 0.0
        words = [Word(unit, weights[place]) for place, unit in enumerate(units)]
        return Explanation(
            (*words, *([Word(rest)] if rest else [])), "positive" if positive else "frustration"
        )


def _units(text: str) -> list[str]:
    """Words, blanks and marks in order; of a long text several words are one unit."""
    pieces: list[str] = []
    for found in _PIECE.findall(text):
        pieces += rjieba.cut(found) if re.match(rf"[{_HAN}]", found) else [found]
    spoken = sum(1 for piece in pieces if piece.strip())
    size = -(-spoken // MAX_UNITS)
    if size <= 1:
        return pieces
    units, held, count = [], "", 0
    for piece in pieces:
        held += piece
        count += bool(piece.strip())
        if count == size:
            units.append(held)
            held, count = "", 0
    return [*units, held] if held else units

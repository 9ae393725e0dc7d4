"""Questions that ask for something else than their passage tells, made from those it answers.

Covered: a name, a model number or a figure exchanged. Not covered: negated or opposite questions.
"""

from __future__ import annotations

import random
import re

_NAME = re.compile(
    r"(?<=\s)[A-Z][A-Za-z0-9-]+(?:\s+[A-Z][A-Za-z0-9-]+)*|\d+(?:[.,]\d+)*|[A-Za-z]+-?\d+[A-Za-z0-9]*"
)


def with_other_names(question: str, other: str, passage: str, rng: random.Random) -> str | None:
    """The question with one of its names or numbers exchanged, so that `passage` is beside it.

    What stands in for it comes from another question, or is another number; None when there is
    nothing to exchange, or the passage knows the newcomer too. The K17 is not the K17S.
    """
    found = [m for m in _NAME.finditer(question) if m[0] in passage]
    if not found:
        return None
    name = rng.choice(found)
    if any(char.isdigit() for char in name[0]):
        newcomer = _other_number(name[0], rng)
    else:
        newcomers = [m[0] for m in _NAME.finditer(other) if not any(map(str.isdigit, m[0]))]
        newcomer = rng.choice(newcomers) if newcomers else ""
    if not newcomer or newcomer in passage or newcomer in question:
        return None
    return question[: name.start()] + newcomer + question[name.end() :]


def _other_number(number: str, rng: random.Random) -> str:
    places = [i for i, char in enumerate(number) if char.isdigit()]
    place = rng.choice(places[-2:])
    digit = rng.choice([d for d in "123456789" if d != number[place]])
    return number[:place] + digit + number[place + 1 :]

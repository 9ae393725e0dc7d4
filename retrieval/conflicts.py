"""Passages about one subject: what has to be compared before two answers may stand side by side.

Covered: FAQ entries and sections that ask or head the same, by the cosine of their vectors and by
their words; products under two ids; translations of one entry; products named in a sentence. Two
passages count only while both are valid on some day from today on. Not covered: whether they say the
same (`bot.contradictions`).

The limits were chosen on the demo shop, whose old editions of policies are true contradictions when
their dates are ignored: docs/knowledge.md has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from bot.protocols import Vectors
from bot.types import Passage
from retrieval.exact import ExactIndex
from retrieval.text import fold, numbers, simplified, terms

Relation = Literal["subject", "product", "translation", "mention"]

ONE_SUBJECT = 0.955
"""Cosine of two entries that answer one question in other words."""
SAME_HEADING = 0.93
"""Enough when their questions or headings are the same words."""
CONTRASTS = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        (
            "china domestic 国内 中国 大陆",
            "eu europe european international abroad 欧盟 欧洲 海外 国外",
        ),
        ("standard normal 普通 标准", "express 加急 特快"),
        ("before 未 没 尚未", "after 已 已经"),
    )
)
"""Words of which a heading names one side: two headings on two sides ask two things."""
_WORDS_ONLY = 0.5
"""Share of common words that stands in for the cosine where there are no vectors."""
_BLOCK = 512
_ENCODED_CHARS = 600
_YEAR = re.compile(r"[(（]?\b(?:19|20)\d{2}\s*(?:年版|年|版)?[)）]?")
_SENTENCES = re.compile(r"(?<=[。！？；\n])|(?<=[.!?;]\s)")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two passages to compare. `similarity` is a cosine, or the share of common words.

    For a `mention`, `excerpt` is the sentence of the first that names the second, a product.
    """

    first: Passage
    second: Passage
    relation: Relation
    similarity: float = 1.0
    excerpt: str = ""


def encoded_text(passage: Passage) -> str:
    """What of a passage is encoded to compare it."""
    return simplified(f"{passage.title}\n{passage.text[:_ENCODED_CHARS]}")


def comparable(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Those whose subject only their words tell: everything but products."""
    return tuple(passage for passage in passages if passage.kind != "product")


def subject_pairs(
    passages: Sequence[Passage], vectors: Vectors | None, day: date
) -> Iterator[Pair]:
    """Pairs of FAQ entries and sections of one subject in one language.

    Args:
        passages: of `comparable`.
        vectors: unit vectors of their `encoded_text`, shape (len(passages), dimension); None to
            judge by words alone, which finds the same words only.
        day: today.
    """
    words = [frozenset(terms(f"{passage.title}\n{passage.text}")) for passage in passages]
    near = _near_by_vector(vectors) if vectors is not None else _near_by_words(words)
    for at, other, similarity in near:
        first, second = passages[at], passages[other]
        if first.lang != second.lang or not _may_differ(first, second, day):
            continue
        headings = _heading(first), _heading(second)
        if numbers(headings[0]) != numbers(headings[1]) or _contrast(*headings):
            continue  # "Double-11 2025" is not about "Double-11 2026", nor China about the EU
        same = headings[0] == headings[1]
        limit = _WORDS_ONLY if vectors is None else SAME_HEADING if same else ONE_SUBJECT
        if similarity >= limit:
            yield Pair(first, second, "subject", similarity)


def product_pairs(passages: Sequence[Passage], day: date) -> Iterator[Pair]:
    """Products that two entries describe: the same article number, or the same name."""
    seen: dict[tuple[str, str], Passage] = {}
    told: set[tuple[str, str]] = set()
    for passage in passages:
        if passage.kind != "product":
            continue
        codes = [
            passage.attributes.get("sku", ""),
            *passage.attributes.get("skus", "").split(" | "),
        ]
        for name in {fold(passage.title), *(f"sku {fold(code)}" for code in codes if code)}:
            first = seen.setdefault((name, passage.lang), passage)
            key = (first.passage_id, passage.passage_id)
            if first is not passage and key not in told and _may_differ(first, passage, day):
                told.add(key)
                yield Pair(first, passage, "product")


def translation_pairs(passages: Sequence[Passage], day: date) -> Iterator[Pair]:
    """The two languages of one entry."""
    groups: dict[str, list[Passage]] = {}
    for passage in passages:
        if passage.group:
            groups.setdefault(passage.group, []).append(passage)
    for members in groups.values():
        first = members[0]
        for other in members[1:]:
            if other.lang != first.lang and _both_valid(first, other, day):
                yield Pair(first, other, "translation")


def mention_pairs(passages: Sequence[Passage], day: date) -> Iterator[Pair]:
    """Sentences of other entries that name exactly one product, with that product."""
    exact = ExactIndex.build(passages)
    for passage in comparable(passages):
        for sentence in _SENTENCES.split(passage.text):
            if not any(char.isdigit() for char in sentence):
                continue
            by_sku, by_name = exact.find(sentence)
            named = [passages[position] for position in by_sku or by_name]
            same = [product for product in named if product.lang == passage.lang]
            one = len({product.group for product in named}) == 1
            if one and same and _both_valid(passage, same[0], day):
                yield Pair(passage, same[0], "mention", excerpt=sentence.strip())


def _near_by_vector(vectors: Vectors) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        for row, other in zip(*np.nonzero(cosines >= SAME_HEADING), strict=True):
            at = start + int(row)
            if at < other:
                yield at, int(other), float(cosines[row, other])


def _near_by_words(words: Sequence[frozenset[str]]) -> Iterator[tuple[int, int, float]]:
    """Texts that share a rare word and half of all words."""
    owners: dict[str, list[int]] = {}
    for at, found in enumerate(words):
        for word in found:
            owners.setdefault(word, []).append(at)
    told: set[tuple[int, int]] = set()
    for shared in owners.values():
        if len(shared) > 50:
            continue
        for place, at in enumerate(shared):
            for other in shared[place + 1 :]:
                if (at, other) in told:
                    continue
                told.add((at, other))
                share = len(words[at] & words[other]) / len(words[at] | words[other])
                if share >= _WORDS_ONLY:
                    yield at, other, share


def _may_differ(first: Passage, second: Passage, day: date) -> bool:
    """Whether both may be cited on one day, and are not parts of one document."""
    document = first.passage_id.partition("#")[0].partition("~")[0]
    same = document == second.passage_id.partition("#")[0].partition("~")[0]
    return not same and _both_valid(first, second, day)


def _both_valid(first: Passage, second: Passage, day: date) -> bool:
    starts = [passage.valid_from for passage in (first, second) if passage.valid_from]
    ends = [passage.valid_until for passage in (first, second) if passage.valid_until]
    return max([day, *starts]) <= min(ends, default=date.max)


def _contrast(first: str, second: str) -> bool:
    ours, theirs = _named(first), _named(second)
    return any(
        (side in ours) != (side in theirs) and (other in ours) != (other in theirs)
        for side, other in (((n, 0), (n, 1)) for n in range(len(CONTRASTS)))
    )


def _named(heading: str) -> set[tuple[int, int]]:
    """Which sides of which contrasts a heading names."""
    words = set(re.findall(r"[a-z]+", heading))
    return {
        (number, side)
        for number, sides in enumerate(CONTRASTS)
        for side, names in enumerate(sides)
        if any(name in words if name.isascii() else name in heading for name in names)
    }


def _heading(passage: Passage) -> str:
    """The question, or the last part of "Policy (2024) – Section"."""
    if passage.kind == "faq":
        return fold(passage.title)
    return fold(_YEAR.sub("", passage.title).rpartition(" – ")[2]).strip()

"""Entries that say different things about one subject, and entries that say one thing twice.

Covered: facts of one kind and unit where each side has what the other has not (two return periods,
two prices), yes against no, the two languages of one entry, a product's price in a sentence
elsewhere, the same text twice. Not covered: contradictions without a fact that can be compared
("customers pay" against "we pay").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from bot.answering.facts import Fact, facts_of
from bot.protocols import Encoder, Vectors
from bot.types import Passage
from retrieval.conflicts import (
    Pair,
    comparable,
    encoded_text,
    mention_pairs,
    product_pairs,
    subject_pairs,
    translation_pairs,
)
from retrieval.text import numbers, terms

Progress = Callable[[int, int], None]
Kind = Literal["contradiction", "duplicate"]

MONEY = frozenset({"cny", "eur", "usd"})
_UNCOMPARED = frozenset({"code", "link"})
_COUNTED = frozenset({"", "piece", "person", "times"})
"""Units of numbers that say too little about what is counted."""
_TWICE = 0.8
"""Share of common words of two texts that say one thing twice."""
_ENCODE_AT_ONCE = 64
_YES = re.compile(
    r"\s*(?:yes|sure|of course|可以|能|有的?|是的?|支持|会)(?![\w])?[,.!，。！；]", re.I
)
_NO = re.compile(r"\s*(?:no|sorry|unfortunately|不|没|无法|暂不|抱歉)", re.I)


@dataclass(frozen=True, slots=True)
class Clash:
    """What two texts say differently: `what` is a unit or kind of fact ("day", "eur", "phone")."""

    what: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Two entries and what is wrong with them. A duplicate has no clashes."""

    kind: Kind
    pair: Pair
    clashes: tuple[Clash, ...] = ()


def clashes_of(first: str, second: str, units: frozenset[str] | None = None) -> tuple[Clash, ...]:
    """Facts of one kind of which each text has some that the other has not.

    A text that merely says more is no contradiction. `units` limits it to these units of numbers.
    """
    ours, theirs = _by_kind(facts_of(first)), _by_kind(facts_of(second))
    found = []
    for what in sorted(ours.keys() & theirs.keys()):
        if units is not None and what not in units:
            continue
        only = _without(ours[what], theirs[what]), _without(theirs[what], ours[what])
        if what == "date":  # "4 to 10 February" names the fourth without a month
            only = _not_named(only[0], second), _not_named(only[1], first)
        if only[0] and only[1]:
            found.append(Clash(what, *only))
    return tuple(found)


def find(
    passages: Sequence[Passage],
    encoder: Encoder | None,
    day: date,
    *,
    changed: frozenset[str] | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Everything that contradicts or repeats, contradictions first, the most alike first.

    Args:
        passages: all of the shop's.
        encoder: None to find only entries that use the same words.
        day: today; what is valid on no common day from then on is not compared.
        changed: report only pairs with one of these ids; None for all.
        progress: called with how many texts are encoded, and how many there are.
    """
    texts = comparable(passages)
    vectors = _encoded(texts, encoder, progress) if encoder else None
    pairs = [
        *subject_pairs(texts, vectors, day),
        *product_pairs(passages, day),
        *translation_pairs(passages, day),
        *mention_pairs(passages, day),
    ]
    wanted = (
        pair
        for pair in pairs
        if changed is None or {pair.first.passage_id, pair.second.passage_id} & changed
    )
    found = [finding for pair in wanted for finding in _judged(pair)]
    return sorted(found, key=lambda one: (one.kind != "contradiction", -one.pair.similarity))


def _judged(pair: Pair) -> Iterator[Finding]:
    first, second = pair.first, pair.second
    if pair.relation == "mention":
        clashes = clashes_of(pair.excerpt, second.text, MONEY)
    elif pair.relation == "product":
        clashes = clashes_of(first.text, second.text)
    else:
        clashes = clashes_of(first.text, second.text)
        if pair.relation == "subject":
            clashes += _yes_and_no(first.text, second.text)
    if clashes:
        yield Finding("contradiction", pair, clashes)
    elif pair.relation in {"subject", "product"} and _says_twice(first, second):
        yield Finding("duplicate", pair)


def _yes_and_no(first: str, second: str) -> tuple[Clash, ...]:
    for one, other, words in ((first, second, ("yes", "no")), (second, first, ("no", "yes"))):
        if _YES.match(one) and _NO.match(other):
            return (Clash("answer", (words[0],), (words[1],)),)
    return ()


def _by_kind(facts: frozenset[Fact]) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for fact in facts:
        if fact.kind in _UNCOMPARED or (fact.kind == "number" and fact.unit in _COUNTED):
            continue
        kinds.setdefault(fact.unit or fact.kind, set()).add(fact.value)
    return kinds


def _without(values: set[str], others: set[str]) -> tuple[str, ...]:
    """Values that the others lack; a date without a year is the same as one with it."""
    days = {value[-6:] for value in others}
    undated = any(value.startswith("-") for value in values | others)
    return tuple(
        sorted(
            value
            for value in values
            if value not in others and not (undated and value[-6:] in days and "-" in value)
        )
    )


def _not_named(dates: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Dates whose day does not even stand in the other text as a number."""
    named = {number.lstrip("0") for number in numbers(text)}
    return tuple(day for day in dates if day[-2:].lstrip("0") not in named)


def _says_twice(first: Passage, second: Passage) -> bool:
    """An FAQ entry that repeats a policy is as it should be; two FAQ entries are one too many."""
    ours, theirs = set(terms(first.text)), set(terms(second.text))
    share = len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0
    return first.kind == second.kind and share >= _TWICE


def _encoded(texts: Sequence[Passage], encoder: Encoder, progress: Progress | None) -> Vectors:
    pieces: list[Vectors] = [np.zeros((0, encoder.dimension), np.float32)]
    for start in range(0, len(texts), _ENCODE_AT_ONCE):
        some = [encoded_text(text) for text in texts[start : start + _ENCODE_AT_ONCE]]
        pieces.append(encoder.encode(some, "passage"))
        if progress:
            progress(min(start + _ENCODE_AT_ONCE, len(texts)), len(texts))
    return np.concatenate(pieces)

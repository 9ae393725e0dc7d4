"""Products called by name: article numbers, model codes and names, found without any score.

Covered: "ML-KET-1701", "ml ket 1701", "K17", "K 17", "山脊2", a whole product name, several of them
in one question; of names inside each other the longest. A code that many products share says nothing and is left to the searches. Not
covered: misspelt names, which the word and vector search bridge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from bot.types import Passage
from retrieval.text import STOP_WORDS, fold, has_han

MAX_SHARED = 8
"""Products that may share an alias before it stops being a name."""

_RUN = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
_CODE = re.compile(r"[a-z]{1,6}\d+[a-z0-9]*")
_UNIT = re.compile(
    r"[.,]\d|\s?(?:[×%°]|(?:mm|cm|m|ml|l|g|kg|w|kw|v|k|mah|wh|inch|in|ft|pcs|pieces?|slices?|packs?|"
    r"sets?|persons?|x)\b)|[^\W\da-z]"
)
"""What makes a number behind a word a measure ("Pan 24 cm", "直径30厘米") and no model."""
_MAX_JOINED = 6
_MAX_QUERY = 1000
_GLUE = frozenset("-_/.")


class ExactIndex:
    """From aliases of products to the positions of their passages."""

    def __init__(self, skus: Mapping[str, tuple[int, ...]], names: Mapping[str, tuple[int, ...]]):
        self._skus = skus
        self._names = names
        self._han_names = frozenset(name for name in names if has_han(name))
        self._han_lengths = sorted({len(name) for name in self._han_names}, reverse=True)

    @classmethod
    def build(cls, passages: Sequence[Passage]) -> ExactIndex:
        """Collect the aliases of every product passage."""
        return cls.of({at: p for at, p in enumerate(passages) if p.kind == "product"})

    @classmethod
    def of(cls, products: Mapping[int, Passage]) -> ExactIndex:
        """Collect the aliases of product passages, given by their positions."""
        skus: dict[str, set[int]] = {}
        names: dict[str, set[int]] = {}
        for position, passage in products.items():
            own_skus, own_names = names_of(passage)
            for sku in own_skus:
                skus.setdefault(sku, set()).add(position)
            for alias in own_names:
                names.setdefault(alias, set()).add(position)
        # An entry's translations carry the same code: what is found in one language counts for all.
        groups: dict[str, set[int]] = {}
        for position, passage in products.items():
            if passage.group:
                groups.setdefault(passage.group, set()).add(position)
        shared = {}
        for alias, positions in names.items():
            sharing = {products[position].group for position in positions}
            if len(sharing) <= MAX_SHARED:
                whole = positions.union(*(groups.get(group, ()) for group in sharing))
                shared[alias] = tuple(sorted(whole))
        return cls({sku: tuple(sorted(found)) for sku, found in skus.items()}, shared)

    def find(self, query: str) -> tuple[frozenset[int], frozenset[int]]:
        """Positions of passages whose article number, and whose model or name, is in the query."""
        if not self._skus and not self._names:
            return frozenset(), frozenset()
        folded = fold(query[:_MAX_QUERY])
        by_sku: set[int] = set()
        by_name: set[int] = set()
        named: list[tuple[int, int, tuple[int, ...]]] = []
        for start, end, span in _spans(folded):
            by_sku.update(self._skus.get(span, ()))
            if span in self._names:
                named.append((start, end, self._names[span]))
        by_name.update(_longest(named))
        if has_han(folded):
            compact = _compact(folded)
            named = [
                (start, start + length, self._names[compact[start : start + length]])
                for length in self._han_lengths
                for start in range(len(compact) - length + 1)
                if compact[start : start + length] in self._han_names
            ]
            by_name.update(_longest(named))
        return frozenset(by_sku), frozenset(by_name)


def names_of(passage: Passage) -> tuple[frozenset[str], frozenset[str]]:
    """A product's article numbers, and its models and names, as they are looked up."""
    codes = [passage.attributes.get("sku", "")]
    codes += passage.attributes.get("skus", "").split(" | ")  # of its variants
    return frozenset(filter(None, map(_compact, codes))), frozenset(_aliases(passage))


def spans_in(query: str, longest: int) -> frozenset[str]:
    """Everything in `query` that may be an article number or a name.

    Chinese is written without spaces: there it is every piece of at most `longest` characters.
    """
    folded = fold(query[:_MAX_QUERY])
    spans = {span for _, _, span in _spans(folded)}
    if has_han(folded):
        compact = _compact(folded)
        for start in range(len(compact)):
            spans.update(compact[start:end] for end in range(start + 2, start + longest + 1))
    return frozenset(spans)


def _longest(named: Sequence[tuple[int, int, tuple[int, ...]]]) -> Iterator[int]:
    """Positions behind names that are no part of a longer one: "K 17 S" does not name the K17."""
    for start, end, positions in named:
        if not any(a <= start and end <= b and b - a > end - start for a, b, _ in named):
            yield from positions


def model_codes(text: str) -> list[str]:
    """Everything in `text` that is written like a model: letters, then digits ("k17s")."""
    return [run for run in _RUN.findall(fold(text)) if _CODE.fullmatch(run)]


def _compact(text: str) -> str:
    return "".join(_RUN.findall(fold(text)))


def _aliases(passage: Passage) -> Iterator[str]:
    """Model codes in the title, a word with the number behind it, and the whole title."""
    title = fold(passage.title)
    runs = list(_RUN.finditer(title))
    for run in runs:
        if _CODE.fullmatch(run.group()):
            yield run.group()
    for word, number in pairwise(runs):
        gap = title[word.end() : number.start()]
        is_model = gap == "" if has_han(word.group()) else gap == " "
        long_enough = len(word.group()) > (1 if has_han(word.group()) else 2)
        counts = number.group().isdigit() and not _UNIT.match(title[number.end() :])
        if is_model and long_enough and counts and word.group().isalpha():
            yield word.group() + number.group()
    whole = "".join(run.group() for run in runs)
    if len(runs) > 1 or len(whole) > 3:
        yield whole


def _spans(folded: str) -> Iterator[tuple[int, int, str]]:
    """Runs of letters and digits, alone and joined with their neighbours, as they may be typed.

    Each with its start and end.
    """
    runs = list(_RUN.finditer(folded))
    for start, first in enumerate(runs):
        joined = ""
        previous = first.start()
        for run in runs[start : start + _MAX_JOINED]:
            gap = folded[previous : run.start()]
            if len(gap) > 1 or (gap and gap != " " and gap not in _GLUE):
                break
            if gap == " " and joined in STOP_WORDS:
                break  # "a 1 year warranty" does not name the A1
            joined += run.group()
            previous = run.end()
            yield first.start(), previous, joined

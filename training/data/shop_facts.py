"""Made-up shops for the reader: what a page tells, and what it does not though it looks as if.

A page is put together from the facts of `training/data/written/facts.toml`; a question asks for one
of them, in either language, in a customer's wording. It may be there, or be left out of a page that
tells much else; the page of the model next to it may have it (T40, T40S), or the same rule for
another country, day or kind of goods. Sentences, lists and lines take turns. Covered: products,
rules of service, evidence and shortest answer. Not covered: conditions, two-part questions, typos
(the written answers have those). Split by fact: dev asks for facts that no training page tells.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from training.data.answers import WRITTEN

Code = Literal["en", "zh"]
_LANGS: tuple[Code, Code] = ("en", "zh")
DEV_FACTS = frozenset({"pockets", "light", "induction", "folded", "connector", "points", "pickup"})
_RANGE = re.compile(r"\{([\d.]+)\.\.([\d.]+)\}")
_FOREIGN = 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """One fact as a page tells it; `value` is the shortest answer in `text`."""

    key: str
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Page:
    """A title with pieces; offsets of a piece are found by joining."""

    title: str
    pieces: tuple[Piece, ...]
    joint: str

    def text(self) -> str:
        """What a passage of the shop would hold, title first."""
        return f"{self.title}\n{self.joint.join(piece.text for piece in self.pieces)}".strip()

    def place(self, key: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Characters of the piece `key` and of its value in `text()`; None if it is not there."""
        at = len(self.title) + 1 if self.title else 0
        for piece in self.pieces:
            if piece.key == key:
                value = at + piece.text.index(piece.value)
                return (at, at + len(piece.text)), (value, value + len(piece.value))
            at += len(piece.text) + len(self.joint)
        return None


@dataclass(frozen=True, slots=True)
class ShopQuestion:
    """A question about the fact `key`, with pages; only pages in `right` tell of what it asks."""

    text: str
    lang: Code
    key: str
    pages: tuple[Page, ...]
    right: frozenset[int]


def shop_questions(
    split: Literal["train", "dev"], count: int, rng: random.Random
) -> Iterator[ShopQuestion]:
    """`count` questions, two of three about products."""
    told = tomllib.loads((WRITTEN / "facts.toml").read_text("utf-8"))
    writer = _Writer(told, split, rng)
    for number in range(count):
        yield writer.about_service() if number % 3 == 2 else writer.about_product()


class _Writer:
    def __init__(self, told: dict[str, Any], split: str, rng: random.Random) -> None:
        self._names = told["names"]
        self._facts: dict[str, Any] = told["product"] | told["service"]
        self._asked = {
            kind: [key for key in told[kind] if (key in DEV_FACTS) == (split == "dev")]
            for kind in ("product", "service")
        }
        self._shown = {
            kind: [key for key in told[kind] if split == "dev" or key not in DEV_FACTS]
            for kind in ("product", "service")
        }
        self._rng = rng

    def about_product(self) -> ShopQuestion:
        rng = self._rng
        asked_in: Code = rng.choice(_LANGS)
        told_in: Code = asked_in if rng.random() > _FOREIGN else _other(asked_in)
        key = rng.choice(self._asked["product"])
        code = rng.choice(_words(self._names["codes"]))
        goods = rng.randrange(len(_words(self._names["goods"][0])))
        brand = _pick(self._names["brands"][_LANGS.index(told_in)], rng)
        known = rng.random() < 0.5
        pages = [self._product_page(brand, code, goods, key if known else "", key, told_in)]
        named = rng.random() < 0.7
        if named:
            near = self._next_to(code)
            pages.append(self._product_page(brand, near, goods, key, key, told_in))
        else:
            others = len(_words(self._names["goods"][0]))
            other = (goods + rng.randrange(1, others)) % others
            pages.append(self._product_page(brand, code + "1", other, key, key, told_in))
        name = self._called(brand, code if named else "", goods, asked_in)
        question = _pick(self._facts[key]["ask"][_LANGS.index(asked_in)], rng)
        question = question.replace("{p}", name)
        right = frozenset({0} if known else ())
        return ShopQuestion(question, asked_in, key, tuple(pages), right)

    def about_service(self) -> ShopQuestion:
        rng = self._rng
        lang: Code = rng.choice(_LANGS)
        at = _LANGS.index(lang)
        kind = rng.choice(self._asked["service"])
        entities = _words(self._facts[kind]["entity"][at])
        entity = rng.choice(entities)
        known = rng.random() < 0.5
        # What the page tells: the same rule for others, other rules for the same, and anything.
        told = {(kind, other) for other in rng.sample(entities, 3) if other != entity}
        alike = self._facts[kind]["entity"]
        told |= {(k, entity) for k in self._shown["service"] if self._facts[k]["entity"] == alike}
        told |= {self._any_rule(at) for _ in range(2)}
        told.discard((kind, entity))
        if known:
            told.add((kind, entity))
        order = sorted(told)
        rng.shuffle(order)
        pieces = tuple(self._rule(k, e, at) for k, e in order)
        title = rng.choice(("", ("Our service", "服务说明")[at], ("FAQ", "常见问题")[at]))
        page = Page(title, pieces, rng.choice(("\n", (" ", "")[at])))
        question = _pick(self._facts[kind]["ask"][at], rng).replace("{e}", entity)
        right = frozenset({0} if known else ())
        return ShopQuestion(question, lang, f"{kind}/{entity}", (page,), right)

    def _any_rule(self, at: int) -> tuple[str, str]:
        kind = self._rng.choice(self._shown["service"])
        return kind, _pick(self._facts[kind]["entity"][at], self._rng)

    def _rule(self, kind: str, entity: str, at: int) -> Piece:
        fact = self._facts[kind]
        value = self._value(fact["value"][at])
        text = _pick(fact["say"][at], self._rng).replace("{e}", entity).replace("{v}", value)
        return Piece(f"{kind}/{entity}", text[0].upper() + text[1:], value)

    def _product_page(
        self, brand: str, code: str, goods: int, with_key: str, about: str, lang: Code
    ) -> Page:
        """A page of three to nine facts, with or without the one that is asked about."""
        rng, at = self._rng, _LANGS.index(lang)
        keys = [k for k in rng.sample(self._shown["product"], rng.randint(3, 9)) if k != about]
        if with_key:
            keys.insert(rng.randrange(len(keys) + 1), with_key)
        listed = rng.random() < 0.6
        pieces = tuple(self._told(key, at, listed) for key in keys)
        joint = rng.choice(("\n", ("; ", "；")[at])) if listed else (" ", "")[at]
        thing = _words(self._names["goods"][at])[goods]
        title = f"{brand} {code} {thing}" if lang == "en" else f"{brand}{code}{thing}"
        return Page(title, pieces, joint)

    def _told(self, key: str, at: int, listed: bool) -> Piece:
        fact = self._facts[key]
        value = self._value(fact["value"][at])
        if listed:
            return Piece(key, f"{fact['label'][at]}{(': ', '：')[at]}{value}", value)
        text = _pick(fact["say"][at], self._rng).replace("{v}", value)
        return Piece(key, text, value)

    def _called(self, brand: str, code: str, goods: int, lang: Code) -> str:
        """The product as a customer calls it."""
        thing = _words(self._names["goods"][_LANGS.index(lang)])[goods]
        gap = " " if lang == "en" else ""
        if not code:
            return thing
        return self._rng.choice((code, f"{code}{gap}{thing}", f"{brand}{gap}{code}{gap}{thing}"))

    def _next_to(self, code: str) -> str:
        """A model that is easily taken for `code`."""
        letter, number = code[0], int(code[1:])
        nearest = (f"{code}S", f"{letter}{number + 1}", f"{code} Pro", f"{letter}{number}0")
        return self._rng.choice(nearest)

    def _value(self, wordings: str) -> str:
        """One of the values with its figures drawn."""

        def drawn(found: re.Match[str]) -> str:
            low, high = found[1], found[2]
            if "." in low + high:
                return f"{self._rng.uniform(float(low), float(high)):.1f}"
            return str(self._rng.randint(int(low), int(high)))

        return _RANGE.sub(drawn, _pick(wordings, self._rng))


def _other(lang: Code) -> Code:
    return "zh" if lang == "en" else "en"


def _words(text: str) -> Sequence[str]:
    return text.split("|")


def _pick(text: str, rng: random.Random) -> str:
    return rng.choice(_words(text))

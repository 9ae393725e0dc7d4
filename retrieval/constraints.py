"""What a question demands of a product: price, measures, stock, size and colour, as data.

Covered: bounds and ranges in English and Chinese ("under 50 €", "between 30 and 60", "at least
1.5 l", 200元以下, 三百以内, 两千克以内, 20到30元之间), a plain measure ("the 1.7 L one"), stock, sizes
("size 42", 42码, M码), colours; several lines, where a later one replaces what an earlier one said of
the same thing ("and in 24 inch?"). Features such as "waterproof" are the shop's own words and are
read in `retrieval.filters`. Not covered: conversion between currencies, and sentences that turn a
demand round ("not under 50 €, on the contrary…"). A wish is a hint: it may reorder products, it
never hides one, so a misread sentence costs little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from retrieval.colours import colours_in
from retrieval.currencies import CODES, CURRENCY
from retrieval.measures import (
    APART,
    ARABIC,
    BASE_UNITS,
    HAN_NUMBER,
    TO,
    UNIT,
    number_of,
    unit_of,
)
from retrieval.text import fold

MAX_CHARS = 600
_DIGIT = re.compile(r"\d")
_ABOUT = 0.15
_NUMBER = rf"(?:{ARABIC}|{HAN_NUMBER})"
_AND = r"(?:and|和|与|跟)"
_QUANTITY = re.compile(
    rf"{APART}(?P<before>{CURRENCY})?\s*(?P<minus>零下|minus |(?<![\w)])[-−])?"
    rf"(?P<first>{_NUMBER})\s*(?:-(?=[a-z]))?(?P<first_unit>{CURRENCY}|{UNIT})?"
    rf"(?:\s*(?P<to>{TO}|{_AND})\s*(?:{CURRENCY})?\s*(?P<last>{_NUMBER})\s*(?:-(?=[a-z]))?"
    rf"(?P<last_unit>{CURRENCY}|{UNIT})?)?"
)
_SINGLE = re.compile(_QUANTITY.pattern.split("(?:\\s*(?P<to>")[0])
_BETWEEN = re.compile(
    r"(?:between|from|在|介于|价格|价位|预算|price|budget)\s*(?:of|is|was|是|:)?\s*$"
)
_BETWEEN_AFTER = re.compile(r"\s*(?:之间|的?价位)")
_HIGH = (
    "under|below|less than|cheaper than|lighter than|smaller than|shorter than|lower than|"
    "narrower than|thinner than|beneath|at most|up to|max(?:imum)?\\.?(?: of)?|budget(?: is| of|:)?|"
    "<=?|≤|最多|最高|至多|顶多|低于|少于|小于|不到|不足|预算(?:是|在|大概|只有|就|:)*|控制在"
)
_LOW = (
    "more than|over|above|larger than|bigger than|longer than|heavier than|greater than|higher than|"
    "taller than|wider than|at least|min(?:imum)?\\.?(?: of)?|upwards of|>=?|≥|至少|起码|最少|最低|"
    "高于|大于|多于|超过|超出"
)
_PREFIXES = tuple(
    (re.compile(rf"(?:{pattern})\s*(?:(?:an?|the) )?$"), side)
    for pattern, side in (
        (
            r"(?:no|not|never|nothing) (?:less|under|below|lower|cheaper|smaller|shorter)(?: than)?"
            r"|不(?:少于|低于|小于|短于|轻于)",
            "low",
        ),
        (
            r"(?:no|not|never|nothing) (?:more|over|above|higher|larger|bigger|longer|heavier)"
            r"(?: than)?|(?:不|别|不要|不能)(?:超过|多于|高于|大于|超出|超|重于|长于)",
            "high",
        ),
        (rf"(?<![a-z])(?:{_HIGH})", "high"),
        (rf"(?<![a-z])(?:{_LOW})", "low"),
        (
            r"(?:around|about|roughly|approx(?:imately)?\.?|circa|ca\.?|~|≈|大约|大概|差不多|约)",
            "about",
        ),
        (r"(?:within|from|starting (?:at|from))", "with unit"),
    )
)
_SUFFIXES = tuple(
    (re.compile(rf"\s*(?:{pattern})"), side)
    for pattern, side in (
        (
            r"or (?:less|under|below|cheaper|lighter|smaller|fewer)\b|and (?:under|below|less)\b"
            r"|max(?:imum)?\b|at most|(?:以|之)[下内]|内(?![胆置部存芯衣])|封顶",
            "high",
        ),
        (
            r"or (?:more|above|over|higher|larger|bigger|longer|up)\b|and (?:up|above|more)\b"
            r"|minimum\b|\+(?!\w)|(?:以|之)上|起(?![来到])",
            "low",
        ),
        (r"左右|上下", "about"),
    )
)
_COUNTED = re.compile(
    r"\s?[个件只双套条天次层岁号码台把张包瓶片杯本口种款份月年周日时分秒倍折折%％]|\s?percent|\s?°"
    r"|-?\s?(?!(?:is|this|as|us|was|does)\b)[a-z]*s\b|\s?(?:piece|pack|item|order|cup)\b"
)
"""What makes a bare number a count ("under 5 people", 最多一个) and no price."""
_NOT_MONEY = re.compile(
    r"\b(?:feet|foot|sizes?|ages?|years?|old|o'?clock|[ap]m|days?|people|order|nr|no)\b|尺码|码|脚|岁|点|单号"
)
"""What a question speaks of whose bare numbers are no prices."""
_STOCK = re.compile(
    r"\b(?:in stock|available (?:now|right now|immediately|today)|ready to ship|not sold out)\b"
    r"|有(?:没有)?(?:现)?货|现货|有(?:没有)?库存|没断货"
)
_RESTOCK = re.compile(
    r"\b(?:back in stock|when|restock\w*|notif\w+|again)\b|什么时候|何时|多久|几时|补货|到货|通知|预售"
)
_REGIONS = (
    (
        "eu",
        re.compile(r"\b(?:eu|europe|germany|france|netherlands|spain|italy|austria)\b|欧盟|欧洲"),
    ),
    ("cn", re.compile(r"\b(?:china|mainland)\b|国内|中国|大陆")),
)
_LETTER_SIZE = r"(?:x{1,4}s|[2-5]xl|x{1,4}l|xs|s|m|l)"
_SIZE = re.compile(
    rf"\bsizes?(?![a-z])\s*(?:eu|us|uk|no\.?)?\s*(?P<a>{_LETTER_SIZE}|\d{{2}}(?:\.5)?)(?![a-z0-9.]|\s*(?:{UNIT}))"
    rf"|\b(?:eu|eur)\s*(?P<b>\d{{2}}(?:\.5)?)\b(?!\s*(?:{UNIT}))"
    rf"|(?<![a-z0-9.])(?P<c>{_LETTER_SIZE}|[2-5]\d(?:\.5)?)\s*[码号](?![\d线])"
    rf"|[尺鞋]?码\s*(?:是)?\s*(?P<d>{_LETTER_SIZE}|[2-5]\d(?:\.5)?)(?![a-z0-9])"
)
_SHOPPING = re.compile(
    r"\b(?:looking for|do you (?:have|sell|carry|stock|offer)|have you got|recommend\w*|which|what|"
    r"i(?:'d like| want| need|'m after)|any|show me|suggest\w*|find me|got|something|gift)\b"
    r"|有没有|有什么|有啥|推荐|哪[款个种些]|什么样|想[要买找]|求|求购|帮我[找挑选]|需要|有吗|来一[个款双件]|送"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One demand. `low` to `high` in the base unit; `currencies` may be tried in their order.

    `kind` is `price`, `measure` (of `dimension`), `stock` (of region `dimension`), `size` or
    `colour` (any of `words`). `exact` marks a plain measure, which is a preference, no bound.
    """

    kind: str
    dimension: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    currencies: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    exact: bool = False

    @property
    def slot(self) -> tuple[str, str]:
        """What it speaks of; a later wish for the same replaces an earlier one."""
        return self.kind, "" if self.kind == "stock" else self.dimension

    def __str__(self) -> str:
        if self.words:
            return f"{self.kind} {' or '.join(self.words)}"
        if self.kind == "stock":
            return f"in stock {self.dimension}".strip()
        unit = self.currencies[0] if self.currencies else BASE_UNITS.get(self.dimension, "")
        if self.low == self.high:
            amount = f"= {self.low:g}"
        elif self.low == float("-inf"):
            amount = f"≤ {self.high:g}"
        elif self.high == float("inf"):
            amount = f"≥ {self.low:g}"
        else:
            amount = f"{self.low:g}–{self.high:g}"
        return f"{self.dimension or self.kind} {amount} {unit}".strip()


def wishes_of(text: str) -> tuple[Wish, ...]:
    """The demands in a question, line by line, the later line winning; never raises.

    The amounts of one line for the same thing stand beside each other ("20 or 24 inch"). Once a
    later line has numbers of its own, plain measures of earlier ones are over ("and the 12?").
    """
    lines = [fold(line) for line in text[-MAX_CHARS:].split("\n")]
    kept: dict[tuple[str, str], list[Wish]] = {}
    for line in lines:
        said: dict[tuple[str, str], list[Wish]] = {}
        if _DIGIT.search(line):
            kept = {slot: found for slot, found in kept.items() if not found[0].exact}
        for wish in _in_line(line):
            said.setdefault(wish.slot, []).append(wish)
        for slot, wishes in said.items():
            bounds = [wish for wish in wishes if not wish.exact]
            kept[slot] = bounds or wishes
    return tuple(dict.fromkeys(wish for wishes in kept.values() for wish in wishes))


def _in_line(folded: str) -> Iterator[Wish]:
    region = next((name for name, pattern in _REGIONS if pattern.search(folded)), "")
    if _STOCK.search(folded) and not _RESTOCK.search(folded):
        yield Wish("stock", region)
    sizes = list(_SIZE.finditer(folded))
    if sizes:
        named = [next(group for group in match.groups() if group) for match in sizes]
        yield Wish("size", words=tuple(dict.fromkeys(named)))
    colours = colours_in(folded)
    if colours:
        yield Wish("colour", words=tuple(sorted(colours)))
    taken = [match.span() for match in sizes]
    at = 0
    while (match := _QUANTITY.search(folded, at)) is not None:
        wish = None
        if not any(start < match.end() and match.start() < end for start, end in taken):
            wish = _range(folded, match) if match["last"] else None
            if wish is None:
                match = _SINGLE.match(folded, match.start()) or match
                wish = _bound(folded, match)
        at = max(match.end(), at + 1)
        if wish is not None:
            euro = {"eu": ("EUR",), "cn": ("CNY",)}.get(region, ())
            bare = wish.kind == "price" and not wish.currencies
            yield replace(wish, currencies=euro) if bare else wish


def _range(folded: str, match: re.Match[str]) -> Wish | None:
    """ "between 30 and 60", "30-60 €", 20到30元; None when it is not one amount to another."""
    low, high = number_of(match["first"]), number_of(match["last"])
    between = bool(
        _BETWEEN.search(folded[: match.start()]) or _BETWEEN_AFTER.match(folded[match.end() :])
    )
    joined = match["to"] in {"and", "和", "与", "跟"}
    if low is None or high is None or high <= low or (joined and not between):
        return None
    one, other = match["first_unit"], match["last_unit"]
    if one and other and one != other and CODES.get(one, one) != CODES.get(other, other):
        return None
    unit = other or one or match["before"]
    if unit is None and (not between or not _is_money(folded, match, high)):
        return None
    if match["minus"]:
        low = -low
    return _wish(unit, low, high)


def _bound(folded: str, match: re.Match[str]) -> Wish | None:
    value = number_of(match["first"])
    if value is None:
        return None
    unit = match["first_unit"] or match["before"]
    side = _side(folded, match)
    known = unit_of(unit) if unit else None
    if unit is None and (side in ("", "with unit", "about") or not _is_money(folded, match, value)):
        return None
    if side == "with unit":
        if known and known[0] in {"time", "period"}:
            return None  # "within 3 months" speaks of when, not of the product
        side = "high" if re.search(r"within\s*$", folded[: match.start()]) else "low"
    if match["minus"]:
        value = -value
    size = abs(value)
    if side == "high":
        return _wish(unit, float("-inf"), value)
    if side == "low":
        return _wish(unit, value, float("inf"))
    if side == "about":
        return _wish(unit, value - _ABOUT * size, value + _ABOUT * size)
    return replace(_wish(unit, value, value), exact=True) if known else None


def _is_money(folded: str, match: re.Match[str], value: float) -> bool:
    """Whether a number without a unit can be a price (一起 and "under 5 people" hold none)."""
    written_out = not match["first"][0].isdigit() and value < 10
    return not (written_out or _COUNTED.match(folded[match.end() :]) or _NOT_MONEY.search(folded))


def _side(folded: str, match: re.Match[str]) -> str:
    before, after = folded[: match.start()], folded[match.end() :]
    for pattern, side in _PREFIXES:
        if pattern.search(before):
            return side
    # 比200便宜: the word behind tells on which side of the amount
    if before.endswith("比"):
        if re.match(r"\s*(?:更|还|要)?(?:便宜|轻|小|短|低|少)", after):
            return "high"
        if re.match(r"\s*(?:更|还|要)?(?:贵|重|大|长|高|多)", after):
            return "low"
    return next((side for pattern, side in _SUFFIXES if pattern.match(after)), "")


def _wish(unit: str | None, low: float, high: float) -> Wish:
    known = unit_of(unit) if unit else None
    if known is None:
        return Wish("price", "", low, high, currencies=CODES.get(unit or "", ()))
    dimension, factor = known
    return Wish("measure", dimension, low * factor, high * factor)


def is_shopping(text: str) -> bool:
    """Whether somebody is choosing among products, rather than asking about one they know."""
    return bool(_SHOPPING.search(fold(text[-MAX_CHARS:])))

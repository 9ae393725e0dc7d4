"""What is known about a product, read once from its passage: prices, stock, measures, sizes.

Covered: the attributes of `retrieval.passages.product_passage` (`price_<currency>`,
`stock_<region>`, `stock`, specifications under the shop's own names, in either language), the
measures in a product's name, and features that are said with yes or no. What an export leaves out
is unknown, which is not the same as no. Not covered: facts that stand only in a description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from bot.types import Passage
from retrieval.colours import colours_of
from retrieval.measures import Measure, measures_of
from retrieval.text import fold

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YES = re.compile(r"(?:yes|true|是|有|支持|可以?|能)(?=$|[\s,;.(、。])")
_NO = re.compile(r"(?:no|none|not|false|否|无|没有|不|不支持|不可以?|不能)(?=$|[\s,;.(、。])")
_COLOUR_KEY = re.compile(r"colou?rs?|颜色|色彩|配色")
_SIZE_KEY = re.compile(r"(?:shoe )?sizes?|尺码|鞋码|码数|尺寸|大小|variant|规格")
_STOCK_KEY = re.compile(r"availability|stock(?:_status)?|库存状态|库存")
_OUT = re.compile(r"out|sold|no\b|0|缺货|售罄|无|没")
_LETTERS = ("xxxxs", "xxxs", "xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl", "xxxxl")
_LETTER = r"(?:x{0,4}s|m|x{0,4}l|[2-5]xl)"
_LETTER_RANGE = re.compile(
    rf"(?<![a-z0-9])(?P<low>{_LETTER})(?:\s*[-–—~至到]\s*(?P<high>{_LETTER}))?(?![a-z0-9])"
)
_NUMBER_RANGE = re.compile(
    r"(?<![\d.])(?P<low>\d{2}(?:\.5)?)(?:\s*[-–—~至到]\s*(?P<high>\d{2}(?:\.5)?))?(?![\d.]|\s*(?:[×x厘毫米公]|[cm]m))"
)
_OWN = ("price_", "stock_")


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """Facts of one product, of all its translations together.

    `measures` are (name of the specification, folded; the measure), the name "" for those in the
    product's title. `sizes` are (low, high), letters by their place in the order of letters plus
    1000. `features` are what the shop answers with yes or no.
    """

    prices: Mapping[str, float] = field(default_factory=dict)
    stock: Mapping[str, int] = field(default_factory=dict)
    measures: tuple[tuple[str, Measure], ...] = ()
    sizes: tuple[tuple[float, float], ...] = ()
    colours: frozenset[str] = frozenset()
    features: Mapping[str, bool] = field(default_factory=dict)


def facts_of(passage: Passage) -> ProductFacts:
    """The facts of one passage, remembered by its title and attributes."""
    return _facts(passage.title, tuple(passage.attributes.items()))


def merged(several: Iterable[ProductFacts]) -> ProductFacts:
    """What the translations of one product say together."""
    prices: dict[str, float] = {}
    stock: dict[str, int] = {}
    features: dict[str, bool] = {}
    measures: list[tuple[str, Measure]] = []
    sizes: list[tuple[float, float]] = []
    colours: frozenset[str] = frozenset()
    for facts in several:
        prices |= facts.prices
        stock |= facts.stock
        features |= facts.features
        measures += facts.measures
        sizes += facts.sizes
        colours |= facts.colours
    return ProductFacts(prices, stock, tuple(measures), tuple(sizes), colours, features)


def size_of(text: str) -> float | None:
    """A size as a number that can be compared; None when it is none ("42", "m", "2xl")."""
    plain = re.sub(r"([2-5])xl", lambda found: "x" * int(found[1]) + "l", fold(text).strip())
    if plain in _LETTERS:
        return 1000.0 + _LETTERS.index(plain)
    return float(plain) if _NUMBER.fullmatch(plain) else None


@lru_cache(maxsize=200_000)
def _facts(title: str, attributes: tuple[tuple[str, str], ...]) -> ProductFacts:
    prices: dict[str, float] = {}
    stock: dict[str, int] = {}
    features: dict[str, bool] = {}
    sizes: list[tuple[float, float]] = []
    measures = [("", measure) for measure in measures_of(title)]
    colours: set[str] = set()
    for name, value in attributes:
        key = fold(name)
        number = _NUMBER.match(value)
        if key.startswith("price_") and number:
            prices[key.removeprefix("price_").upper()] = float(number.group())
        elif (key == "stock" or key.startswith("stock_")) and number:
            stock[key.removeprefix("stock").removeprefix("_")] = int(float(number.group()))
        elif key == "warranty_months" and number:
            months = float(number.group())
            measures.append(("warranty 保修", Measure("period", months, months)))
        elif _STOCK_KEY.fullmatch(key):
            stock.setdefault("", 0 if _OUT.match(fold(value)) else 1)
        elif key not in {"sku", "skus", "brand", "category"} and not key.startswith(_OWN):
            measures += [(key, measure) for measure in measures_of(value)]
            if _COLOUR_KEY.search(key):
                colours |= colours_of(value)
            if _SIZE_KEY.fullmatch(key):
                sizes += _sizes(value)
            answer = _yes_or_no(value)
            if answer is not None:
                features[key] = answer
    return ProductFacts(prices, stock, tuple(measures), tuple(sizes), frozenset(colours), features)


def _sizes(value: str) -> list[tuple[float, float]]:
    """Sizes in "EU 36–46 (230–280 mm)", "S–XXXL", "S, M, L"; measures are no sizes."""
    folded = re.sub(r"\([^)]*\)", " ", fold(value).replace("(", " (", 1))
    found = []
    for pattern in (_LETTER_RANGE, _NUMBER_RANGE):
        for match in pattern.finditer(folded):
            low, high = size_of(match["low"]), size_of(match["high"] or match["low"])
            if low is not None and high is not None and low <= high:
                found.append((low, high))
    return found


def _yes_or_no(value: str) -> bool | None:
    folded = fold(value).strip()
    if _NO.match(folded):
        return False
    return True if _YES.match(folded) else None

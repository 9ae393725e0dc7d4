"""How a shop's records become passages: the texts that are searched, read and cited.

Covered: FAQ entries, sections of policies, products rendered in one language each, and the texts
of a passage that are encoded. Not covered: reading files (`retrieval.importers`) and numbers of
versions, which the knowledge store counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bot.types import Lang, Passage
from retrieval.text import simplified
from retrieval.wording import WORDING, Wording

WINDOW_WEIGHT = 1400
"""Longest text that is encoded at once; Latin letters weigh 1, others 3 (512 tokens of E5)."""

_LANG_SUFFIX = re.compile(r"\.(?:en|zh|zh-hans|zh-hant)(?=#|$)", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[。！？；\n])|(?<=[.!?;]\s)|(?<=[，,]\s)|(?<=[，、])")


@dataclass(frozen=True, slots=True)
class Product:
    """One product as the shop's export describes it, in one language.

    `prices` are per ISO currency, None where the product is not sold; `stock` counts pieces per
    region (`CN`, `EU`, or "" for shops with one warehouse). `key` is what the id is made of, the
    sku if empty; `lines` are told behind price and stock, `facts` are only kept for filters.
    """

    sku: str
    lang: Lang
    name: str
    category: str = ""
    brand: str = ""
    prices: Mapping[str, Decimal | None] = field(default_factory=dict)
    stock: Mapping[str, int] = field(default_factory=dict)
    warranty_months: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    key: str = ""
    lines: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def group_of(passage_id: str) -> str:
    """The id without its language: `faq-1.zh` and `faq-1.en` are one entry."""
    return _LANG_SUFFIX.sub("", passage_id)


def faq_passage(
    passage_id: str,
    lang: Lang,
    question: str,
    answer: str,
    *,
    alternatives: Sequence[str] = (),
    topic: str = "",
    group: str = "",
    source: str = "",
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> Passage:
    """An FAQ entry: the question is the title, other phrasings of it the alternatives."""
    return Passage(
        passage_id=passage_id,
        kind="faq",
        lang=lang,
        title=question,
        text=answer,
        attributes={"topic": topic} if topic else {},
        alternatives=tuple(alternatives),
        group=group or group_of(passage_id),
        source=source,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def policy_passage(
    policy_id: str,
    lang: Lang,
    number: int,
    policy_title: str,
    section_title: str,
    text: str,
    *,
    topic: str = "",
    source: str = "",
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> Passage:
    """Section `number` of a policy, counted from 1; 0 is what stands before the first section."""
    passage_id = f"{policy_id}#{number}"
    return Passage(
        passage_id=passage_id,
        kind="policy",
        lang=lang,
        title=" – ".join(part for part in (policy_title, section_title) if part),
        text=text,
        attributes={"topic": topic} if topic else {},
        group=group_of(passage_id),
        source=source,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def product_passage(product: Product, *, source: str = "") -> Passage:
    """A product as readable text; its facts are kept in `attributes` as well, for filters.

    Keys of our own are `sku`, `brand`, `category`, `price_<currency>`, `stock_<region>` and
    `warranty_months`; every other key is a specification under the shop's own name.
    """
    wording = WORDING["zh" if product.lang.startswith("zh") else "en"]
    facts = dict(product.facts)
    facts |= {"sku": product.sku} if product.sku else {}
    facts |= {"brand": product.brand} if product.brand else {}
    facts |= {"category": product.category} if product.category else {}
    for currency, price in product.prices.items():
        if price is not None:
            facts[f"price_{currency.lower()}" if currency else "price"] = str(price)
    for region, pieces in product.stock.items():
        facts[f"stock_{region.lower()}" if region else "stock"] = str(pieces)
    if product.warranty_months is not None:
        facts["warranty_months"] = str(product.warranty_months)
    suffix = "zh" if product.lang.startswith("zh") else "en"
    key = product.key or product.sku
    return Passage(
        passage_id=f"product-{key}.{suffix}",
        kind="product",
        lang=product.lang,
        title=product.name,
        text=_product_text(product, wording),
        attributes=dict(product.attributes) | facts,
        group=f"product-{key}",
        source=source,
    )


def _product_text(product: Product, wording: Wording) -> str:
    labels = wording.labels
    lines = []
    if product.sku:
        lines.append(wording.fact(labels["sku"], product.sku))
    if product.category:
        lines.append(wording.fact(labels["category"], product.category))
    if product.brand:
        lines.append(wording.fact(labels["brand"], product.brand))
    if product.prices:
        lines.append(wording.fact(labels["price"], wording.prices(product.prices)))
    if product.stock:
        lines.append(wording.fact(labels["stock"], wording.stock(product.stock)))
    lines.extend(product.lines)
    if product.warranty_months is not None:
        lines.append(wording.fact(labels["warranty"], wording.months(product.warranty_months)))
    if product.attributes:
        lines.append(wording.facts(product.attributes))
    if product.description:
        lines.append(product.description)
    return "\n".join(lines)


def search_text(passage: Passage) -> str:
    """Everything about a passage that word search looks at."""
    return "\n".join(part for part in (passage.title, *passage.alternatives, passage.text) if part)


def search_texts(passage: Passage) -> tuple[str, ...]:
    """The texts of a passage that are encoded: one, or several windows when it is long.

    In simplified Chinese, as questions are: the encoder knows that the two scripts mean the same,
    but a traditional question against a simplified shop lost three points of recall@5.
    """
    head = simplified("\n".join(part for part in (passage.title, *passage.alternatives) if part))
    room = max(WINDOW_WEIGHT // 2, WINDOW_WEIGHT - _weight(head))
    windows = _windows(simplified(passage.text), room) or [""]
    return tuple("\n".join(part for part in (head, window) if part) for window in windows)


def _weight(text: str) -> int:
    return sum(1 if char < "\u0250" else 3 for char in text)


def _windows(text: str, room: int) -> list[str]:
    """`text` cut at ends of sentences into pieces of at most `room`."""
    windows: list[str] = []
    current, used = "", 0
    for piece in _BREAK.split(text):
        for part in _hard_cut(piece, room):
            weight = _weight(part)
            if current and used + weight > room:
                windows.append(current.strip())
                current, used = "", 0
            current += part
            used += weight
    if current.strip():
        windows.append(current.strip())
    return [window for window in windows if window]


def _hard_cut(piece: str, room: int) -> list[str]:
    if _weight(piece) <= room:
        return [piece]
    step = max(1, room // 3)
    return [piece[start : start + step] for start in range(0, len(piece), step)]

"""A product of a shop system with all its variants, made one passage.

Covered: options ("Colour: red, blue"), a price for all or one each, regular and sale prices, stock
counted or only said, in English and Chinese. The lowest price is kept for filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from bot.types import Passage
from retrieval.importers.money import Price
from retrieval.passages import Product, product_passage
from retrieval.text import guess_lang
from retrieval.wording import WORDING, Wording, money

Availability = Literal["", "in", "out", "order"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One form in which a product can be bought. `regular` is the price before a reduction."""

    sku: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None
    regular: Price | None = None
    stock: int | None = None
    availability: Availability = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A product as shop systems describe it. `key` is stable over exports."""

    key: str
    name: str
    variants: Sequence[Variant]
    brand: str = ""
    category: str = ""
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Words:
    price: str
    regular: str
    variants: str
    span: str
    depends: str
    in_stock: str
    sold_out: str
    to_order: str
    comma: str


_WORDS = {
    "en": _Words(
        price="Price",
        regular="regular price {price}",
        variants="Variants",
        span="{low} to {high}",
        depends=", depending on the variant",
        in_stock="in stock",
        sold_out="out of stock",
        to_order="can be ordered, ships later",
        comma=", ",
    ),
    "zh": _Words(
        price="价格",
        regular="原价{price}",
        variants="款式",
        span="{low}至{high}",
        depends="，按款式而定",
        in_stock="有货",
        sold_out="缺货",
        to_order="可预订，稍后发货",
        comma="，",
    ),
}


def current_price(
    regular: Price | None, sale: Price | None, start: date | None, end: date | None, today: date
) -> tuple[Price | None, Price | None]:
    """The price in force and, when it is a sale price, the one before."""
    running = (start is None or start <= today) and (end is None or today <= end)
    if sale and sale.amount is not None and running:
        return sale, regular if regular and regular.amount != sale.amount else None
    return regular, None


def listing_passage(listing: Listing, currency: str) -> Passage:
    """The passage of a product. `currency` is for prices that name none."""
    lang = guess_lang(listing.name + listing.description)
    zh = lang.startswith("zh")
    words, wording = _WORDS["zh" if zh else "en"], WORDING["zh" if zh else "en"]
    variants = list(listing.variants)
    amounts = _amounts(variants, currency)
    same = {code: found[0] for code, found in amounts.items() if len(set(found)) == 1}
    whole = len(amounts) == 1 and len(same) == 1 and _all_priced(variants)
    lines = [] if whole else _price_lines(variants, amounts, words, wording)
    if len(variants) == 1:
        lines += _single(variants[0], currency, words, wording)
    elif variants:
        lines.append(words.variants + wording.colon.rstrip())
        lines += [
            _variant(variant, currency, words, wording, told=not whole) for variant in variants
        ]
    facts = {
        f"price_{code.lower()}" if code else "price": str(min(found))
        for code, found in amounts.items()
    }
    skus = list(dict.fromkeys(variant.sku for variant in variants if variant.sku))
    if len(skus) > 1:
        facts["skus"] = " | ".join(skus)
    stock = _stock(variants)
    if stock is not None:
        facts["stock"] = str(stock)
    return product_passage(
        Product(
            sku=skus[0] if len(skus) == 1 else "",
            lang=lang,
            name=listing.name,
            category=listing.category,
            brand=listing.brand,
            prices=dict(same) if whole else {},
            stock={"": stock} if stock is not None and len(variants) == 1 else {},
            attributes=_options(variants) | dict(listing.attributes),
            description=listing.description,
            key=listing.key,
            lines=tuple(lines),
            facts=facts,
        )
    )


def _amounts(variants: Sequence[Variant], currency: str) -> dict[str, list[Decimal]]:
    found: dict[str, list[Decimal]] = {}
    for variant in variants:
        if variant.price and variant.price.amount is not None:
            code = variant.price.currency or currency
            found.setdefault(code, []).append(variant.price.amount)
    return found


def _all_priced(variants: Sequence[Variant]) -> bool:
    return all(variant.price and variant.price.amount is not None for variant in variants)


def _price_lines(
    variants: Sequence[Variant],
    amounts: Mapping[str, Sequence[Decimal]],
    words: _Words,
    wording: Wording,
) -> list[str]:
    spans = []
    for code, found in amounts.items():
        low, high = money(min(found), code), money(max(found), code)
        spans.append(low if low == high else words.span.format(low=low, high=high))
    told = dict.fromkeys(v.price.words for v in variants if v.price and v.price.words)
    spans += list(told)
    if not spans:
        return []
    depends = words.depends if len(variants) > 1 and len(spans) + len(amounts) > 1 else ""
    return [wording.fact(words.price, wording.semicolon.join(spans) + depends)]


def _single(variant: Variant, currency: str, words: _Words, wording: Wording) -> list[str]:
    lines = []
    if variant.regular and variant.regular.amount is not None:
        regular = money(variant.regular.amount, variant.regular.currency or currency)
        text = words.regular.format(price=regular)
        lines.append(text[0].upper() + text[1:] + wording.stop)
    if variant.stock is None and variant.availability in {"in", "order"}:
        lines.append(wording.fact(wording.labels["stock"], _available(variant, words, wording)))
    return lines


def _variant(
    variant: Variant, currency: str, words: _Words, wording: Wording, *, told: bool
) -> str:
    label = " / ".join(variant.options.values()) or variant.sku
    parts = []
    if told and variant.price:
        amount = variant.price.amount
        code = variant.price.currency or currency
        parts.append(variant.price.words if amount is None else money(amount, code))
    if variant.regular and variant.regular.amount is not None:
        regular = money(variant.regular.amount, variant.regular.currency or currency)
        parts.append(words.regular.format(price=regular))
    parts.append(_available(variant, words, wording))
    if variant.sku and variant.sku != label:
        parts.append(f"{wording.labels['sku']} {variant.sku}")
    told_parts = words.comma.join(part for part in parts if part)
    return f"- {label}{wording.colon}{told_parts}" if told_parts else f"- {label}"


def _available(variant: Variant, words: _Words, wording: Wording) -> str:
    if variant.stock is not None and (variant.stock > 0 or variant.availability != "order"):
        return wording.stock({"": variant.stock})
    names = {"in": words.in_stock, "out": words.sold_out, "order": words.to_order}
    return names.get(variant.availability, "")


def _stock(variants: Sequence[Variant]) -> int | None:
    """Pieces in all variants; 0 when all are said to be sold out; None when nobody counted."""
    counted = [variant.stock for variant in variants if variant.stock is not None]
    if len(counted) == len(variants) and counted:
        orderable = any(variant.availability == "order" for variant in variants)
        return None if orderable and not sum(counted) else sum(counted)
    if variants and all(variant.availability == "out" for variant in variants):
        return 0
    return None


def _options(variants: Sequence[Variant]) -> dict[str, str]:
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.options.items():
            values.setdefault(name, {})[value] = None
    return {name: ", ".join(found) for name, found in values.items()}

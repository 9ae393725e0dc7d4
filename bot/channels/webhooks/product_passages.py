"""Products of connected shop systems as passages.

Covered: one passage per product, in the language its texts are written in; several variants with
their own prices and article numbers; HTML descriptions. Not covered: translations, prices per
market, metafields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from bot.channels.webhooks.plain_text import plain_text
from bot.types import Passage
from retrieval.passages import Product, product_passage
from retrieval.text import guess_lang
from retrieval.wording import WORDING, money

MAX_VARIANTS: Final = 50
MAX_DESCRIPTION_CHARS: Final = 6000
MAX_VALUE_CHARS: Final = 300
_WORDS: Final = {"en": ("Variants", "out of stock"), "zh": ("款式", "缺货")}


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing that can be put into the basket. `stock` is None when nobody counts it."""

    name: str
    sku: str = ""
    price: Decimal | None = None
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class ShopProduct:
    """A product as its system describes it.

    Attributes:
        key: identifies it over all systems; used when no article number does.
        name: what customers call it.
        brand: may be empty.
        category: may be empty.
        description: HTML or text.
        variants: at least one.
        attributes: specifications under the shop's own names.
    """

    key: str
    name: str
    brand: str = ""
    category: str = ""
    description: str = ""
    variants: Sequence[Variant] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


def passages_of(product: ShopProduct, currency: str, source: str) -> tuple[Passage, ...]:
    """What the bot may say about a product.

    Args:
        product: it.
        currency: ISO code of its prices.
        source: where it comes from, e.g. `shopify:snowdevil.myshopify.com`.
    """
    description = plain_text(product.description)[:MAX_DESCRIPTION_CHARS]
    lang = guess_lang(product.name + description)
    variants = product.variants
    single = variants[0] if len(variants) == 1 else None
    prices = {variant.price for variant in variants}
    counted = [variant.stock for variant in variants if variant.stock is not None]
    attributes = {_cut(key): _cut(value) for key, value in product.attributes.items() if value}
    if single is None and variants:
        title, lines = _listed(variants, currency, "zh" if lang.startswith("zh") else "en")
        attributes[title] = lines
    same_price = prices.pop() if len(prices) == 1 else None
    return (
        product_passage(
            Product(
                sku=single.sku if single is not None and single.sku else product.key,
                lang=lang,
                name=_cut(product.name),
                category=_cut(product.category),
                brand=_cut(product.brand),
                prices={currency: same_price} if same_price is not None else {},
                stock={"": sum(counted)} if counted and len(counted) == len(variants) else {},
                attributes=attributes,
                description=description,
            ),
            source=source,
        ),
    )


def price_of(value: object) -> Decimal | None:
    """A price as the systems write it: `"29.99"`, 29.99, or nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**9 else None


def _listed(variants: Sequence[Variant], currency: str, lang: str) -> tuple[str, str]:
    title, sold_out = _WORDS[lang]
    wording = WORDING[lang]
    told = []
    for variant in variants[:MAX_VARIANTS]:
        facts = [variant.sku] if variant.sku else []
        facts += [money(variant.price, currency)] if variant.price is not None else []
        facts += [sold_out] if variant.stock is not None and variant.stock <= 0 else []
        told.append(f"{_cut(variant.name)} ({', '.join(facts)})" if facts else _cut(variant.name))
    more = len(variants) - MAX_VARIANTS
    told += [f"… +{more}"] if more > 0 else []
    return title, wording.semicolon.join(told)


def _cut(text: str) -> str:
    text = " ".join(plain_text(text).split())
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[: MAX_VALUE_CHARS - 1]}…"

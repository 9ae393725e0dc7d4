"""What a page tells machines: schema.org FAQPage and Product in JSON-LD.

Covered: `@graph`, lists, several scripts, offers and aggregate offers, product groups with variants,
additional properties. Not covered: microdata and RDFa, and other types.
Vocabulary: https://schema.org/FAQPage, https://schema.org/Product
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser

from retrieval.importers.html_text import text_of_html
from retrieval.importers.listing import Availability, Listing, Variant
from retrieval.importers.money import Price, parse_money
from retrieval.importers.values import clean

Thing = Mapping[str, object]
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class PageData:
    """Questions with their answers, products, and how many scripts could not be read."""

    faqs: tuple[tuple[str, str], ...]
    products: tuple[Listing, ...]
    broken: int


def page_data(page: LexborHTMLParser) -> PageData:
    """Everything of use in a page's JSON-LD. Raises nothing: what makes no sense is left."""
    things: list[Thing] = []
    broken = 0
    for script in page.css('script[type="application/ld+json"]'):
        try:
            things += _things(json.loads(script.text(), strict=False), _MAX_DEPTH)
        except (ValueError, RecursionError):
            broken += 1
    faqs = tuple(pair for thing in things if "FAQPage" in _types(thing) for pair in _faqs(thing))
    parts = {id(part) for thing in things for part in _list(thing.get("hasVariant"))}
    products = (_listing(thing) for thing in things if id(thing) not in parts)
    return PageData(faqs, tuple(listing for listing in products if listing), broken)


def _things(value: object, depth: int) -> Iterator[Thing]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _things(item, depth - 1)
    elif isinstance(value, dict):
        yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage", "itemListElement", "item"):
            if name != "mainEntity" or "FAQPage" not in _types(value):
                yield from _things(value.get(name), depth - 1)


def _types(thing: Thing) -> set[str]:
    return {str(name).rpartition("/")[2] for name in _list(thing.get("@type"))}


def _faqs(page: Thing) -> Iterator[tuple[str, str]]:
    for question in _list(page.get("mainEntity")):
        if not isinstance(question, dict):
            continue
        answers = [
            _text(answer.get("text"))
            for answer in _list(question.get("acceptedAnswer"))
            if isinstance(answer, dict)
        ]
        asked = _text(question.get("name"))
        if asked and any(answers):
            yield asked, "\n".join(filter(None, answers))


def _listing(thing: Thing) -> Listing | None:
    if not _types(thing) & {"Product", "ProductGroup", "ProductModel"}:
        return None
    name = _text(thing.get("name"))
    variants = [
        variant
        for part in _list(thing.get("hasVariant"))
        if isinstance(part, dict)
        for variant in _variants(part, with_options=True)
    ] or list(_variants(thing, with_options=False))
    sku = _text(thing.get("sku")) or _text(thing.get("productGroupID")) or _text(thing.get("mpn"))
    if not name or not (variants or sku):
        return None
    return Listing(
        key=sku or name,
        name=name,
        variants=variants or [Variant(sku=sku)],
        brand=_name(thing.get("brand")),
        category=_name(thing.get("category")),
        description=text_of_html(_text(thing.get("description"))),
        attributes=dict(_properties(thing)),
    )


def _variants(thing: Thing, *, with_options: bool) -> Iterator[Variant]:
    sku = _text(thing.get("sku")) or _text(thing.get("mpn"))
    options = {
        label: value
        for name, label in (("color", "Colour"), ("size", "Size"), ("material", "Material"))
        if with_options and (value := _name(thing.get(name)))
    }
    if with_options and not options:
        options = {"Variant": _text(thing.get("name"))}
    offers = [offer for offer in _list(thing.get("offers")) if isinstance(offer, dict)]
    for offer in offers or [{}]:
        variant = Variant(sku=_text(offer.get("sku")) or sku, options=options)
        variant = replace(variant, price=_price(offer), availability=_availability(offer))
        if offers or with_options:
            yield variant
        if len(offers) > 1 and not with_options:
            return  # several sellers or conditions of one product: the first is the shop's


def _price(offer: Thing) -> Price | None:
    low, high = _text(offer.get("lowPrice")), _text(offer.get("highPrice"))
    currency = _text(offer.get("priceCurrency")).upper()
    told = _text(offer.get("price"))
    for specification in _list(offer.get("priceSpecification")):
        if isinstance(specification, dict) and not told:
            told = _text(specification.get("price"))
            currency = currency or _text(specification.get("priceCurrency")).upper()
    try:
        if not told and low and high and low != high:
            return Price(None, currency, f"{low}–{high} {currency}".strip())
        price = parse_money(told or low)
    except ValueError:
        return None
    return replace(price, currency=currency or price.currency) if price else None


def _availability(offer: Thing) -> Availability:
    told = _text(offer.get("availability")).rpartition("/")[2]
    names: dict[str, Availability] = {
        "InStock": "in",
        "LimitedAvailability": "in",
        "OnlineOnly": "in",
        "OutOfStock": "out",
        "SoldOut": "out",
        "Discontinued": "out",
        "PreOrder": "order",
        "PreSale": "order",
        "BackOrder": "order",
    }
    return names.get(told, "")


def _properties(thing: Thing) -> Iterator[tuple[str, str]]:
    for item in _list(thing.get("additionalProperty")):
        if isinstance(item, dict):
            name, value = _text(item.get("name")), _text(item.get("value"))
            unit = _text(item.get("unitText"))
            if name and value:
                yield name, f"{value} {unit}".strip()
    for name, label in (("color", "Colour"), ("size", "Size"), ("material", "Material")):
        if value := _name(thing.get(name)):
            yield label, value


def _name(value: object) -> str:
    names = [item.get("name") if isinstance(item, dict) else item for item in _list(value)]
    return ", ".join(filter(None, map(_text, names)))


def _text(value: object) -> str:
    """A value as plain text; whatever cannot be a text is none."""
    if isinstance(value, list):
        value = value[0] if value else None
    try:
        return text_of_html(clean(value))
    except ValueError:
        return ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]

"""Rows to passages: which kind a row is, what it must have, what is reported when it has not.

Covered: FAQ entries, products and plain passages, in one language a row or several (columns such
as `question_en` and `question_zh`), ids made where none are given, prices told in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from bot.types import Lang, Passage
from retrieval.importers.columns import Column, FieldLang
from retrieval.importers.header import Kind
from retrieval.importers.money import Price, parse_money
from retrieval.importers.reading import Reading
from retrieval.importers.result import Item
from retrieval.importers.rows import Row, RowProblemError
from retrieval.importers.values import (
    clean,
    parse_attributes,
    parse_count,
    parse_date,
    parse_lang,
    parse_list,
    parse_months,
)
from retrieval.passages import Product, faq_passage, group_of, product_passage
from retrieval.text import guess_lang

_SUFFIXES = (".en", ".zh", ".zh-hans", ".zh-hant")
NO_KIND = "no fields of an FAQ, a product or a passage"


def read_row(row: Row, kind: Kind | None, reading: Reading) -> Iterator[Item]:
    """The passages of a row, or what is wrong with it. All languages load, or none."""
    if kind is None:
        names = ", ".join([*row.names.values(), *row.unknown]) or "none"
        yield reading.problem(row.line, "", names, NO_KIND)
        return
    try:
        found = [BUILDERS[kind](row, lang, reading) for lang in row.langs]
    except RowProblemError as error:
        yield reading.problem(row.line, error.field, error.value, error.message)
        return
    passages = [passage for passage in found if passage]
    if not passages:
        yield reading.problem(row.line, "", None, "no text in any language")
    for passage in passages:
        yield from reading.keep(row.line, passage)


def made_id(prefix: str, text: str) -> str:
    """An id for an entry that has none: the same for the same text, whatever else changes."""
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _faq(row: Row, lang: FieldLang, _: Reading) -> Passage | None:
    if lang and not row.read("question", str, lang) and not row.read("answer", str, lang):
        return None
    question, answer = row.required("question", lang), row.required("answer", lang)
    language = _language(row, lang, question + answer)
    passage_id, group = _identity(row, language, made_id("faq", question))
    return faq_passage(
        passage_id,
        language,
        question,
        answer,
        alternatives=row.read_raw("alternatives", parse_list, lang),
        topic=row.read("category", str, lang),
        group=group,
        valid_from=row.read("valid_from", parse_date),
        valid_until=_until(row),
    )


def _plain(row: Row, lang: FieldLang, _: Reading) -> Passage | None:
    if lang and not row.read("text", str, lang):
        return None
    text = row.required("text", lang)
    title = row.read("title", str, lang)
    language = _language(row, lang, title + text)
    passage_id, group = _identity(row, language, made_id("text", title or text))
    return Passage(
        passage_id,
        "policy",
        language,
        title,
        text,
        group=group,
        valid_from=row.read("valid_from", parse_date),
        valid_until=_until(row),
    )


def _product(row: Row, lang: FieldLang, reading: Reading) -> Passage | None:
    if lang and not row.read("name", str, lang):
        return None
    name = row.required("name", lang)
    description = row.read("description", str, lang)
    language = _language(row, lang, name + description)
    prices, words = _prices(row, reading)
    stock = row.by_region("stock", parse_count)
    own = row.read_raw("attributes", parse_attributes, lang)
    label = "价格" if language.startswith("zh") else "Price"
    return product_passage(
        Product(
            sku=row.required("sku") if Column("sku") in row.cells else row.required("name", lang),
            lang=language,
            name=name,
            category=row.read("category", str, lang),
            brand=row.read("brand", str, lang),
            prices=prices,
            stock={region: count for region, count in stock.items() if count is not None},
            warranty_months=row.read("warranty", parse_months),
            attributes=({label: words} if words else {}) | own | _extra_attributes(row.unknown),
            description=description,
        )
    )


def _prices(row: Row, reading: Reading) -> tuple[dict[str, Decimal | None], str]:
    """Amounts per currency, and prices that are told in words, as the shop writes them."""
    told = row.by_region("price", parse_money)
    named = row.read("currency", str).upper()
    prices: dict[str, Decimal | None] = {}
    words = []
    for region, price in told.items():
        if price is None and region:
            prices[region] = None
        elif price is not None and price.amount is None:
            words.append(price.words)
            message = f"the price “{price.words}” is told as it stands; filters cannot use it"
            reading.remark(row.line, message)
        elif price is not None:
            code = _currency(row, region, price, named)
            reading.see_price(Price(price.amount, code))
            prices[code or reading.wishes.currency] = price.amount
    return prices, "; ".join(words)


def _currency(row: Row, region: str, price: Price, named: str) -> str:
    """The currency of a price; a column for one currency must not hold another one's sign."""
    wanted = region or named
    if wanted and price.currency and wanted != price.currency:
        signs = {price.currency, wanted}
        if signs != {"CNY", "JPY"} and "$" not in str(row.cells.get(Column("price", "", region))):
            column = row.names[Column("price", "", region)]
            message = f"the price is in {price.currency}, but {wanted} was expected"
            raise RowProblemError(column, str(price.amount), message)
    return wanted or price.currency


def _extra_attributes(cells: Mapping[str, object]) -> dict[str, str]:
    """Columns of a product that are no field of ours are its specifications."""
    attributes = {}
    for name, value in cells.items():
        try:
            key, text = clean(name), clean(value)
        except ValueError as error:
            raise RowProblemError(name, value, str(error)) from None
        if key and text:
            attributes[key] = text
    return attributes


def _until(row: Row) -> date | None:
    start, end = row.read("valid_from", parse_date), row.read("valid_until", parse_date)
    if start and end and end < start:
        raise RowProblemError(row.name_of("valid_until"), str(end), "is before the first day")
    return end


def _language(row: Row, lang: FieldLang, text: str) -> Lang:
    named = row.read("lang", lambda value: parse_lang(value) if value else None)
    if lang == "":
        return named or guess_lang(text)
    if lang == "en":
        return "en"
    return "zh-Hant" if guess_lang(text) == "zh-Hant" else "zh-Hans"


def _identity(row: Row, lang: Lang, made: str) -> tuple[str, str]:
    """Id and group: `passage_id` as it stands, `id` with the language behind it if it has none."""
    group = row.read("group", str)
    exact = row.read("passage_id", str)
    if exact:
        return exact, group or group_of(exact)
    given = row.read("id", str) or made
    if given.isdigit():
        given = f"{made.partition('-')[0]}-{given}"
    if not given.casefold().endswith(_SUFFIXES):
        given += ".zh" if lang.startswith("zh") else f".{lang}"
    return given, group or group_of(given)


BUILDERS: dict[Kind, Callable[[Row, FieldLang, Reading], Passage | None]] = {
    "faq": _faq,
    "product": _product,
    "passage": _plain,
}

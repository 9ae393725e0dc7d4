"""Rows to passages: which kind a row is, what it must have, what is reported when it has not.

Covered: FAQ entries, products and plain passages, in one language a row or several (columns such
as `question_en` and `question_zh`), ids made where none are given, ids that come twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Literal, TypeVar

from bot.types import Lang, Passage
from retrieval.importers.columns import Column, FieldLang, guess_column
from retrieval.importers.result import ImportResult, Problem, problem
from retrieval.importers.values import (
    clean,
    parse_attributes,
    parse_count,
    parse_date,
    parse_lang,
    parse_list,
    parse_months,
    parse_price,
)
from retrieval.passages import Product, faq_passage, group_of, product_passage
from retrieval.text import guess_lang

Kind = Literal["faq", "product", "passage"]
T = TypeVar("T")
_SUFFIXES = (".en", ".zh", ".zh-hans", ".zh-hant")


class RowProblemError(Exception):
    """Raised inside this module to leave a row: the field, its value and what is wrong."""

    def __init__(self, field: str, value: object, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.message = message


class Row:
    """One row of a table or one JSON object, its columns recognised where possible."""

    def __init__(self, line: int, cells: Mapping[str, object]) -> None:
        self.line = line
        self.names: dict[Column, str] = {}
        self.cells: dict[Column, object] = {}
        self.unknown: dict[str, object] = {}
        for name, value in cells.items():
            column = guess_column(name)
            if column is None or column in self.cells:
                self.unknown[name] = value
            else:
                self.cells[column] = value
                self.names[column] = name

    @property
    def kind(self) -> Kind | None:
        """What the columns say the row is."""
        return kind_of(self.cells)

    @property
    def langs(self) -> tuple[FieldLang, ...]:
        """Languages that have columns of their own; ("",) when no column names one."""
        return tuple(sorted({column.lang for column in self.cells if column.lang})) or ("",)

    def read(self, field: str, parse: Callable[[str], T], lang: FieldLang = "") -> T:
        """The value of a field: in this language's column, or in the one for all languages."""
        return self.read_raw(field, lambda value: parse(clean(value)), lang)

    def read_raw(self, field: str, parse: Callable[[object], T], lang: FieldLang = "") -> T:
        """As `read`, for fields that may be lists or objects."""
        column = Column(field, lang)
        if lang and column not in self.cells:
            column = Column(field)
        return self._parsed(column, parse)

    def by_region(self, field: str, parse: Callable[[str], T]) -> dict[str, T]:
        """Values of a field per currency or region."""
        return {
            column.region: self._parsed(column, lambda value: parse(clean(value)))
            for column in self.cells
            if column.field == field
        }

    def required(self, field: str, lang: FieldLang = "") -> str:
        """A text that must not be empty."""
        text = self.read(field, str, lang)
        if not text:
            raise RowProblemError(self.name_of(field, lang), None, "is empty")
        return text

    def name_of(self, field: str, lang: FieldLang = "") -> str:
        """What the file itself calls a field."""
        fallback = self.names.get(Column(field), field)
        return self.names.get(Column(field, lang), fallback)

    def _parsed(self, column: Column, parse: Callable[[object], T]) -> T:
        value = self.cells.get(column)
        try:
            return parse("" if value is None else value)
        except ValueError as error:
            raise RowProblemError(self.names[column], value, str(error)) from None


def kind_of(columns: Iterable[Column]) -> Kind | None:
    """What a set of columns describes; None when it is no kind of knowledge."""
    fields = {column.field for column in columns}
    if {"question", "answer"} <= fields:
        return "faq"
    if {"sku", "name"} <= fields or {"name", "price"} <= fields:
        return "product"
    if "rating" in fields:  # a customer's review is an opinion, not the shop's knowledge
        return None
    return "passage" if "text" in fields and fields & {"title", "passage_id"} else None


class Collector:
    """Takes rows one by one, keeps the passages and the problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._passages: dict[str, Passage] = {}
        self._lines: dict[str, int] = {}
        self._problems: list[Problem] = []

    def report(self, line: int, field: str, value: object, message: str) -> None:
        """Note a problem that is not one of a row's content."""
        self._problems.append(problem(self.file, line, field, value, message))

    def add(self, row: Row, kind: Kind | None = None) -> None:
        """Read a row; what is wrong with it becomes a problem. All languages load, or none."""
        builders = {"faq": _faq, "product": _product, "passage": _plain}
        kind = kind or row.kind
        if kind is None:
            names = ", ".join([*row.names.values(), *row.unknown]) or "none"
            self.report(row.line, "", names, "no fields of an FAQ, a product or a passage")
            return
        try:
            passages = [
                replace(passage, source=self.file)
                for lang in row.langs
                if (passage := builders[kind](row, lang)) is not None
            ]
        except RowProblemError as error:
            self.report(row.line, error.field, error.value, error.message)
            return
        if not passages:
            self.report(row.line, "", None, "no text in any language")
        for passage in passages:
            self.keep(row.line, passage)

    def keep(self, line: int, passage: Passage) -> None:
        """Keep a finished passage unless its id was there before."""
        first = self._lines.setdefault(passage.passage_id, line)
        if passage.passage_id in self._passages:
            message = f"this id was already used in line {first}; the first one is kept"
            self.report(line, "id", passage.passage_id, message)
        else:
            self._passages[passage.passage_id] = passage

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing yet, good or bad."""
        return not self._passages and not self._problems

    def result(self) -> ImportResult:
        """Everything so far."""
        return ImportResult(tuple(self._passages.values()), tuple(self._problems))


def _faq(row: Row, lang: FieldLang) -> Passage | None:
    if lang and not row.read("question", str, lang) and not row.read("answer", str, lang):
        return None
    question, answer = row.required("question", lang), row.required("answer", lang)
    language = _language(row, lang, question + answer)
    made = "faq-" + hashlib.sha256(question.encode()).hexdigest()[:12]
    passage_id, group = _identity(row, language, made)
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


def _plain(row: Row, lang: FieldLang) -> Passage | None:
    if lang and not row.read("text", str, lang):
        return None
    text = row.required("text", lang)
    title = row.read("title", str, lang)
    language = _language(row, lang, title + text)
    made = "text-" + hashlib.sha256((title or text).encode()).hexdigest()[:12]
    passage_id, group = _identity(row, language, made)
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


def _product(row: Row, lang: FieldLang) -> Passage | None:
    if lang and not row.read("name", str, lang):
        return None
    name = row.required("name", lang)
    description = row.read("description", str, lang)
    prices = row.by_region("price", parse_price)
    currency = row.read("currency", str).upper()
    plain = prices.pop("", None)
    if plain is not None:
        prices[currency or "CNY" if guess_lang(name) != "en" else currency or "EUR"] = plain
    stock = row.by_region("stock", parse_count)
    own = row.read_raw("attributes", parse_attributes, lang)
    extra = {name: row.unknown[name] for name in row.unknown}
    return product_passage(
        Product(
            sku=row.required("sku") if Column("sku") in row.cells else row.required("name", lang),
            lang=_language(row, lang, name + description),
            name=name,
            category=row.read("category", str, lang),
            brand=row.read("brand", str, lang),
            prices=prices,
            stock={region: count for region, count in stock.items() if count is not None},
            warranty_months=row.read("warranty", parse_months),
            attributes=own | _extra_attributes(extra),
            description=description,
        )
    )


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

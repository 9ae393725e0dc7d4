from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.importers.columns import Column, guess_column
from retrieval.importers.values import (
    clean,
    parse_attributes,
    parse_count,
    parse_date,
    parse_lang,
    parse_list,
    parse_months,
)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Question", Column("question")),
        (" Q ", Column("question")),
        ("问题", Column("question")),
        ("標準問題", Column("question")),
        ("question_en", Column("question", lang="en")),
        ("问题（中文）", Column("question", lang="zh")),
        ("英文答案", Column("answer", lang="en")),
        ("Answer (Chinese)", Column("answer", lang="zh")),
        ("Price (EUR)", Column("price", region="EUR")),
        ("价格（元）", Column("price", region="CNY")),
        ("price_cny", Column("price", region="CNY")),
        ("售价", Column("price")),
        ("stock_cn", Column("stock", region="CN")),
        ("Stock EU", Column("stock", region="EU")),
        ("商品名称", Column("name")),
        ("name_zh", Column("name", lang="zh")),
        ("Valid until", Column("valid_until")),
        ("warranty_months", Column("warranty")),
        ("Colour", None),
        ("", None),
        ("a" * 300, None),
    ],
)
def test_columns_are_known_by_many_names(name: str, column: Column | None) -> None:
    assert guess_column(name) == column


@given(st.text())
def test_any_column_name_can_be_asked(name: str) -> None:
    guess_column(name)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026/3/1", date(2026, 3, 1)),
        ("2026.03.01", date(2026, 3, 1)),
        ("2026年3月1日", date(2026, 3, 1)),
        ("2026-03-01 00:00:00", date(2026, 3, 1)),
        ("", None),
    ],
)
def test_dates(text: str, day: date | None) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize("text", ["03/04/2026", "soon", "2026-02-30", "2026-13-01"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "months"),
    [("24", 24), ("24 months", 24), ("2 years", 24), ("2年", 24), ("18个月", 18), ("12.0", 12)],
)
def test_warranties(text: str, months: int) -> None:
    assert parse_months(text) == months


@pytest.mark.parametrize(("text", "count"), [("12", 12), ("1,200", 1200), ("7.0", 7), ("-3", 0)])
def test_counts(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("EN", "en"),
        ("en_GB", "en"),
        ("中文", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh_TW", "zh-Hant"),
        ("繁體中文", "zh-Hant"),
        ("de", "other"),
    ],
)
def test_languages(text: str, lang: str) -> None:
    assert parse_lang(text) == lang


@pytest.mark.parametrize(
    "parse", [parse_count, parse_months, parse_lang, lambda text: parse_attributes(text)]
)
def test_nonsense_is_refused_with_an_example(parse: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse("blue moon!")  # type: ignore[operator]


@pytest.mark.parametrize(
    "value",
    [
        {"Capacity": "1.7 L", "Power": 1800},
        '{"Capacity": "1.7 L", "Power": 1800}',
        "Capacity: 1.7 L; Power: 1800",
        "Capacity：1.7 L；Power：1800",
        "Capacity: 1.7 L\nPower: 1800\n",
    ],
)
def test_specifications_in_any_notation(value: object) -> None:
    assert parse_attributes(value) == {"Capacity": "1.7 L", "Power": "1800"}


def test_other_phrasings_in_any_notation() -> None:
    assert parse_list(" a | b ｜c\nd|") == ("a", "b", "c", "d")
    assert parse_list(["a", " b "]) == ("a", "b")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (12.0, "12"),
        (1.5, "1.5"),
        (True, "true"),
        (datetime(2026, 3, 1), "2026-03-01"),  # noqa: DTZ001 - Excel has no time zones
        ('="001"', "001"),
        ("a\x00b\x07", "ab"),
        (" = ", "="),
    ],
)
def test_cells_become_text(value: object, text: str) -> None:
    assert clean(value) == text


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("=SUM(A1:A3)", "formula"),
        ("#REF!", "error of the spreadsheet"),
        ("\ud800", "half a character"),
        ("caf\ufffd", "could not be read"),
        ("x" * 100_001, "longer than"),
        (["a"], "expected text"),
    ],
)
def test_cells_that_cannot_be_used_say_why(value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        clean(value)

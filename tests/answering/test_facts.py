"""Facts: what is the same in other spelling is the same fact, what differs is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.facts import Fact, facts_of, fold, is_supported


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("￥１，２９９．００", "¥1299"),
        ("1,299.00元", "¥1299"),
        ("299 RMB", "¥299"),
        ("€39.90", "39,90 €".replace(",", ".")),
        ("39.9欧元", "EUR 39.90"),
        ("七天", "7 days"),
        ("seven days", "7天"),
        ("十五日内", "within 15 days"),
        ("3–6 working days", "3至6个工作日"),
        ("2026年3月1日", "1 March 2026"),
        ("March 1st, 2026", "2026-03-01"),
        ("下午 16:00", "4 pm"),
        ("两个月", "two months"),
        ("1.70 L", "1.7升"),
        ("ML-KET-1701", "ml-ket-1701"),
        ("400-820-0716", "400 820 0716"),
        ("Care@MapleLane.example", "care@maplelane.example"),
        ("20 %", "20%"),
    ],
)
def test_spellings_of_the_same_thing_are_one_fact(one: str, other: str) -> None:
    assert facts_of(one) == facts_of(other) != frozenset()


@pytest.mark.parametrize(
    ("said", "passage"),
    [
        ("30 days", "within 14 days"),
        ("30天", "15天"),
        ("7 days", "7 working days"),
        ("€10", "10 days"),
        ("¥99", "€99"),
        ("by 16:00", "by 17:00"),
        ("1 March", "2 March 2026"),
        ("K17S", "the K17 kettle"),
        ("1.7 L", "1.0 L"),
        ("www.example.com/returns", "www.example.com/shipping"),
        ("2 years", "24 months"),
    ],
)
def test_what_differs_is_not_supported(said: str, passage: str) -> None:
    known = facts_of(passage)
    assert not all(is_supported(fact, known) for fact in facts_of(said))


def test_a_bare_number_in_a_table_supports_the_same_number_with_a_unit() -> None:
    assert is_supported(Fact("number", "30", "cm"), facts_of("Height (cm): 30"))


def test_a_day_without_a_year_is_supported_by_the_same_day_of_a_year() -> None:
    assert is_supported(Fact("date", "-03-01"), facts_of("from 2026-03-01 on"))


def test_an_address_or_phone_number_ends_where_chinese_begins() -> None:
    """There is no space between them, so the words before an address used to belong to it."""
    told = facts_of("请写信至care@shop.example申请，或拨打+31 77 808 0716联系")
    assert {Fact("email", "care@shop.example"), Fact("phone", "31778080716")} <= told


def test_words_that_look_like_numbers_are_not_facts() -> None:
    assert facts_of("no more than one of the items, for the first time") == frozenset()
    assert facts_of("一般情况下十分满意") == frozenset()


@given(st.text(max_size=400))
def test_any_text_has_facts_and_supports_them_itself(text: str) -> None:
    facts = facts_of(text)
    assert all(is_supported(fact, facts) for fact in facts)


@given(st.text(max_size=200))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.integers(0, 10**7), st.sampled_from(["¥{}", "{}元", "￥{:,}", "{:,}.00 RMB"]))
def test_every_price_is_found_whatever_its_spelling(amount: int, spelling: str) -> None:
    assert Fact("number", str(amount), "cny") in facts_of(f"价格 {spelling.format(amount)} 起")

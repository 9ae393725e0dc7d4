"""A draft keeps the "not" and the "only if" of its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.polarity import kept

RETURNS = (
    "Worn shoes cannot be returned. Unworn shoes can be returned within 30 days. "
    "Gift cards are refunded only if they are unused."
)
RETURNS_ZH = "穿过的鞋子不能退货。未穿过的鞋子30天内可以退货。礼品卡除外，所有订单都可以退款。"


def codes(sentence: str, evidence: str) -> list[str]:
    return [problem.code for problem in kept(sentence, evidence)]


@pytest.mark.parametrize(
    ("sentence", "evidence", "expected"),
    [
        ("Worn shoes can be returned.", "Worn shoes cannot be returned.", ["negation_changed"]),
        ("Worn shoes cannot be returned.", RETURNS, []),
        ("No, worn shoes can't be returned.", RETURNS, []),
        ("Unworn shoes can be returned within 30 days.", RETURNS, []),
        ("Gift cards are refunded.", RETURNS, ["condition_lost"]),
        ("Gift cards are refunded if they are unused.", RETURNS, []),
        ("穿过的鞋子可以退货。", RETURNS_ZH, ["negation_changed"]),
        ("穿过的鞋子不能退货。", RETURNS_ZH, []),
        ("所有订单都可以退款。", RETURNS_ZH, ["condition_lost"]),
        ("除礼品卡外，所有订单都可以退款。", RETURNS_ZH, []),
        ("不客气，穿过的鞋子不能退货。", RETURNS_ZH, []),
        ("不锈钢水壶容量1.7升。", "不锈钢水壶，容量1.7升，功率2000瓦。", []),
    ],
)
def test_the_sense_is_kept(sentence: str, evidence: str, expected: list[str]) -> None:
    assert codes(sentence, evidence) == expected


def test_a_sentence_that_resembles_nothing_is_left_to_the_other_checks() -> None:
    assert codes("您可以在三十天内把没穿过的鞋子寄回来。", RETURNS) == []
    assert codes("Yes.", RETURNS) == []
    assert codes("", "") == []


def test_two_sources_of_either_sense_leave_the_draft_alone() -> None:
    evidence = "The red bag is waterproof. The blue bag is not waterproof."
    assert codes("The bag is waterproof.", evidence) == []


@given(st.text(max_size=300))
def test_a_sentence_taken_as_it_stands_always_passes(text: str) -> None:
    assert kept(text, text) == []

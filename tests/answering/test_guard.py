"""The guard: no sentence with something that its passage does not hold gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.guard import check, citations_in, says_none, without_citations

RETURNS = (
    "Return period\nUnopened items can be returned within 30 days of delivery. Opened items can "
    "be returned within 15 days in China. Write to care@maplelane.example."
)
POSTAGE = "国内运费\n中国大陆订单满99元包邮，不满99元每单收取运费8元。"
KETTLE = "Tidewell K17 Kettle\nSKU: ML-KET-1701; Price: €39.90; Capacity: 1.7 L; Power: 2200 W."
PASSAGES = [RETURNS, POSTAGE, KETTLE]


@pytest.mark.parametrize(
    "sentence",
    [
        "Unopened items can be returned within 30 days of delivery [1].",
        "You have thirty days for unopened items [1].",
        "满￥99包邮[2]。",
        "订单不满99元收8元运费[2]。",
        "The K17 holds 1.7 litres and costs €39.9 [3].",
        "Please write to care@maplelane.example [1].",
        "Delivery is free from ¥99 [2], and unopened items go back within 30 days [1].",
    ],
)
def test_what_the_passage_holds_is_released(sentence: str) -> None:
    verdict = check(sentence, PASSAGES)
    assert verdict.released, verdict.problems
    assert "[" not in verdict.sentence


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("You can return it within 45 days [1].", "unsupported_number"),
        ("满66元包邮[2]。", "unsupported_number"),
        ("The kettle costs €29.90 [3].", "unsupported_number"),
        ("The kettle costs ¥39.90 [3].", "unsupported_number"),
        ("The K18 holds 1.7 L [3].", "unsupported_code"),
        ("See www.maplelane.example/returns [1].", "unsupported_link"),
        ("Write to boss@maplelane.example [1].", "unsupported_email"),
        ("Orders placed by 16:00 ship today [2].", "unsupported_time"),
        ("This ends on 1 December [1].", "unsupported_date"),
        ("It works with Sony headphones [3].", "unsupported_name"),
        ("支持Dyson配件[3]。", "unsupported_name"),
        ("I have refunded your order [1].", "claimed_action"),
        ("We've already sent you a new one [1].", "claimed_action"),
        ("已为您办理退款[1]。", "claimed_action"),
        ("You have 30 days [7].", "citation_unknown"),
        ("Gift wrapping is always free.", "citation_missing"),
        ("<|im_start|>system", "prompt_leak"),
    ],
)
def test_what_it_does_not_hold_is_blocked(sentence: str, code: str) -> None:
    verdict = check(sentence, PASSAGES)
    assert code in {problem.code for problem in verdict.problems}, verdict


def test_a_true_number_from_another_passage_is_blocked() -> None:
    assert not check("Postage is €39.90 [2].", PASSAGES).released


def test_a_wrong_citation_is_mended_when_another_passage_plainly_holds_the_sentence() -> None:
    verdict = check("Unopened items can be returned within 30 days [3].", PASSAGES)
    assert verdict.released
    assert verdict.cited == (1,)


def test_a_number_of_the_customer_is_not_evidence() -> None:
    question = "Is the price really €10?"
    assert not check("Yes, the price is €10 [3].", PASSAGES, question).released


def test_a_missing_citation_is_supplied_when_one_passage_plainly_holds_the_sentence() -> None:
    verdict = check("Unopened items can be returned within 30 days.", PASSAGES)
    assert verdict.released
    assert verdict.cited == (1,)


def test_courtesy_needs_no_citation() -> None:
    assert check("You're welcome!", PASSAGES).released
    assert check("不客气！", PASSAGES).released


def test_without_passages_nothing_that_states_anything_is_released() -> None:
    assert not check("Returns are free within 30 days [1].", []).released


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_any_text_gets_a_verdict(sentence: str, passages: list[str]) -> None:
    verdict = check(sentence, passages)
    assert all(1 <= number <= len(passages) for number in verdict.cited)


@given(st.integers(100, 10**6))
def test_no_invented_price_passes_whatever_it_is(price: int) -> None:
    assert not check(f"The kettle costs €{price} [3].", [RETURNS, POSTAGE, KETTLE]).released


@given(st.lists(st.integers(1, 9), max_size=4))
def test_citations_are_read_and_removed(numbers: list[int]) -> None:
    marks = "".join(f"[{number}]" for number in numbers)
    sentence = f"A plain sentence {marks}."
    assert citations_in(sentence) == tuple(dict.fromkeys(numbers))
    assert "[" not in without_citations(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "I'm sorry, I don't have that information. [none]",
        "I don't have any information about that [1].",
        "抱歉，店铺资料里没有这方面的信息[none]。",
        "抱歉，店铺资料里没有找到相关说明[2]。",
        "店鋪資料裡沒有提到[1]。",
    ],
)
def test_a_refusal_is_known_by_its_mark_or_its_words(sentence: str) -> None:
    assert says_none(sentence)


def test_a_plain_statement_is_no_refusal() -> None:
    assert not any(
        says_none(s) for s in ("We do not have express to islands [1].", "没有运费[1]。")
    )

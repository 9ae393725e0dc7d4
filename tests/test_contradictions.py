"""Two entries about one subject must not say different things; what merely says more is no quarrel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.contradictions import Finding, clashes_of, find
from bot.protocols import Vectors
from bot.types import Passage
from retrieval.conflicts import comparable, subject_pairs
from retrieval.passages import Product, faq_passage, product_passage

TODAY = date(2026, 11, 22)


class ByTopic:
    """An encoder that knows a topic word: texts with the same one are alike, others are not."""

    name = "by-topic"
    dimension = 3

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        topics = [("return", "退"), ("ship", "运"), ("", "")]
        rows = [
            next(n for n, words in enumerate(topics) if any(w in text.casefold() for w in words))
            for text in texts
        ]
        return np.eye(3, dtype=np.float32)[rows]


def faq(number: int, question: str, answer: str, lang: Literal["en", "zh-Hans"] = "en") -> Passage:
    return faq_passage(f"faq-{number}.{lang[:2]}", lang, question, answer)


def found(*passages: Passage) -> list[Finding]:
    return find(passages, ByTopic(), TODAY)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("Returns within 14 days.", "You have thirty days.", "day"),
        ("7天内可退。", "三十天内可以退货。", "day"),
        ("It costs €4.90.", "It costs 5,90 €.", "eur"),
        ("满99元包邮。", "满￥199包邮。", "cny"),
        ("Call us at 9:00.", "Call us at 10 am.", "time"),
        ("Until 1 March 2026.", "Until 2026-03-05.", "date"),
        ("Write to a@shop.example.", "Write to b@shop.example.", "email"),
    ],
)
def test_facts_that_differ(first: str, second: str, what: str) -> None:
    assert [clash.what for clash in clashes_of(first, second)] == [what]
    assert [clash.what for clash in clashes_of(second, first)] == [what]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Returns within 14 days.", "14天内可退。"),
        ("Returns within 14 days.", "Returns within 14 days; refunds within 5 days."),
        ("It costs €4.90.", "It costs ¥30."),
        ("Two items a person.", "Three items a person."),
        ("From 4 to 10 February 2027.", "2027年2月4日至10日。"),
        ("Model K17.", "Model K18."),
    ],
)
def test_facts_that_go_together(first: str, second: str) -> None:
    assert clashes_of(first, second) == ()


@given(st.text(max_size=80))
def test_no_text_contradicts_itself(text: str) -> None:
    assert clashes_of(text, text) == ()


def test_two_return_periods_are_found_in_either_language() -> None:
    english = [
        faq(1, "How long can I return?", "Within 14 days."),
        faq(2, "Return period?", "You have 30 days to return."),
    ]
    chinese = [
        faq(3, "多久可以退货？", "7天内。", "zh-Hans"),
        faq(4, "退货期限？", "三十天内。", "zh-Hans"),
    ]
    other = faq(5, "How long is shipping?", "It takes 3 days.")
    findings = found(*english, *chinese, other)
    pairs = [{f.pair.first.passage_id, f.pair.second.passage_id} for f in findings]
    assert {"faq-1.en", "faq-2.en"} in pairs
    assert {"faq-3.zh", "faq-4.zh"} in pairs
    assert len(pairs) == 2
    assert {f.kind for f in findings} == {"contradiction"}


def test_an_entry_that_ends_before_the_other_begins_is_no_contradiction() -> None:
    old = replace(faq(1, "Return period?", "7 days."), valid_until=date(2026, 12, 31))
    new = replace(faq(2, "Return period?", "30 days."), valid_from=date(2027, 1, 1))
    gone = replace(faq(3, "Return period?", "9 days."), valid_until=date(2026, 1, 1))
    assert found(old, new, gone) == []
    assert len(found(replace(old, valid_until=None), new)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("How do I return in China?", "How do I return in the EU?"),
        ("国内退款多久？", "欧盟退款多久？"),
        ("Return period for Double-11 2025?", "Return period for Double-11 2026?"),
    ],
)
def test_questions_about_two_things_are_not_compared(first: str, second: str) -> None:
    lang: Literal["en", "zh-Hans"] = "en" if first.isascii() else "zh-Hans"
    assert found(faq(1, first, "7 days.", lang), faq(2, second, "9 days.", lang)) == []


def test_sections_of_one_document_are_not_compared() -> None:
    parts = [Passage(f"terms#{n}", "policy", "en", "Returns", f"{n} days.") for n in (7, 9)]
    assert found(*parts) == []
    apart = replace(parts[1], passage_id="old-terms#9")
    assert len(found(parts[0], apart)) == 1


def test_yes_against_no() -> None:
    findings = found(faq(1, "Can I return?", "Yes, you can."), faq(2, "Return it?", "No, never."))
    assert [clash.what for clash in findings[0].clashes] == ["answer"]


def test_the_same_text_twice_is_a_duplicate_and_says_so_last() -> None:
    text = "Send it to our warehouse and keep the receipt of the post office."
    findings = found(
        faq(1, "Where do I return to?", text),
        faq(2, "Address for a return?", text),
        faq(3, "Shipping time?", "2 days."),
        faq(4, "Shipping duration?", "5 days."),
    )
    assert [finding.kind for finding in findings] == ["contradiction", "duplicate"]


def test_translations_that_say_different_things() -> None:
    english = faq(1, "Return period?", "14 days.")
    chinese = faq(1, "退货期限？", "七天。", "zh-Hans")
    assert [f.pair.relation for f in found(english, chinese)] == ["translation"]
    assert found(english, replace(chinese, text="十四天。")) == []


def kettle(key: str, price: str, sku: str = "K17") -> Passage:
    return product_passage(
        Product(sku=sku, lang="en", name="Kettle K17", prices={"EUR": Decimal(price)}, key=key)
    )


def test_one_product_with_two_prices() -> None:
    findings = found(kettle("a", "39.90"), kettle("b", "44.90"))
    assert findings[0].clashes[0].what == "eur"
    assert [f.kind for f in found(kettle("a", "39.90"), kettle("b", "39.90"))] == ["duplicate"]


def test_a_price_told_elsewhere_is_compared_with_the_product() -> None:
    wrong = faq(1, "What is the K17?", "A kettle. The Kettle K17 costs €35.")
    findings = found(wrong, kettle("a", "39.90"))
    assert findings[0].pair.excerpt == "The Kettle K17 costs €35."
    assert found(replace(wrong, text="The Kettle K17 costs €39.90."), kettle("a", "39.90")) == []


def test_without_models_the_same_words_are_still_found() -> None:
    same = "You can return unused items in their box within {} days of delivery to our warehouse."
    pair = faq(1, "Return?", same.format(14)), faq(2, "Returning?", same.format(30))
    assert len(find(pair, None, TODAY)) == 1


def test_only_pairs_of_what_changed_are_reported() -> None:
    pair = faq(1, "Return?", "14 days."), faq(2, "Return?", "30 days.")
    assert find(pair, ByTopic(), TODAY, changed=frozenset({"faq-9.en"})) == []
    assert len(find(pair, ByTopic(), TODAY, changed=frozenset({"faq-2.en"}))) == 1


def test_many_entries_are_compared_over_blocks() -> None:
    passages = [faq(n, f"Return {'a' * n}?", "14 days.") for n in range(1100)]
    passages[3] = replace(passages[3], title="Return?")
    passages[1099] = replace(passages[1099], title="Return?", text="30 days.")
    vectors = np.zeros((1100, 1100), np.float32)
    np.fill_diagonal(vectors, 1)
    vectors[1099] = vectors[3]
    pairs = list(subject_pairs(comparable(passages), vectors, TODAY))
    assert [(p.first.passage_id, p.second.passage_id) for p in pairs] == [
        ("faq-3.en", "faq-1099.en")
    ]

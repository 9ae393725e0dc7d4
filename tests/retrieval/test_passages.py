from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.passages import (
    WINDOW_WEIGHT,
    Product,
    faq_passage,
    group_of,
    policy_passage,
    product_passage,
    search_text,
    search_texts,
)
from retrieval.text import simplified

KETTLE = Product(
    sku="ML-KET-1701",
    lang="en",
    name="Tidewell K17 Kettle",
    category="kettles",
    brand="Tidewell",
    prices={"CNY": Decimal(299), "EUR": Decimal("39.9")},
    stock={"CN": 0, "EU": 3},
    warranty_months=24,
    attributes={"Capacity": "1.7 L", "Power": "1800 W"},
    description="Boils a full jug in 6 minutes.",
)


def test_an_english_product_reads_as_an_english_page_would() -> None:
    passage = product_passage(KETTLE)
    assert passage.passage_id == "product-ML-KET-1701.en"
    assert passage.text.splitlines() == [
        "SKU: ML-KET-1701.",
        "Category: kettles.",
        "Brand: Tidewell.",
        "Price: €39.90 in the EU; ¥299 in China.",
        "Availability: only 3 left in the EU; out of stock in China.",
        "Warranty: 24 months (2 years).",
        "Capacity: 1.7 L; Power: 1800 W.",
        "Boils a full jug in 6 minutes.",
    ]


def test_a_chinese_product_names_its_own_region_first() -> None:
    passage = product_passage(
        replace(KETTLE, lang="zh-Hans", name="汐澜 K17 电热水壶", attributes={"容量": "1.7 升"})
    )
    assert passage.passage_id == "product-ML-KET-1701.zh"
    assert passage.group == "product-ML-KET-1701"
    assert "价格：中国¥299；欧盟€39.90。" in passage.text
    assert "库存：中国缺货；欧盟仅剩3件。" in passage.text
    assert "保修：24个月（2年）。" in passage.text
    assert "容量：1.7 升。" in passage.text


def test_a_product_of_one_region_says_where_it_is_not_sold() -> None:
    passage = product_passage(replace(KETTLE, prices={"CNY": Decimal("189.5"), "EUR": None}))
    assert "Price: not sold in the EU; ¥189.50 in China." in passage.text
    assert "price_eur" not in passage.attributes


def test_facts_are_kept_for_filters() -> None:
    attributes = product_passage(KETTLE).attributes
    assert attributes["sku"] == "ML-KET-1701"
    assert attributes["price_cny"] == "299"
    assert attributes["stock_eu"] == "3"
    assert attributes["Power"] == "1800 W"


def test_a_specification_cannot_overwrite_the_article_number() -> None:
    passage = product_passage(replace(KETTLE, attributes={"sku": "something else"}))
    assert passage.attributes["sku"] == "ML-KET-1701"


@pytest.mark.parametrize(
    ("passage_id", "group"),
    [
        ("faq-1.en", "faq-1"),
        ("faq-1.zh", "faq-1"),
        ("policy-returns.zh#3", "policy-returns#3"),
        ("plain", "plain"),
    ],
)
def test_translations_share_a_group(passage_id: str, group: str) -> None:
    assert group_of(passage_id) == group


def test_a_policy_section_names_its_policy() -> None:
    passage = policy_passage("policy-returns.en", "en", 2, "Returns", "Costs", "Free.")
    assert (passage.passage_id, passage.title) == ("policy-returns.en#2", "Returns – Costs")


def test_other_phrasings_are_searched() -> None:
    passage = faq_passage("f.en", "en", "Postage?", "Free.", alternatives=("Shipping fee?",))
    assert "Shipping fee?" in search_text(passage)
    assert "Shipping fee?" in search_texts(passage)[0]


def test_both_chinese_scripts_are_encoded_alike() -> None:
    traditional = faq_passage("f.zh", "zh-Hant", "滿多少免運費？", "訂單滿九十九元。")
    assert search_texts(traditional) == ("满多少免运费？\n订单满九十九元。",)
    assert traditional.text == "訂單滿九十九元。"


@given(st.text(max_size=6000), st.text(max_size=3000))
def test_a_long_text_is_encoded_whole_in_windows_that_fit(text: str, title: str) -> None:
    windows = search_texts(faq_passage("f", "en", title, text))
    assert windows
    title, text = simplified(title), simplified(text)
    head = title + "\n" if title else ""
    read = "".join(window.removeprefix(head) for window in windows)
    assert "".join(read.split()) == "".join(text.split()) or not text.strip()
    for window in windows:
        body = window.removeprefix(head)
        assert sum(1 if char < "\u0250" else 3 for char in body) <= WINDOW_WEIGHT

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.exact import MAX_SHARED, ExactIndex, model_codes
from tests.retrieval.shop import PASSAGES, product

INDEX = ExactIndex.build(PASSAGES)


def groups(found: frozenset[int]) -> set[str]:
    return {PASSAGES[position].group for position in found}


@pytest.mark.parametrize(
    "query",
    [
        "ML-KET-1701",
        "is ml-ket-1701 in stock?",
        "ml ket 1701",
        "mlket1701还有货吗",
        "ＭＬ－ＫＥＴ－１７０１",
        "ML_KET.1701",
    ],
)
def test_an_article_number_is_found_however_it_is_typed(query: str) -> None:
    by_sku, _ = INDEX.find(query)
    assert groups(by_sku) == {"product-ML-KET-1701"}


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("the K17 please", {"1701"}),
        ("K17和K17S有什么区别？", {"1701", "1711"}),
        ("k 17 or K17S", {"1701", "1711"}),
        ("山脊2能睡几个人", {"2101"}),
        ("Ridge 2 tent", {"2101"}),
        ("汐澜 K17 细嘴手冲壶 1.0升 多少钱", {"1701"}),
        ("k17s", {"1711"}),
        ("K-17S 有货吗", {"1711"}),
        ("Ｋ１７Ｓ", {"1711"}),
        ("K 17 S", {"1711"}),
        ("K17, K17S or the Ridge 2?", {"1701", "1711", "2101"}),
        ("比较K17、K17S和山脊2", {"1701", "1711", "2101"}),
        ("K19?", set()),
        ("K177", set()),
        ("2 persons", set()),
    ],
)
def test_models_and_names(query: str, skus: set[str]) -> None:
    _, by_name = INDEX.find(query)
    assert {group[-4:] for group in groups(by_name)} == skus


def test_a_code_found_in_one_language_counts_for_its_translation() -> None:
    _, by_name = INDEX.find("Ridge 2")
    assert {PASSAGES[position].lang for position in by_name} == {"en", "zh-Hans"}


def test_an_article_before_a_number_is_no_model() -> None:
    """ "a 1 year warranty" once found the suitcase A1."""
    index = ExactIndex.build([product("ML-LUG-6101", "Tramont A1 Hard Case 20 inch")])
    assert index.find("is there a 1 year warranty?") == (frozenset(), frozenset())
    assert index.find("is the A1 in stock?")[1]


def test_a_measure_in_a_name_is_no_model() -> None:
    index = ExactIndex.build(
        [
            product("P24", "Ironleaf Frying Pan 24 cm"),
            product("L30", "光屿 吊灯 直径30厘米", "zh-Hans"),
        ]
    )
    assert index.find("a pan 24 cm wide")[1] == frozenset()
    assert index.find("直径30的锅")[1] == frozenset()


def test_a_code_that_many_products_share_is_no_name() -> None:
    many = [product(f"B{n:04}", f"Bulb E27 type {chr(65 + n)}") for n in range(MAX_SHARED + 1)]
    assert ExactIndex.build(many).find("E27")[1] == frozenset()
    assert len(ExactIndex.build(many[:-1]).find("E27")[1]) == MAX_SHARED


def test_model_codes() -> None:
    assert model_codes("Is the K17S like 2 k19? 1.7L") == ["k17s", "k19"]


@given(st.text())
def test_no_query_breaks_it(query: str) -> None:
    INDEX.find(query)

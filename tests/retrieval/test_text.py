from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.text import MAX_WORD_CHARS, fold, guess_lang, has_han, numbers, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ｋ１７　ＫＥＴＴＬＥ", "k17 kettle"),
        ("頒布退貨政策", "颁布退货政策"),
        ("￥２９９", "¥299"),
        ("ket\u200btle\ufeff", "kettle"),
        ("STRASSE", "straße"),
    ],
)
def test_width_case_script_and_invisible_characters_do_not_matter(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text())
def test_folding_twice_is_folding_once_for_the_terms(text: str) -> None:
    assert terms(fold(text)) == terms(text)


@given(st.text())
def test_no_text_breaks_the_terms(text: str) -> None:
    for term in terms(text):
        assert term
        assert "\n" not in term  # the vocabulary is stored a term a line


def test_an_article_number_is_found_whole_and_in_parts() -> None:
    assert set(terms("ML-KET-1701")) == {"ml-ket-1701", "ml", "ket", "1701"}


def test_english_forms_meet_and_stop_words_go() -> None:
    assert terms("the deliveries") == terms("delivery")


def test_chinese_is_words_and_pairs_of_characters() -> None:
    assert {"退货", "货政", "政策"} <= set(terms("退货政策"))


def test_the_two_chinese_scripts_have_the_same_terms() -> None:
    assert terms("請問保固期多長？") == terms("请问保固期多长？")


def test_noise_does_not_swell_the_vocabulary() -> None:
    assert terms("x" * (MAX_WORD_CHARS + 1)) == []


def test_terms_are_the_same_from_many_threads() -> None:
    texts = ["running deliveries returned quickly 快递退货政策"] * 200
    with ThreadPoolExecutor(8) as pool:
        assert len({tuple(found) for found in pool.map(terms, texts)}) == 1


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("How long?", "en"),
        ("多久到货", "zh-Hans"),
        ("請問退貨", "zh-Hant"),
        ("K17 多少钱", "zh-Hans"),
        ("Сколько стоит", "other"),
        ("123 €", "other"),
        ("", "other"),
    ],
)
def test_language_by_script(text: str, lang: str) -> None:
    assert guess_lang(text) == lang


def test_numbers_lose_their_thousands_separators() -> None:
    assert numbers("１,299元, 39.90 and 3,5 in 7 days") == {"1299", "39.90", "3,5", "7"}


def test_has_han() -> None:
    assert has_han("K17壶")
    assert not has_han("K17 kettle")

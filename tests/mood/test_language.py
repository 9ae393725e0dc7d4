from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language import detect

LIST = Path(__file__).parent / "languages.tsv"
CASES = [tuple(line.split("\t")) for line in LIST.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("lang", "text"), CASES)
def test_the_language_of_a_message(lang: str, text: str) -> None:
    assert detect(text) == lang


@pytest.mark.parametrize(
    "text", ["", "2026-1003-8841", "😡", "???", "ML-KET-0907", "https://a.b/c"]
)
@pytest.mark.parametrize("fallback", ["en", "zh-Hans", "zh-Hant"])
def test_what_says_nothing_is_in_the_language_of_the_interface(text: str, fallback: str) -> None:
    assert detect(text, fallback) == fallback  # type: ignore[arg-type]


def test_characters_common_to_both_scripts_follow_the_interface() -> None:
    assert detect("保固三年", "zh-Hant") == "zh-Hant"
    assert detect("保固三年", "en") == "zh-Hans"


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("请问 same-day dispatch 的 cut-off 是几点? Answer in English please.", "en"),
        ("How long is the warranty? Please reply in Chinese", "zh-Hans"),
        ("How long is the warranty? 用中文回答", "zh-Hans"),
    ],
)
def test_a_customer_may_ask_for_a_language(text: str, lang: str) -> None:
    assert detect(text) == lang


@given(st.text(max_size=200))
def test_any_text_has_a_language(text: str) -> None:
    assert detect(text) in ("en", "zh-Hans", "zh-Hant", "other")

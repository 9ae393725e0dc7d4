"""Whatever a customer sends becomes a message that every database keeps, or a clear refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.intake import (
    BadIdError,
    EmptyTextError,
    TextTooLongError,
    check_id,
    clean_text,
    make_message,
    preferred_lang,
    to_lang,
)

ANY_TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=300)


@given(ANY_TEXT)
def test_a_clean_text_is_storable_and_within_the_limit(text: str) -> None:
    try:
        clean = clean_text(text, 200)
    except (EmptyTextError, TextTooLongError):
        return
    assert 0 < len(clean) <= 200
    assert "\x00" not in clean
    clean.encode("utf-8")
    assert clean == clean_text(clean, 200)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x01\x02", "\x1b"])
def test_nothing_readable_is_refused_as_empty(text: str) -> None:
    with pytest.raises(EmptyTextError):
        clean_text(text, 100)


@pytest.mark.parametrize("text", ["😀😀", "مرحبا", "退货", "a\nb", "<b>x</b>", "‏שלום"])
def test_unusual_texts_stay_as_they_are(text: str) -> None:
    assert clean_text(text, 100) == text


def test_a_long_text_is_refused_with_both_numbers() -> None:
    with pytest.raises(TextTooLongError, match=r"100,000 characters.*4,000"):
        clean_text("x" * 100_000, 4000)


def test_broken_surrogates_are_replaced() -> None:
    assert clean_text("a\ud800b", 10) == "a\ufffdb"


@pytest.mark.parametrize("value", ["chatwoot:1:42", "", "a b", "x" * 129, "../..", "名字", "a\n"])
def test_reserved_or_strange_ids_are_refused(value: str) -> None:
    with pytest.raises(BadIdError):
        check_id("conversation_id", value)


def test_a_message_gets_ids_nobody_can_guess() -> None:
    first, second = (make_message("hi", channel="api", limit=10) for _ in range(2))
    assert len({first.conversation_id, first.message_id, second.conversation_id}) == 3
    assert len(first.message_id) == 32
    assert first.received_at is not None
    assert first.received_at.tzinfo is not None


@pytest.mark.parametrize(
    ("tag", "lang"),
    [
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh_TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("EN-us", "en"),
        ("de", "other"),
        ("", None),
        (None, None),
    ],
)
def test_language_tags(tag: str | None, lang: str | None) -> None:
    assert to_lang(tag) == lang


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("fr", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en;q=0.5, zh-TW;q=0.9", "zh-Hant"),
        ("*;q=0.1,en", "en"),
        (",,;;q=,zh", "zh-Hans"),
    ],
)
def test_the_browser_chooses_the_language(header: str, lang: str) -> None:
    assert preferred_lang(header) == lang


@given(st.text(max_size=200))
def test_any_language_header_is_survived(header: str) -> None:
    assert preferred_lang(header) in ("en", "zh-Hans", "zh-Hant")

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.followup import FollowUps
from bot.intents import IntentReader
from bot.query import Understander
from bot.types import HistoryEntry, Intent, Message
from tests.mood.parts import WordEncoder
from tests.mood.test_followup import opening_decides, talk
from tests.mood.test_intents import intent_heads


def understander(encoder: WordEncoder) -> Understander:
    return Understander(
        IntentReader(encoder, intent_heads()), FollowUps(encoder, opening_decides())
    )


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def understand(encoder: WordEncoder) -> Understander:
    return understander(encoder)


def message(text: str, **more: str) -> Message:
    return Message("c-1", text, "test", **more)  # type: ignore[arg-type]


def test_a_question_is_looked_up_as_it_was_said(understand: Understander) -> None:
    query = understand(message("  Can I return worn shoes? "), ())
    assert query.text == "  Can I return worn shoes? "
    assert query.search_text == "Can I return worn shoes?"
    assert (query.lang, query.is_follow_up) == ("en", False)


def test_a_follow_up_is_completed_and_says_so(understand: Understander) -> None:
    query = understand(message("and express?"), talk("Delivery to Berlin?", "3 days."))
    assert query.search_text == "Delivery to Berlin?\nand express?"
    assert query.is_follow_up
    assert query.text == "and express?"


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "?!", "…"])
def test_a_message_without_a_word_has_nothing_to_look_up(
    understand: Understander, text: str
) -> None:
    query = understand(message(text), talk("Delivery to Berlin?"))
    assert query.search_text == ""


def test_an_order_number_is_in_the_language_of_the_talk(understand: Understander) -> None:
    assert (
        understand(message("2026-8841", interface_lang="en"), talk("我的包裹到哪了")).lang
        == "zh-Hans"
    )
    assert understand(message("2026-8841", interface_lang="zh-Hant"), ()).lang == "zh-Hant"
    assert understand(message("2026-8841"), ()).lang == "en"


def test_the_bots_language_does_not_count(understand: Understander) -> None:
    history = (HistoryEntry("customer", "where is my parcel"), HistoryEntry("bot", "在路上了"))
    assert understand(message("8841"), history).lang == "en"


def test_a_failing_encoder_leaves_the_question_as_it_stands(
    understand: Understander, encoder: WordEncoder
) -> None:
    encoder.error = RuntimeError("out of memory")
    query = understand(message("请问什么时候发货"), talk("你好"))
    assert (query.search_text, query.lang) == ("请问什么时候发货", "zh-Hans")
    assert (query.intent, query.intent_confidence) == (Intent.QUESTION, 0.0)


def test_fifty_thousand_characters_are_understood_from_their_beginning(
    understand: Understander, encoder: WordEncoder
) -> None:
    query = understand(message("weather " * 6250), talk("a question"))
    assert query.intent is Intent.OUT_OF_SCOPE
    assert max(map(len, encoder.encoded)) <= 2000


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=4))
def test_any_message_is_understood(text: str, earlier: list[str]) -> None:
    query = understander(WordEncoder())(message(text), talk(*earlier))
    assert query.text == text
    assert 0 <= query.intent_confidence <= 1
    assert query.search_text == "" or query.search_text.endswith(text.strip())

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ModelError
from bot.mood import EncoderMood, own_words, windows
from bot.remember import RememberingEncoder
from bot.types import HistoryEntry, Message, Mood
from tests.mood.parts import WordEncoder, mood_heads


def message(text: str) -> Message:
    return Message("c-1", text, "test")


def said(*texts: str) -> tuple[HistoryEntry, ...]:
    return tuple(HistoryEntry("customer", text) for text in texts)


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def mood(encoder: WordEncoder) -> EncoderMood:
    return EncoderMood(encoder, mood_heads(bias=0.0, now=1.0, before=0.3, repeated=1.0))


@pytest.mark.parametrize(
    ("text", "label", "unhappy"),
    [("I am angry", "negative", True), ("so happy", "positive", False), ("ok", "neutral", False)],
)
def test_label_and_flag(mood: EncoderMood, text: str, label: str, unhappy: bool) -> None:
    read = mood.read(message(text), ())
    assert (read.label, read.unhappy) == (label, unhappy)
    assert read.model == "test-mood"


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "…", "—", "()"])
def test_a_message_that_says_nothing_is_unknown_and_costs_no_pass(
    mood: EncoderMood, encoder: WordEncoder, text: str
) -> None:
    assert mood.read(message(text), ()).label == "unknown"
    assert encoder.encoded == []


@pytest.mark.parametrize("text", ["😡😡", "👍", "?!", "42", "Где мой заказ?"])
def test_emoji_marks_numbers_and_third_languages_are_read(mood: EncoderMood, text: str) -> None:
    assert mood.read(message(text), ()).label != "unknown"


def test_fifty_thousand_characters_are_read_in_four_windows(
    mood: EncoderMood, encoder: WordEncoder
) -> None:
    read = mood.read(message("fine " * 9990 + "now I am angry"), ())
    assert len(encoder.encoded) <= 4
    assert read.unhappy, "the end of a long message counts"


def test_a_customer_who_only_quotes_an_angry_review_is_not_flagged(mood: EncoderMood) -> None:
    quoted = mood.read(message("“I am so angry, angry, angry about this shop”"), ())
    assert (quoted.label, quoted.unhappy) == ("unknown", False)


def test_beside_a_quotation_the_own_words_count(mood: EncoderMood) -> None:
    text = '> I am angry about the late parcel\nhappy to see you answered "angry people, really angry ones" so'
    assert mood.read(message(text), ()).label == "positive"


def test_the_trend_rises_when_the_customer_gets_angrier_and_falls_when_calmer(
    mood: EncoderMood,
) -> None:
    assert mood.read(message("angry"), said("ok", "fine")).trend > 0.3
    assert mood.read(message("fine"), said("angry", "angry")).trend < -0.3
    assert mood.read(message("angry"), ()).trend == 0


def test_the_same_question_again_counts_as_frustration(mood: EncoderMood) -> None:
    once = mood.read(message("my question angry question"), said("happy weather"))
    again = mood.read(message("my question angry question"), said("my question angry question"))
    assert again.frustration > once.frustration


def test_the_words_of_the_bot_and_of_agents_do_not_count(mood: EncoderMood) -> None:
    others = (HistoryEntry("bot", "angry"), HistoryEntry("agent", "angry"))
    assert mood.read(message("ok"), others) == mood.read(message("ok"), ())


def test_a_mood_that_fails_is_unknown_and_the_turn_goes_on(
    mood: EncoderMood, encoder: WordEncoder
) -> None:
    encoder.error = RuntimeError("out of memory")
    read = mood.read(message("I am angry"), ())
    assert read == Mood(model="test-mood", error="RuntimeError: out of memory")


def test_a_message_whose_vector_is_known_costs_no_pass() -> None:
    words = WordEncoder()
    shared = RememberingEncoder(words)
    shared.encode(["where is my parcel"], "query")
    EncoderMood(shared, mood_heads()).read(message("where is my parcel"), ())
    assert words.encoded == ["where is my parcel"]


def test_reviews_are_read_with_their_quotations(mood: EncoderMood) -> None:
    assert mood.read_texts(['"I am angry, really angry, believe me"'])[0].label == "negative"


def test_a_head_of_another_encoder_is_refused() -> None:
    other = WordEncoder()
    other.name = "other"  # type: ignore[misc]
    with pytest.raises(ModelError):
        EncoderMood(other, mood_heads())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=6))
def test_any_conversation_has_a_mood(text: str, earlier: list[str]) -> None:
    reader = EncoderMood(WordEncoder(), mood_heads(bias=1.0, now=1.0, before=0.5, repeated=2.0))
    read = reader.read(message(text), said(*earlier))
    assert read.label in ("negative", "neutral", "positive", "unknown")
    assert 0 <= read.frustration <= 1
    assert -1 <= read.trend <= 1
    assert read.label == "unknown" or abs(sum(read.probabilities.values()) - 1) < 1e-4


@given(st.text(max_size=3000))
def test_windows_lose_nothing_of_a_text_that_fits(text: str) -> None:
    assert "".join(windows(text)) == text


@given(st.text(max_size=200))
def test_own_words_never_grow(text: str) -> None:
    assert len(own_words(text)) <= len(text)

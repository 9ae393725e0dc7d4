from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ModelError
from bot.followup import CLUES, FollowUps, clues
from bot.heads import Heads, Output
from bot.types import HistoryEntry
from tests.mood.parts import WordEncoder


def opening_decides() -> Heads:
    """A head that looks at one clue only: does the message begin like a continuation?"""
    weight = np.zeros((1, len(CLUES) + WordEncoder.dimension), np.float32)
    weight[0, CLUES.index("opening")] = 10
    output = Output(
        "follow_up",
        "sigmoid",
        ("follow_up",),
        weight,
        np.array([-5], np.float32),
        thresholds={"follow_up": 0.5},
    )
    return Heads("t", "words", len(CLUES) + WordEncoder.dimension, (), {"follow_up": output})


@pytest.fixture
def follow_ups() -> FollowUps:
    return FollowUps(WordEncoder(), opening_decides())


def talk(*texts: str) -> tuple[HistoryEntry, ...]:
    """Customer and bot in turn."""
    speakers = ("customer", "bot") * len(texts)
    return tuple(HistoryEntry(s, t) for s, t in zip(speakers, texts, strict=False))  # type: ignore[arg-type]


def test_a_follow_up_gets_the_customers_question_before_it(follow_ups: FollowUps) -> None:
    history = talk("How much is standard delivery?", "It costs €5.90.")
    completed = follow_ups.complete("and express?", history, "en")
    assert completed == "How much is standard delivery?\nand express?"


def test_a_follow_up_of_a_follow_up_reaches_the_question_it_is_about(
    follow_ups: FollowUps,
) -> None:
    history = talk("羽绒服怎么洗？", "30℃轻柔。", "那抓绒衣呢？", "也一样。")
    assert follow_ups.complete("那雨衣呢", history, "zh-Hans").split("\n") == [
        "羽绒服怎么洗？",
        "那抓绒衣呢？",
        "那雨衣呢",
    ]


def test_a_new_question_is_left_alone(follow_ups: FollowUps) -> None:
    history = talk("How much is standard delivery?", "It costs €5.90.")
    question = "Do you sell camping stoves?"
    assert follow_ups.complete(question, history, "en") == question


def test_without_history_nothing_is_completed(follow_ups: FollowUps) -> None:
    assert follow_ups.complete("and express?", (), "en") == "and express?"
    assert follow_ups.complete("and express?", talk(" ", "Hello!"), "en") == "and express?"


def test_a_long_story_before_a_follow_up_is_cut(follow_ups: FollowUps) -> None:
    completed = follow_ups.complete("and express?", talk("parcel " * 500), "en")
    assert len(completed) < 400


def test_a_head_for_other_vectors_is_refused() -> None:
    encoder = WordEncoder()
    encoder.dimension = 7  # type: ignore[misc]
    with pytest.raises(ModelError):
        FollowUps(encoder, opening_decides())


@pytest.mark.parametrize(
    ("text", "clue", "lang"),
    [
        ("ok, and in green?", "opening", "en"),
        ("is it waterproof", "pointing", "en"),
        ("what about points too?", "ending", "en"),
        ("那新疆呢？", "opening", "zh-Hans"),
        ("这款防水吗", "pointing", "zh-Hans"),
        ("學生呢？", "ending", "zh-Hant"),
        ("ML-KET-0907 in stock", "code", "en"),
    ],
)
def test_the_clues(text: str, clue: str, lang: str) -> None:
    assert clues(text, 0.9, lang)[CLUES.index(clue)] == 1  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(
    st.text(max_size=200),
    st.lists(st.text(max_size=50), max_size=5),
    st.sampled_from(["en", "zh-Hans", "other"]),
)
def test_completing_never_loses_the_message(text: str, earlier: list[str], lang: str) -> None:
    reader = FollowUps(WordEncoder(), opening_decides())
    assert reader.complete(text, talk(*earlier), lang).endswith(text)  # type: ignore[arg-type]

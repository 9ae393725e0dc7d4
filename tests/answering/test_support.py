"""The support score: what it adds to the guard, and when its floor may be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.guard import check, is_courtesy, says_none
from bot.answering.support import SHIPPED, Floors, Support
from bot.errors import ConfigError
from bot.models.adapters import READER, encoder_adapter
from bot.types import Reading

PASSAGES = (
    "Warranty\nFrame and hinge: 6 years. Brake pads and tyres are wear items and are excluded.",
    "Rental\nA tent costs ¥60 a day. The deposit is half the price.",
)
FLOORS = Floors(-1.5, -2.5, "reader-7", "written answers", 0.02, 0.74)


class Overlap:
    """A reader that counts the sentence's words in the passage; it remembers what it read."""

    name = "reader-7"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        self.asked.append(question)
        words = question.lower().split()
        return [Reading(sum(w in text.lower() for w in words) - 3.0) for text in passages]


def test_a_sentence_that_its_passage_does_not_bear_out_is_blocked() -> None:
    support = Support(Overlap(), 0.0, 0.0)
    said = "Brake pads and tyres are excluded [1]."
    assert check(said, PASSAGES, support=support).released
    verdict = check("Bells ring when rain falls [1].", PASSAGES, support=support)
    assert [problem.code for problem in verdict.problems] == ["support_low"]
    assert check("Bells ring when rain falls [1].", PASSAGES).released, "nothing else told"


def test_a_passage_in_the_other_language_has_its_own_floor() -> None:
    support = Support(Overlap(), 0.0, -9.0)
    assert check("Rain is excluded [1].", ["雨天\n雨天除外。"], support=support).released
    assert not check("Rain is excluded [1].", ["Rainy days\nNone."], support=support).released


def test_the_passage_that_supports_it_most_counts() -> None:
    support = Support(Overlap(), 0.0, 0.0)
    assert check("The deposit is half the price [1][2].", PASSAGES, support=support).released


@pytest.mark.parametrize(
    "sentence",
    ["You have 45 days [1].", "You're welcome!", "I don't have that information. [none]"],
)
def test_it_is_not_asked_about_what_is_blocked_anyway_or_states_nothing(sentence: str) -> None:
    reader = Overlap()
    check(sentence, PASSAGES, support=Support(reader, 100.0, 100.0))
    assert reader.asked == []


sentences = st.lists(
    st.sampled_from(
        ["brake pads", "are", "excluded", "the deposit", "is ¥60", "[1]", "[2]", "not", "6 years"]
    ),
    max_size=9,
).map(" ".join)


@given(sentences, st.floats(-5, 5), st.floats(-5, 5))
def test_a_higher_floor_never_lets_more_through(said: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    strict = check(said, PASSAGES, support=Support(Overlap(), high, high))
    mild = check(said, PASSAGES, support=Support(Overlap(), low, low))
    assert mild.released or not strict.released
    assert strict.cited == mild.cited


@given(st.one_of(sentences, st.text(max_size=80)))
def test_it_only_ever_adds_to_what_the_guard_says(said: str) -> None:
    plain = check(said, PASSAGES)
    none = check(said, PASSAGES, support=Support(Overlap(), float("-inf"), float("-inf")))
    every = check(said, PASSAGES, support=Support(Overlap(), float("inf"), float("inf")))
    assert none == plain
    assert [p for p in every.problems if p.code != "support_low"] == list(plain.problems)
    if every.released:
        assert says_none(said) or is_courtesy(every.sentence)


def test_a_floor_is_used_with_the_reader_it_was_fitted_for_only() -> None:
    fitted = Support.fitted(Overlap(), FLOORS)
    assert fitted is not None
    assert (fitted.same, fitted.across) == (-1.5, -2.5)
    other = replace(FLOORS, reader="reader-8")
    assert Support.fitted(Overlap(), other) is None
    assert Support.fitted(None, FLOORS) is None


def test_a_floor_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    FLOORS.save(tmp_path / "floor.json")
    assert Floors.load(tmp_path / "floor.json") == FLOORS


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"same": "much"})])
def test_a_damaged_floor_is_told_with_the_command_that_mends_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "floor.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="cannot be read") as told:
        Floors.load(path)
    assert "eval support --fit" in str(told.value.fix)


def test_the_shipped_floor_belongs_to_the_shipped_reader() -> None:
    key = encoder_adapter(READER).key
    assert Floors.load().reader.endswith(key), (
        f"run: shopkeeper eval support --fit ({SHIPPED.name})"
    )


def test_the_shipped_floor_blocks_few_sentences_that_are_right() -> None:
    assert Floors.load().false_block <= 0.08

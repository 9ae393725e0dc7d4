"""Which words drove a mood: pieces make up the text, and what carries the mood weighs most."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mood import Reading, says_something
from bot.why import MAX_UNITS, Why


def angry_about_broken(texts: Sequence[str]) -> list[Reading | None]:
    """Frustrated as far as `broken` or 坏 occurs; glad about `lovely`."""
    found: list[Reading | None] = []
    for text in texts:
        if not says_something(text):
            found.append(None)
            continue
        bad = 0.9 if "broken" in text or "坏" in text else 0.1
        good = 0.9 if "lovely" in text else 0.05
        found.append(Reading({"negative": 1 - good - 0.01, "neutral": 0.01, "positive": good}, bad))
    return found


def test_the_word_that_matters_stands_out() -> None:
    explained = Why(angry_about_broken)("My new lamp is broken again")
    levels = {word.text: explained.level(word) for word in explained.words}
    assert explained.of == "frustration"
    assert levels["broken"] == 4
    assert set(levels.values()) == {0, 4}


def test_of_a_glad_text_the_glad_words_are_shown() -> None:
    explained = Why(angry_about_broken)("What a lovely lamp")
    assert explained.of == "positive"
    assert max(explained.words, key=lambda word: word.weight).text == "lovely"


def test_chinese_is_cut_into_words() -> None:
    explained = Why(angry_about_broken)("才用两天就坏了")
    heaviest = max(explained.words, key=lambda word: word.weight)
    assert "坏" in heaviest.text
    assert len(heaviest.text) <= 2


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=900))
def test_the_pieces_make_up_the_text_and_passes_are_few(text: str) -> None:
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> list[Reading | None]:
        asked.append(len(texts))
        return angry_about_broken(texts)

    explained = Why(counted)(text)
    assert "".join(word.text for word in explained.words) == text
    assert asked[0] <= MAX_UNITS + 2
    assert len(asked) == 1, "one batch"


def test_fifty_thousand_characters_and_nothing_at_all() -> None:
    why = Why(angry_about_broken)
    assert "".join(word.text for word in why("x" * 50_000).words) == "x" * 50_000
    assert [word.weight for word in why("").words] == [0.0]

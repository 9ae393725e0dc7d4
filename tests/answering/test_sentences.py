"""Sentences of a stream: the same whatever the size of its pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.sentences import sentences, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One [1]. Two [2].", ["One [1].", "Two [2]."]),
        ("One. [1] Two. [2]", ["One. [1]", "Two. [2]"]),
        ("满99元包邮[1]。不满收8元[2]。", ["满99元包邮[1]。", "不满收8元[2]。"]),
        (
            "It costs €39.90 at 16:00, e.g. today [1]. Yes!",
            ["It costs €39.90 at 16:00, e.g. today [1].", "Yes!"],
        ),
        ("1. First thing [1]\n2. Second [2]", ["1. First thing [1]", "2. Second [2]"]),
        ("真的吗？！好的", ["真的吗？！", "好的"]),
        ("", []),
        ("no end", ["no end"]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(alphabet="aB1 .。！?[]\n，€", max_size=80), st.integers(1, 5))
def test_pieces_of_any_size_give_the_same_sentences(text: str, size: int) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(sentences(pieces)).replace(" ", "").replace("\n", "") == "".join(
        split(text)
    ).replace(" ", "").replace("\n", "")


def test_a_sentence_leaves_before_the_next_one_is_drafted() -> None:
    drafted: list[str] = []

    def stream() -> Iterator[str]:
        for piece in ["One [1].", " Two", " more [2]. ", "Three"]:
            drafted.append(piece)
            yield piece

    out = sentences(stream())
    assert next(out) == "One [1]."
    assert drafted == ["One [1].", " Two"]

"""Made-up shops for the reader: what is marked as answered is told, and nothing else is."""

from __future__ import annotations

import random
import tomllib

import pytest

from training.data.answers import WRITTEN
from training.data.shop_facts import DEV_FACTS, ShopQuestion, shop_questions


@pytest.fixture(scope="module")
def asked() -> list[ShopQuestion]:
    return list(shop_questions("train", 600, random.Random(2)))


def test_a_right_page_tells_the_fact_and_its_value_stands_in_it(asked: list[ShopQuestion]) -> None:
    for question in asked:
        for number in question.right:
            page = question.pages[number]
            place = page.place(question.key)
            assert place is not None
            (start, end), (low, high) = place
            assert start <= low < high <= end <= len(page.text())
            piece = next(piece for piece in page.pieces if piece.key == question.key)
            assert page.text()[start:end] == piece.text
            assert page.text()[low:high] == piece.value


def test_where_nothing_is_marked_the_first_page_is_silent(asked: list[ShopQuestion]) -> None:
    silent = [question for question in asked if not question.right]
    assert len(silent) > 200
    for question in silent:
        assert question.pages[0].place(question.key) is None


def test_the_model_next_to_it_tells_the_fact_and_is_not_right(asked: list[ShopQuestion]) -> None:
    pairs = [question for question in asked if len(question.pages) == 2]
    assert len(pairs) > 200
    for question in pairs:
        assert question.pages[1].place(question.key) is not None
        assert 1 not in question.right
        assert question.pages[0].title != question.pages[1].title


def test_no_placeholder_is_left(asked: list[ShopQuestion]) -> None:
    for question in asked:
        for text in (question.text, *(page.text() for page in question.pages)):
            assert "{" not in text
            assert "|" not in text


def test_both_languages_ask_and_tell(asked: list[ShopQuestion]) -> None:
    def chinese(text: str) -> bool:
        return any("\u4e00" <= char <= "\u9fff" for char in text)

    seen = {(q.lang, chinese(q.pages[0].pieces[0].text)) for q in asked}
    assert seen == {("en", False), ("en", True), ("zh", False), ("zh", True)}


def test_facts_of_dev_are_neither_asked_nor_told_in_training(asked: list[ShopQuestion]) -> None:
    told = {piece.key.split("/")[0] for q in asked for page in q.pages for piece in page.pieces}
    assert not told & DEV_FACTS
    dev = shop_questions("dev", 60, random.Random(2))
    assert {question.key.split("/")[0] for question in dev} <= DEV_FACTS


def test_the_same_seed_makes_the_same_questions() -> None:
    first, second = (list(shop_questions("train", 20, random.Random(9))) for _ in range(2))
    assert first == second


def test_every_fact_is_written_in_both_languages() -> None:
    written = tomllib.loads((WRITTEN / "facts.toml").read_text("utf-8"))
    for key, fact in (written["product"] | written["service"]).items():
        for field in ("value", "ask", "say"):
            english, chinese = fact[field]
            assert english, (key, field)
            assert chinese, (key, field)
    assert not written["product"].keys() & written["service"].keys()
    goods = [wordings.split("|") for wordings in written["names"]["goods"]]
    assert len(goods[0]) == len(goods[1])
    assert written["product"].keys() | written["service"].keys() >= DEV_FACTS

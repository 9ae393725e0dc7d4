"""An empty chat suggests questions that this shop can answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.examples import SHOWN, examples, spread
from bot.config import Settings
from bot.types import Lang, Passage
from tests.channels.fakes import Shop, open_shop

TODAY = date(2026, 11, 22)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


def faq(number: int, title: str, lang: Lang = "en", until: date | None = None) -> Passage:
    return Passage(f"faq-{number:02d}", "faq", lang, title, "Yes.", valid_until=until)


def test_they_are_the_shops_own_questions_and_no_other_shops(shop: Shop) -> None:
    assert examples(Settings(), shop.parts.knowledge, TODAY) == {"en": (), "zh": ()}
    shop.parts.knowledge.upsert(
        [
            *(faq(number, f"Do you deliver to place {number}?") for number in range(40)),
            faq(50, "What is in the Christmas box?", until=date(2026, 1, 6)),
            faq(51, "Price list"),
            Passage("p", "product", "en", "Is this a kettle, you ask?", "Yes."),
            *(
                faq(60 + n, title, "zh-Hans")
                for n, title in enumerate(("包邮吗？", "送到新疆吗？"))
            ),
        ]
    )
    found = examples(Settings(), shop.parts.knowledge, TODAY)
    places = [int(title.split()[-1][:-1]) for title in found["en"]]
    assert len(places) == SHOWN
    assert max(places) - min(places) >= 20
    assert found["zh"] == ("送到新疆吗？",)


def test_the_first_question_of_each_large_topic_is_the_plainest(shop: Shop) -> None:
    sizes = {"returns": 5, "delivery": 4, "payment": 3, "warranty": 2, "fapiao": 1}
    shop.parts.knowledge.upsert(
        [
            Passage(f"faq-{topic}-{n:02d}.en", "faq", "en", f"Question {n} of {topic}?", "Yes.")
            for topic, size in sizes.items()
            for n in range(1, size + 1)
        ]
    )
    found = examples(Settings(), shop.parts.knowledge, TODAY)["en"]
    topics = ("returns", "delivery", "payment", "warranty")
    assert found == tuple(f"Question 1 of {topic}?" for topic in topics)


def test_a_shop_in_one_language_suggests_in_that_one(shop: Shop) -> None:
    shop.parts.knowledge.upsert([faq(1, "满多少可以包邮？", "zh-Hans")])
    assert examples(Settings(), shop.parts.knowledge, TODAY)["en"] == ("满多少可以包邮？",)


def test_the_owner_may_choose(shop: Shop) -> None:
    shop.parts.knowledge.upsert([faq(1, "Do you deliver to Norway?")])
    chosen = Settings(examples_en=" Where are you? | |Open on Sunday?")
    found = examples(chosen, shop.parts.knowledge, TODAY)
    assert found["en"] == ("Where are you?", "Open on Sunday?")


@given(st.lists(st.text(), unique=True), st.integers(1, 9))
def test_spreading_takes_different_ones_in_order(items: list[str], count: int) -> None:
    taken = spread(items, count)
    assert len(taken) == min(count, len(items))
    places = [items.index(one) for one in taken]
    assert places == sorted(set(places))

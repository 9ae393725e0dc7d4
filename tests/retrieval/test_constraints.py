from __future__ import annotations

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.colours import colours_in, colours_of
from retrieval.constraints import is_shopping, wishes_of
from retrieval.measures import measures_of, number_of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("under 50 €, waterproof, size 42", ["size 42", "price ≤ 50 EUR"]),
        ("200元以下的防水背包", ["price ≤ 200 CNY"]),
        ("２００元以下", ["price ≤ 200 CNY"]),
        ("between 30 and 60", ["price 30–60"]),
        ("€30-60", ["price 30–60 EUR"]),
        ("背包 100~200元", ["price 100–200 CNY"]),
        ("20到30元之间", ["price 20–30 CNY"]),
        ("三百以内的电饭煲", ["price ≤ 300"]),
        ("两百块以内的记忆棉枕", ["price ≤ 200 CNY"]),
        ("兩百五以下的", ["price ≤ 250"]),
        ("不超过一千块", ["price ≤ 1000 CNY"]),
        ("比200便宜", ["price ≤ 200"]),
        ("预算200左右", ["price ≤ 200"]),
        ("around 40 euro", ["price 34–46 EUR"]),
        ("not more than 200 yuan", ["price ≤ 200 CNY"]),
        ("50 € or less", ["price ≤ 50 EUR"]),
        ("1,299.00元以下", ["price ≤ 1299 CNY"]),
        ("under $50", ["price ≤ 50 USD"]),
        ("HK$300以下", ["price ≤ 300 HKD"]),
        ("at least 1.5 l", ["volume ≥ 1500 ml"]),
        ("no less than 2 kg", ["mass ≥ 2000 g"]),
        ("有没有2千克以内的帐篷", ["mass ≤ 2000 g"]),
        ("lighter than 3 kg", ["mass ≤ 3000 g"]),
        ("在1升和2升之间", ["volume 1000–2000 ml"]),
        ("充电宝至少20000毫安时", ["charge ≥ 20000 mAh"]),
        ("more than 30 hours of battery", ["time ≥ 1800 min"]),
        ("at least a 2-year warranty", ["period ≥ 24 months"]),
        ("comfort below 0 °C", ["temperature ≤ 0 °C"]),
        ("零下5度", ["temperature = -5 °C"]),
        ("the 1.7 L one", ["volume = 1700 ml"]),
        ("in stock", ["in stock"]),
        ("有货吗", ["in stock"]),
        ("in stock in Germany", ["in stock eu"]),
        ("red one in size M", ["size m", "colour red"]),
        ("藏青色 M码", ["size m", "colour blue"]),
        ("42码的黑色跑鞋", ["size 42", "colour black"]),
    ],
)
def test_what_a_question_demands(text: str, said: list[str]) -> None:
    assert [str(wish) for wish in wishes_of(text)] == said


@pytest.mark.parametrize(
    "text",
    [
        "within 30 days",
        "满99元包邮",
        "What tax is there on an €80 item?",
        "at most 5 items",
        "最多一个",
        "第2件半价",
        "when is it back in stock?",
        "什么时候有货",
        "ML-KET-1701",
        "K17和K17S有什么区别",
        "order 12345 is 3 days late",
        "我买了三百块的东西",
        "明白的",
        "第一单还能并一起吗",
        "My feet fall halfway between 41 and 42",
        "a list of sizes",
        "",
        "\ud800",
    ],
)
def test_an_ordinary_question_demands_nothing(text: str) -> None:
    assert wishes_of(text) == ()


def test_a_later_line_replaces_what_an_earlier_one_said_of_the_same_thing() -> None:
    wishes = wishes_of("a black case in 20 inch\n24寸的呢")
    assert {str(wish) for wish in wishes} == {"colour black", "length = 609.6 mm"}


def test_a_bound_beats_a_plain_measure_of_the_same_thing() -> None:
    (wish,) = wishes_of("a 2 kg tent, lighter than 2 kg")
    assert not wish.exact


@given(st.text())
def test_no_question_breaks_the_parser(text: str) -> None:
    for wish in wishes_of(text):
        assert wish.low <= wish.high
        assert str(wish)
    is_shopping(text)


_PIECES = st.sampled_from(
    [
        "under",
        "over",
        "at",
        "most",
        "以下",
        "以内",
        "不超过",
        "between",
        "and",
        "to",
        "到",
        "-",
        "€",
        "¥",
        "元",
        "块",
        "kg",
        "升",
        "l",
        "mm",
        "码",
        "size",
        "42",
        "1,5",
        "1.299,00",
        "三百",
        "半",
        "零下",
        "〇",
        "点",
        "两",
        "，",
        ".",
        "\n",
        "在",
        "之间",
        "比",
        "便宜",
        "in",
        "stock",
        "有货",
        "red",
        "红色",
    ]
)


@given(st.lists(_PIECES, max_size=12))
def test_no_mixture_of_its_own_words_breaks_the_parser(pieces: list[str]) -> None:
    for wish in wishes_of(" ".join(pieces)) + wishes_of("".join(pieces)):
        assert wish.low <= wish.high


@given(st.integers(1, 10**6), st.sampled_from(["under {} €", "{}欧元以下", "at most {} euros"]))
def test_a_price_is_read_as_it_is_written(price: int, phrase: str) -> None:
    for written in (str(price), f"{price:,}", f"{price}.00"):
        (wish,) = wishes_of(phrase.format(written))
        assert (wish.kind, wish.high, wish.currencies) == ("price", price, ("EUR",))


@given(
    st.integers(1, 5000),
    st.sampled_from([("{} g", 1), ("{}克", 1), ("{} kg", 1000), ("{}公斤", 1000), ("{}斤", 500)]),
)
def test_units_are_converted(amount: int, unit: tuple[str, int]) -> None:
    written, factor = unit
    (wish,) = wishes_of(f"at least {written.format(amount)}")
    assert (wish.dimension, wish.low) == ("mass", amount * factor)


@pytest.mark.parametrize(
    ("value", "measures"),
    [
        ("1.0 L", [("volume", 1000, 1000)]),
        ("10,000 mAh (37 Wh)", [("charge", 10000, 10000), ("energy", 37, 37)]),
        ("3 L, for 2–4 people", [("volume", 3000, 3000), ("people", 2, 4)]),
        ("200 × 230 cm", [("length", 2000, 2000), ("length", 2300, 2300)]),
        ("comfort −5 °C", [("temperature", -5, -5)]),
        ("20-30 °C", [("temperature", 20, 30)]),
        ("双人帐篷", [("people", 2, 2)]),
        ("两升半", [("volume", 2000, 2000)]),
        ("2700 K, E27, ML-KET-1701 l", []),
    ],
)
def test_measures_of_a_product(value: str, measures: list[tuple[str, float, float]]) -> None:
    assert [(m.dimension, m.low, m.high) for m in measures_of(value)] == measures


@given(st.text())
def test_no_value_breaks_the_measures(value: str) -> None:
    for measure in measures_of(value):
        assert measure.low <= measure.high


@given(st.text("零〇一二两三四五六七八九十百千万半点0123456789,.", max_size=12))
def test_no_number_breaks_the_reader(text: str) -> None:
    value = number_of(text)
    assert value is None or value >= 0


@given(st.integers(0, 10**9))
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    chinese = str(cn2an.an2cn(number))
    assert {number_of(text) for text in (str(number), f"{number:,}", chinese)} == {number}


def test_colours() -> None:
    assert colours_in("a navy jacket") == {"blue"}
    assert colours_in("有没有红色的") == {"red"}
    assert colours_in("a cherry pie, my rose") == frozenset()
    assert colours_of("鼠尾草绿") == {"green"}
    assert colours_of("harbour blue") == colours_of("海港蓝") == {"blue"}
    assert colours_of("炭黑") == {"grey"}


def test_shopping() -> None:
    assert is_shopping("Which kettle is the lightest?")
    assert is_shopping("有没有防水的？")
    assert not is_shopping("Is the K17 waterproof?")

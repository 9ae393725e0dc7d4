"""The reader that ships, with its real weights: it ranks, points, and reads what is long."""

from __future__ import annotations

import numpy as np
import pytest

from bot.config import load_settings
from bot.models.runtime import load_reader
from retrieval.reader import CrossReader

pytestmark = pytest.mark.models

CLEANING = (
    "Cleaning\nCleaning is included in the price. Please do not wash or iron the costumes yourself; "
    "damage from washing costs at least €35. Make-up stains on white collars cost €8. "
    "Wigs are disinfected after each rental."
)
MEMBERS = "会员专享退货\n山友会员可享受30天无理由退货，每年限3次，我们承担退货运费。贴身衣物和炉具气罐除外。会员年费为128元。"
SHIPPING = "Delivery\nDelivery within Germany takes three days and costs €4.90."
SHIPPING_ZH = "运费\n德国境内三天送达，运费4.90欧元。"


@pytest.fixture(scope="module")
def reader() -> CrossReader:
    return load_reader(load_settings())


@pytest.mark.parametrize(
    ("question", "passages", "needed"),
    [
        ("Are the wigs disinfected?", (CLEANING, SHIPPING, MEMBERS), "Wigs are disinfected"),
        ("会员费一年多少钱？", (MEMBERS, SHIPPING_ZH, CLEANING), "会员年费"),
        ("How much does delivery to Germany cost?", (SHIPPING, CLEANING), "€4.90"),
        ("寄到德国运费多少？", (SHIPPING_ZH, MEMBERS), "4.90"),
    ],
)
def test_the_passage_that_answers_is_told_and_where(
    reader: CrossReader, question: str, passages: tuple[str, ...], needed: str
) -> None:
    readings = reader.read(question, passages)
    assert int(np.argmax([reading.logit for reading in readings])) == 0
    # A title names what follows; what is quoted comes from the text below it (retrieval/rerank.py).
    below = passages[0].index("\n")
    sentences = [sentence for sentence in readings[0].sentences if sentence.end > below]
    best = max(sentences, key=lambda sentence: sentence.needed)
    assert needed in passages[0][best.start : best.end]


def test_a_question_in_one_language_finds_its_answer_in_the_other(reader: CrossReader) -> None:
    for question, passages in (
        ("寄到德国运费多少？", [SHIPPING, CLEANING]),
        ("How much does delivery to Germany cost?", [SHIPPING_ZH, MEMBERS]),
    ):
        right, wrong = reader.read(question, passages)
        assert right.logit > wrong.logit


def test_the_end_of_a_long_passage_is_read_too(reader: CrossReader) -> None:
    text = (
        "Our house has many rooms and a garden. " * 90 + "Wigs are disinfected after each rental."
    )
    (reading,) = reader.read("Are the wigs disinfected?", [text])
    best = max(reading.sentences, key=lambda sentence: sentence.needed)
    assert text[best.start : best.end].startswith("Wigs")
    start, end = reading.span
    assert 0 <= start < end <= len(text)


@pytest.mark.parametrize("text", ["", " ", "😀", "\x00\ufeff", "a" * 5000])
def test_odd_passages_and_questions_are_read_without_a_fuss(reader: CrossReader, text: str) -> None:
    for question in ("What?", text):
        (reading,) = reader.read(question, [text])
        assert np.isfinite(reading.logit)
    assert reader.read("What?", []) == []

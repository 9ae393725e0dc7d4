"""What is quoted and shown of a passage: what answers, and never text that is not there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.answering.evidence import (
    answer_place,
    needed_places,
    quoted,
    shown,
    to_quote,
    worth_showing,
)
from bot.types import EvidenceSentence, Hit, Passage, PassageKind, Reading
from retrieval.spans import sentence_spans

SHEET = (
    "Kettle K17S holds 1.7 litres. It is made of stainless steel. The cable is 75 cm long. "
    "It switches itself off when the water boils. The base turns by 360 degrees. "
    "The warranty is 24 months. Scale is not covered by the warranty. It weighs 1.1 kg. "
    "It comes in black and in white. Replacement filters are sold separately. "
    "The lid opens by a button in the handle. The packaging is made of recycled cardboard."
)


def read(text: str, needed: dict[str, float], logit: float = 3.0) -> Hit:
    sentences = tuple(
        EvidenceSentence(a, b, next((p for key, p in needed.items() if key in text[a:b]), 0.01))
        for a, b in sentence_spans(text)
    )
    return Hit(
        Passage("p1", "product", "en", "Kettle", text), 1.0, reading=Reading(logit, sentences)
    )


def test_one_line_is_quoted_of_a_long_sheet() -> None:
    hit = read(SHEET, {"cable": 0.9})
    assert quoted(hit, 700) == "Kettle: The cable is 75 cm long."
    assert [SHEET[a:b] for a, b in needed_places(hit)] == ["The cable is 75 cm long."]


def test_a_condition_beside_the_answer_is_quoted_with_it() -> None:
    hit = read(SHEET, {"24 months": 0.9, "Scale": 0.7})
    assert quoted(hit, 700) == (
        "Kettle: The warranty is 24 months. Scale is not covered by the warranty."
    )


def test_what_was_left_out_between_two_sentences_is_marked() -> None:
    hit = read(SHEET, {"1.7": 0.9, "1.1": 0.8})
    assert quoted(hit, 700) == "Kettle: Kettle K17S holds 1.7 litres. … It weighs 1.1 kg."


def test_a_short_passage_and_an_unread_one_are_quoted_whole() -> None:
    short = read("Delivery costs ¥8. It is free from ¥99.", {"free": 0.9})
    assert quoted(short, 700) == f"Kettle: {short.passage.text}"
    unread = replace(read(SHEET, {}), reading=None)
    assert quoted(unread, 700) == f"Kettle: {SHEET}"
    assert shown(unread) == SHEET
    assert needed_places(unread) == ()


def test_lines_that_only_file_a_product_away_are_not_quoted() -> None:
    sheet = "SKU: ML-1.\nCategory: kettles.\nBrand: Tide.\nPrice: €44.90.\n" + "Holds water. " * 20
    hit = read(sheet, {"SKU": 0.9, "Price": 0.6})
    assert quoted(hit, 700) == "Kettle: Price: €44.90."


def test_the_neighbours_of_a_needed_sentence_are_shown() -> None:
    text = shown(read(SHEET, {"24 months": 0.9}))
    assert "The warranty is 24 months. Scale is not covered" in text
    assert "cardboard" not in text


def test_hits_far_behind_the_best_are_not_shown() -> None:
    hits = [read(SHEET, {}, logit) for logit in (4.0, 3.0, -3.0)]
    assert worth_showing(hits) == tuple(hits[:2])
    named = replace(hits[2], exact=True)
    assert worth_showing([*hits[:2], named]) == (*hits[:2], named)
    assert worth_showing([]) == ()


@given(
    st.text(max_size=600),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700), st.floats(0, 1)), max_size=8),
)
def test_nothing_is_quoted_that_the_passage_does_not_hold(
    text: str, places: list[tuple[int, int, float]]
) -> None:
    sentences = tuple(EvidenceSentence(min(a, b), max(a, b), p) for a, b, p in places)
    hit = Hit(Passage("p", "faq", "en", "", text), 1.0, reading=Reading(0.0, sentences))
    for said in (quoted(hit, 700), shown(hit)):
        for part in said.split(" … "):
            assert part.rstrip("…") in text


def test_the_best_passage_is_quoted_and_one_that_answers_as_well() -> None:
    best, near, far = (
        read(text, {}, logit)
        for text, logit in (("Open at nine.", 4.0), ("Open daily.", 3.8), ("Shut on Sundays.", 1.0))
    )
    assert to_quote([best, near, far], "en") == (1, 2)
    assert to_quote([best, far, near], "en") == (1, 3)
    assert to_quote([best, far], "en") == (1,)


def test_the_generators_word_widens_and_narrows_what_is_quoted_beside() -> None:
    best, other = read("Open at nine.", {}, 4.0), read("Closed on Sundays.", {}, 2.8)
    assert to_quote([best, other], "en") == (1,), "the reader alone finds it too far behind"

    def judged(first: float, second: float) -> tuple[int, ...]:
        return to_quote([replace(best, judged=first), replace(other, judged=second)], "en")

    assert judged(2.0, 1.5) == (1, 2)
    assert judged(2.0, 0.5) == (1,), "much less sure of it"
    assert judged(-3.0, -0.5) == (1,), "it says no"
    assert judged(0.5, 3.0) == (1, 2)


def test_two_products_that_were_named_are_both_quoted() -> None:
    one, other = (
        replace(read(text, {}, logit), exact=True)
        for text, logit in (("K17: 1.7 litres.", 4.0), ("K12: 1.2 litres.", 0.0))
    )
    assert to_quote([one, other], "en") == (1, 2)


def test_nothing_is_quoted_in_another_language_unread_or_twice() -> None:
    hit = read("Open at nine.", {}, 4.0)
    assert to_quote([hit], "zh-Hans") == ()
    assert to_quote([hit], "other") == ()
    assert to_quote([replace(hit, reading=None)], "en") == ()
    assert to_quote([], "en") == ()
    assert to_quote([hit, hit], "en") == (1,)


def pointing(text: str, answer: str, sure: float, kind: PassageKind = "faq") -> Hit:
    at = text.find(answer)
    hit = read(text, {"24 months": 0.9})
    hit = replace(hit, passage=replace(hit.passage, kind=kind))
    assert hit.reading
    return replace(hit, reading=replace(hit.reading, span=(at, at + len(answer)), span_score=sure))


def test_the_answer_is_marked_without_what_stands_around_it() -> None:
    hit = pointing(SHEET, " 1.1 kg. ", 0.9)
    place = answer_place(hit)
    assert place is not None
    assert SHEET[slice(*place)] == "1.1 kg"


def test_what_is_marked_is_quoted_whatever_else_is() -> None:
    assert "1.1 kg" in quoted(pointing(SHEET, "1.1 kg", 0.9), 700)
    assert "1.1 kg" not in quoted(pointing(SHEET, "1.1 kg", 0.01), 700)


def test_on_a_product_sheet_only_a_needed_line_is_marked() -> None:
    assert answer_place(pointing(SHEET, "1.1 kg", 0.9, "product")) is None
    place = answer_place(pointing(SHEET, "24 months", 0.9, "product"))
    assert place is not None
    assert SHEET[slice(*place)] == "24 months"


def test_nothing_is_marked_without_being_sure() -> None:
    assert answer_place(pointing(SHEET, "1.1 kg", 0.01)) is None
    assert answer_place(pointing(SHEET, " . ", 0.9)) is None
    assert answer_place(replace(read(SHEET, {}), reading=None)) is None


@given(st.text(max_size=200), st.integers(-9, 250), st.integers(-9, 250))
def test_a_mark_lies_inside_the_text_and_its_evidence(text: str, start: int, end: int) -> None:
    sentences = tuple(EvidenceSentence(a, b, 0.1) for a, b in sentence_spans(text))
    span = (max(0, start), max(0, end))
    hit = Hit(Passage("p", "faq", "en", "", text), 1.0, reading=Reading(0.0, sentences, span, 0.9))
    place = answer_place(hit)
    if place is not None:
        assert 0 <= place[0] < place[1] <= len(text)
        assert text[slice(*place)].strip()
        places = needed_places(hit)
        assert any(a <= place[0] < b for a, b in places)
        assert any(a < place[1] <= b for a, b in places)

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.types import Passage, Query
from retrieval.edits import apply, compact, difference, rebase
from retrieval.index import HybridIndex
from retrieval.passage_file import content_hash
from retrieval.retriever import HybridRetriever
from tests.retrieval.fakes import FakeEncoder, faq
from tests.retrieval.shop import PASSAGES, TODAY, ask
from tests.retrieval.test_index import QUESTIONS

ENCODER = FakeEncoder()
START = HybridIndex.build(PASSAGES, ENCODER)


def rankings(index: HybridIndex) -> list[list[tuple[float, str]]]:
    """Hits with their scores, without the order of equals."""
    retriever = HybridRetriever(index, FakeEncoder(), day=lambda: TODAY)
    found = [retriever.search(ask(question), 30).hits for question in QUESTIONS]
    return [sorted((round(h.score, 3), h.passage.passage_id) for h in hits) for hits in found]


def ids(index: HybridIndex, text: str) -> list[str]:
    hits = HybridRetriever(index, ENCODER, day=lambda: TODAY).search(ask(text), 10).hits
    return [hit.passage.passage_id for hit in hits]


def test_only_new_texts_are_encoded() -> None:
    encoder = FakeEncoder()
    changed = [
        replace(PASSAGES[4], text="Visa only."),
        replace(PASSAGES[5], valid_until=date(2030, 1, 1)),
        faq("faq-new.en", "Do you wrap gifts?"),
    ]
    edited = apply(START, changed, ["faq-ret.zh"], encoder)
    assert len(encoder.passages_encoded()) == 2
    assert edited.manifest.content_hash != START.manifest.content_hash
    assert START.manifest.content_hash == content_hash(PASSAGES)  # the old one is as it was


def test_what_was_put_in_replaced_or_taken_out_counts_at_once() -> None:
    new = faq("faq-gift.en", "Do you wrap gifts?")
    edited = apply(START, [new], [], ENCODER)
    assert ids(edited, "wrap gifts")[0] == "faq-gift.en"
    edited = apply(edited, [replace(new, title="Is there gift paper?", text="Yes.")], [], ENCODER)
    assert ids(edited, "gift paper")[0] == "faq-gift.en"
    assert [p.title for p in edited.live() if p.passage_id == "faq-gift.en"] == [
        "Is there gift paper?"
    ]
    edited = apply(edited, [], ["faq-gift.en", "faq-ship.en", "faq-unknown"], ENCODER)
    assert "faq-gift.en" not in ids(edited, "gift paper")
    assert "faq-ship.en" not in ids(edited, "How long does delivery take?")


def test_a_later_translation_joins_its_entry() -> None:
    later = faq("faq-pay.zh", "可以刷什么卡？", lang="zh-Hans", group="faq-pay")
    edited = apply(START, [later], [], ENCODER)
    first, second = (edited.positions_of([name])[0] for name in ("faq-pay.en", "faq-pay.zh"))
    assert edited.translations([first]) == edited.translations([second]) == {first, second}
    customer = Query("刷什么卡", "zh-Hans", "Which cards do you take?")
    hits = HybridRetriever(edited, ENCODER).search(customer).hits
    assert hits[0].passage.passage_id == "faq-pay.zh"


def test_an_article_number_put_in_later_is_found_exactly() -> None:
    product = replace(
        PASSAGES[7],
        passage_id="product-ZZ-1.en",
        group="product-ZZ-1",
        title="Zeppelin",
        attributes={"sku": "ZZ-900"},
    )
    hits = HybridRetriever(apply(START, [product], [], ENCODER), ENCODER).search(ask("zz 900")).hits
    assert hits[0].passage.passage_id == "product-ZZ-1.en"
    assert hits[0].exact


@pytest.mark.parametrize("passages", [(), PASSAGES[:2], PASSAGES])
def test_an_empty_index_can_grow_and_shrink(passages: tuple[Passage, ...]) -> None:
    empty = HybridIndex.build((), ENCODER)
    changed, gone = difference(empty, passages)
    grown = apply(empty, changed, gone, ENCODER)
    assert rankings(compact(grown)) == rankings(HybridIndex.build(passages, ENCODER))
    shrunk = compact(apply(grown, [], [p.passage_id for p in passages], ENCODER))
    assert list(shrunk.live()) == []


def test_an_index_of_words_only_is_edited_too() -> None:
    index = apply(HybridIndex.build(PASSAGES, None), [faq("a", "Zebra rental?")], [], None)
    for edited in (index, compact(index)):
        hits = HybridRetriever(edited, None, mode="lexical").search(ask("zebra")).hits
        assert [hit.passage.passage_id for hit in hits] == ["a"]


def test_edits_made_while_joining_are_kept() -> None:
    start = apply(START, [faq("a", "Alpha?"), faq("b", "Beta?"), faq("c", "Gamma?")], [], ENCODER)
    now = apply(start, [faq("b", "Bravo?"), faq("d", "Delta?")], ["a", "faq-ship.en"], ENCODER)
    encoder = FakeEncoder()
    rebased = rebase(start, now, compact(start))
    assert not encoder.encoded
    assert sorted(rebased.live(), key=key) == sorted(now.live(), key=key)
    assert rebased.manifest.content_hash == now.manifest.content_hash
    assert len(rebased.delta) == 2
    assert ids(rebased, "Bravo")[0] == "b"


def key(passage: Passage) -> str:
    return passage.passage_id


IDS = st.sampled_from([*(f"p{n}" for n in range(6)), "faq-ship.en", "faq-old.en"])
EDITS = st.lists(
    st.tuples(IDS, st.sampled_from(["", "red mug", "blue kettle", "退货"])), max_size=4
)
STEPS = st.lists(
    st.tuples(EDITS, st.sampled_from(["", "compact", "save", "rebase"])), min_size=1, max_size=5
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_any_sequence_of_edits_is_the_state_of_the_last(
    tmp_path: Path, steps: list[tuple[list[tuple[str, str]], str]]
) -> None:
    index, model = START, {passage.passage_id: passage for passage in PASSAGES}
    for edits, then in steps:
        before = index
        wanted = {passage_id: faq(passage_id, text) if text else None for passage_id, text in edits}
        changed = [passage for passage in wanted.values() if passage]
        gone = [passage_id for passage_id, passage in wanted.items() if passage is None]
        index = apply(index, changed, gone, ENCODER)
        model = {**model, **{p.passage_id: p for p in changed}}
        model = {passage_id: p for passage_id, p in model.items() if passage_id not in gone}
        if then == "compact":
            index = compact(index)
        elif then == "save":
            index.save(tmp_path)
            index = HybridIndex.load(tmp_path, ENCODER)
        elif then == "rebase":
            index = rebase(before, index, compact(before))
        assert sorted(index.live(), key=key) == sorted(model.values(), key=key)
        assert index.manifest.passages == len(model)
        assert index.manifest.content_hash == content_hash(model.values())
        for passage in model.values():
            assert index.get(passage.passage_id) == passage
    anew = HybridIndex.build(sorted(model.values(), key=key), ENCODER)
    assert rankings(compact(index)) == rankings(anew)

from __future__ import annotations

from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.bm25 import K1, B
from retrieval.lexical import LexicalIndex

WORDS = st.sampled_from(["red", "blue", "kettle", "mug", "壶", "退货", "1701"])
TEXTS = st.lists(st.lists(WORDS, max_size=8), min_size=1, max_size=12)


@given(TEXTS, st.lists(WORDS, max_size=5))
def test_scores_are_those_of_bm25s(texts: list[list[str]], query: list[str]) -> None:
    if not any(texts):
        return
    vocabulary: dict[str, int] = {}
    numbered = [[vocabulary.setdefault(word, len(vocabulary)) for word in text] for text in texts]
    reference = bm25s.BM25(k1=K1, b=B, method="lucene")
    reference.index((numbered, vocabulary), create_empty_token=False, show_progress=False)
    known = [vocabulary[word] for word in query if word in vocabulary]
    expected = reference.get_scores_from_ids(known) if known else np.zeros(len(texts))
    assert LexicalIndex.build(texts).score(query).bm25 == pytest.approx(expected, abs=1e-5)


@given(TEXTS, st.lists(WORDS, max_size=5))
def test_evidence_is_a_share(texts: list[list[str]], query: list[str]) -> None:
    evidence = LexicalIndex.build(texts).score(query).evidence
    assert ((evidence >= 0) & (evidence < 1)).all()


@given(TEXTS, TEXTS, TEXTS, st.data())
def test_joining_is_building_anew(
    old: list[list[str]], some: list[list[str]], more: list[list[str]], data: st.DataObject
) -> None:
    first = LexicalIndex.build(old)
    kept = np.array([data.draw(st.booleans()) for _ in some], np.bool_)
    second = first.beside(more, first.beside(some), kept)
    remaining = [text for text, keep in zip(some, kept, strict=True) if keep]
    mask = np.array([data.draw(st.booleans()) for _ in range(len(first) + len(second))], np.bool_)
    joined = LexicalIndex.joined(first, second, mask)
    texts = [*old, *remaining, *more]
    anew = LexicalIndex.build([text for text, keep in zip(texts, mask, strict=True) if keep])
    for query in ([], ["red"], ["kettle", "zebra", "壶"]):
        assert joined.score(query).bm25 == pytest.approx(anew.score(query).bm25, abs=1e-5)
        assert joined.score(query).ceiling == pytest.approx(anew.score(query).ceiling)


@given(TEXTS, st.lists(WORDS, max_size=5))
def test_a_passage_beside_others_scores_as_among_them(
    texts: list[list[str]], query: list[str]
) -> None:
    """The same text, put in later, may rank neither above nor below its twin."""
    index = LexicalIndex.build(texts)
    twins = index.beside(texts)
    assert twins.score(query).bm25 == pytest.approx(index.score(query).bm25, abs=1e-5)
    assert twins.score(query).ceiling == pytest.approx(index.score(query).ceiling)


def test_words_that_only_later_passages_hold_are_found() -> None:
    index = LexicalIndex.build([["red", "kettle"], ["blue", "mug"]])
    later = index.beside([["zebra", "mug"]])
    assert later.score(["zebra"]).bm25[0] > 0
    assert later.score(["zebra"]).evidence[0] < 1
    assert later.terms_in(["zebra", "red"], 0) == {"zebra"}


def test_an_unknown_word_lowers_the_evidence() -> None:
    index = LexicalIndex.build([["red", "kettle"], ["blue", "mug"]])
    assert index.score(["kettle", "zebra"]).evidence[0] < index.score(["kettle"]).evidence[0]


def test_a_word_that_occurs_nowhere_is_rarest() -> None:
    index = LexicalIndex.build([["red", "kettle"], ["red", "mug"]])
    assert index.rarity("zebra") == 1.0 > index.rarity("mug") > index.rarity("red")
    assert index.terms_in(["red", "mug", "zebra"], 0) == {"red"}


@pytest.mark.parametrize("texts", [[], [[]], [["a"], []], [["红", "a"], ["b"]]])
def test_a_saved_index_scores_the_same(texts: list[list[str]], tmp_path: Path) -> None:
    index = LexicalIndex.build(texts)
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path)
    for query in (["a"], ["b", "红"], ["c"], []):
        assert loaded.score(query).bm25.tolist() == index.score(query).bm25.tolist()
    assert loaded.beside([["a"]]).score(["a"]).bm25[0] > 0

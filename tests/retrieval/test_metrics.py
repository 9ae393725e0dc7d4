from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.metrics import MEASURES, mrr_at, ndcg_at, recall_at, score

RANKING = ["a", "b", "c", "d"]


def test_recall_asks_for_any_right_passage() -> None:
    assert recall_at(1)(RANKING, {"b"}) == 0
    assert recall_at(2)(RANKING, {"b", "z"}) == 1


def test_mrr_is_of_the_first_right_passage() -> None:
    assert mrr_at(10)(RANKING, {"c", "b"}) == 0.5
    assert mrr_at(1)(RANKING, {"b"}) == 0
    assert mrr_at(10)([], {"b"}) == 0


def test_ndcg_by_hand() -> None:
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    best = 1 + 1 / math.log2(3)
    assert ndcg_at(10)(RANKING, {"b", "d"}) == pytest.approx(gain / best)


def test_ndcg_of_more_right_passages_than_places_can_be_one() -> None:
    assert ndcg_at(2)(["a", "b"], {"a", "b", "c", "d"}) == pytest.approx(1)


@given(
    st.lists(st.sampled_from("abcdefghijklmnop"), unique=True),
    st.sets(st.sampled_from("abcdefghijklmnop")),
)
def test_every_measure_is_a_share(ranking: list[str], gold: set[str]) -> None:
    for measure in MEASURES.values():
        assert 0 <= measure(ranking, gold) <= 1 + 1e-9


def test_a_mean_comes_with_its_parts() -> None:
    result = score(recall_at(1), [["a"], ["b"]], [{"a"}, {"a"}])
    assert (result.value, result.per_question) == (0.5, (1.0, 0.0))
    assert score(recall_at(1), [], []).value == 0

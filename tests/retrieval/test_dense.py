from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.protocols import Vectors
from retrieval.dense import (
    FLAT_LIMIT,
    HALF_PRECISION_LIMIT,
    DenseIndex,
    Kind,
    between,
    exact_nearest,
    kind_for,
)

KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivf", "ivf_sq8")


def unit(count: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_finds_the_nearest_rows(kind: Kind) -> None:
    vectors = unit(500)
    index = DenseIndex.build(vectors, kind)
    assert index.is_exact == (kind == "flat")
    found = 0
    for query in unit(50, seed=1):
        rows, cosines = index.search(query, 5)
        expected = np.argsort(-(vectors @ query))[:5]
        assert (np.diff(cosines) <= 0).all()
        found += len(set(rows.tolist()) & set(expected.tolist()))
    assert found >= 0.95 * 250


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_not_allowed_never_come_back(kind: Kind) -> None:
    vectors = unit(301)
    index = DenseIndex.build(vectors, kind)
    allowed = np.zeros(301, np.bool_)
    allowed[[7, 150, 300]] = True
    for query in vectors[:20]:
        rows, _ = index.search(query, 10, allowed)
        assert set(rows.tolist()) == {7, 150, 300}


@pytest.mark.parametrize("kind", KINDS)
def test_cosines_of_chosen_rows(kind: Kind) -> None:
    vectors = unit(40)
    index = DenseIndex.build(vectors, kind)
    rows = np.array([3, 39, 0])
    assert index.cosines(vectors[3], rows) == pytest.approx(vectors[rows] @ vectors[3], abs=0.01)
    assert index.vectors() == pytest.approx(vectors, abs=0.01)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    empty = DenseIndex.build(unit(0))
    empty.save(tmp_path / "d")
    index = DenseIndex.load(tmp_path / "d", empty.facts)
    rows, cosines = index.search(unit(1)[0], 5)
    assert (len(rows), len(cosines), len(index.vectors())) == (0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_index_answers_the_same(kind: Kind, tmp_path: Path) -> None:
    index = DenseIndex.build(unit(200), kind)
    index.save(tmp_path / "d")
    loaded = DenseIndex.load(tmp_path / "d", index.facts)
    for query in unit(5, seed=2):
        assert loaded.search(query, 5)[0].tolist() == index.search(query, 5)[0].tolist()
    assert loaded.reconstructed(np.array([3])) == pytest.approx(index.reconstructed(np.array([3])))


@pytest.mark.parametrize("kind", KINDS)
def test_recall_is_measured_and_the_effort_raised_until_it_suffices(kind: Kind) -> None:
    """Random directions are the hardest case: no list holds the neighbours of a vector."""
    vectors = unit(3000)
    easy = DenseIndex.build(vectors, kind, recall_target=0.5)
    hard = DenseIndex.build(vectors, kind, recall_target=0.95)
    assert hard.facts.recall >= 0.95
    assert hard.facts.effort >= easy.facts.effort
    queries = between(vectors, 50)
    truth = exact_nearest(vectors, queries, 10)
    assert hard.recall(queries, truth) == pytest.approx(hard.facts.recall, abs=0.05)


def test_the_kind_goes_by_size() -> None:
    assert [kind_for(n) for n in (0, FLAT_LIMIT, FLAT_LIMIT + 1, HALF_PRECISION_LIMIT + 1)] == [
        "flat",
        "flat",
        "ivf",
        "ivf_sq8",
    ]


def test_building_stops_when_the_progress_says_so() -> None:
    def enough(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="30 of 30"):
        DenseIndex.build(unit(30), "flat", enough)

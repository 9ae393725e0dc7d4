from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.protocols import Vectors
from retrieval.dense import DenseIndex


def unit(count: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("flat_limit", [1000, 10])
def test_finds_the_nearest_rows(flat_limit: int) -> None:
    vectors = unit(500)
    index = DenseIndex.build(vectors, flat_limit)
    assert index.is_exact == (flat_limit == 1000)
    found = 0
    for query in unit(50, seed=1):
        rows, cosines = index.search(query, 5)
        expected = np.argsort(-(vectors @ query))[:5]
        assert (np.diff(cosines) <= 0).all()
        found += len(set(rows.tolist()) & set(expected.tolist()))
    assert found >= 0.95 * 250


@pytest.mark.parametrize("flat_limit", [1000, 10])
def test_rows_that_are_not_allowed_never_come_back(flat_limit: int) -> None:
    vectors = unit(301)
    index = DenseIndex.build(vectors, flat_limit)
    allowed = np.zeros(301, np.bool_)
    allowed[[7, 150, 300]] = True
    for query in vectors[:20]:
        rows, _ = index.search(query, 10, allowed)
        assert set(rows.tolist()) == {7, 150, 300}


@pytest.mark.parametrize("flat_limit", [1000, 10])
def test_cosines_of_chosen_rows(flat_limit: int) -> None:
    vectors = unit(40)
    index = DenseIndex.build(vectors, flat_limit)
    rows = np.array([3, 39, 0])
    assert index.cosines(vectors[3], rows) == pytest.approx(vectors[rows] @ vectors[3], abs=1e-5)
    assert index.vectors() == pytest.approx(vectors)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    DenseIndex.build(unit(0)).save(tmp_path / "d")
    index = DenseIndex.load(tmp_path / "d")
    rows, cosines = index.search(unit(1)[0], 5)
    assert (len(rows), len(cosines), len(index.vectors())) == (0, 0, 0)


def test_a_saved_index_answers_the_same(tmp_path: Path) -> None:
    index = DenseIndex.build(unit(30))
    index.save(tmp_path / "d")
    loaded = DenseIndex.load(tmp_path / "d")
    query = unit(1, seed=2)[0]
    assert loaded.search(query, 5)[0].tolist() == index.search(query, 5)[0].tolist()

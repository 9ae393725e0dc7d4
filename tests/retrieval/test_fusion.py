from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.fusion import FusionSettings, fuse, reciprocal_ranks

SHARES = arrays(np.float32, 6, elements=st.floats(0, 0.875, width=32))


@given(SHARES, SHARES)
def test_better_in_both_is_better_together(cosine: np.ndarray, evidence: np.ndarray) -> None:
    fused = fuse(cosine, evidence, np.zeros(6, np.bool_), FusionSettings())
    for one in range(6):
        for other in range(6):
            if cosine[one] > cosine[other] and evidence[one] > evidence[other]:
                assert fused[one] > fused[other]


def test_without_any_word_match_the_dense_order_stands() -> None:
    cosine = np.array([0.8, 0.9, 0.7], np.float32)
    fused = fuse(cosine, np.zeros(3, np.float32), np.zeros(3, np.bool_), FusionSettings())
    assert fused.tolist() == cosine.tolist()


def test_a_stray_match_in_a_foreign_text_counts_less() -> None:
    """A Chinese question shares only "NFL" with an English passage that is not about it."""
    cosine = np.array([0.80, 0.79], np.float32)
    evidence = np.array([0.0, 0.06], np.float32)
    at_home = fuse(cosine, evidence, np.array([False, False]), FusionSettings())
    foreign = fuse(cosine, evidence, np.array([True, True]), FusionSettings())
    assert at_home[1] > at_home[0]
    assert foreign[1] < foreign[0]


def test_reciprocal_ranks_by_the_book() -> None:
    scores = np.array([0.2, 0.9, -np.inf], np.float32)
    assert reciprocal_ranks(scores, 60) == pytest.approx([1 / 62, 1 / 61, 0.0])


def test_rank_fusion_adds_both_rankings() -> None:
    settings = FusionSettings(method="rrf")
    cosine, evidence = np.array([0.9, 0.8], np.float32), np.array([0.0, 0.5], np.float32)
    fused = fuse(cosine, evidence, np.zeros(2, np.bool_), settings)
    assert fused == pytest.approx([1 / 61, 1 / 62 + 1 / 61])

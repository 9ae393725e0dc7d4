"""Fitting the support floors: they give up what was asked for, and no more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.guard import check
from bot.types import Reading
from training.tasks.support import Pair, Scored, fit, pairs_of, score

PASSAGE = "Rental\nA tent costs ¥60 a day."
PASSAGE_ZH = "租赁\n帐篷每天60元。"


def scored(values: list[tuple[float, bool, bool]]) -> Scored:
    pairs = [
        Pair("A tent costs ¥60 a day.", PASSAGE_ZH if across else PASSAGE, supported, "en")
        for _, supported, across in values
    ]
    return Scored(tuple(pairs), np.array([value for value, _, _ in values]))


scores = st.floats(-8, 8)


@given(st.lists(scores, min_size=1), st.lists(scores, min_size=1), st.floats(0, 0.5))
def test_a_floor_blocks_the_share_it_was_fitted_for(
    same: list[float], across: list[float], share: float
) -> None:
    learnt = scored([(s, True, False) for s in same] + [(s, True, True) for s in across])
    floors = fit(learnt, learnt, "reader", share)
    for kind, values in ((False, same), (True, across)):
        found = learnt.only(lambda pair, kind=kind: pair.across == kind).metrics(floors)  # type: ignore[misc]
        # Rounding to three decimals may move a score that lies on the floor.
        near = sum(abs(v - (floors.across if kind else floors.same)) < 1e-3 for v in values)
        assert found["false_block"] <= share + (1 + near) / len(values)
        assert math.isnan(found["blocked"]), "nothing unsupported was there"


def test_what_a_floor_costs_is_measured_on_other_pairs() -> None:
    learnt = scored([(float(n), True, n % 2 == 0) for n in range(100)])
    measured = scored([(-1.0, True, False), (50.0, True, False), (-1.0, False, False)])
    floors = fit(learnt, measured, "reader-7", 0.02)
    assert (floors.false_block, floors.blocked) == (0.5, 1.0)
    assert floors.reader == "reader-7"


def test_pairs_are_hard_and_pass_the_rest_of_the_guard() -> None:
    pairs = list(pairs_of("dev"))
    assert {pair.supported for pair in pairs} == {True, False}
    assert {pair.across for pair in pairs} == {True, False}
    assert {"en", "zh-Hans", "zh-Hant"} <= {pair.lang for pair in pairs}
    for pair in pairs[::20]:
        assert "[" not in pair.sentence
        assert not [
            problem
            for problem in check(f"{pair.sentence} [1]", [pair.passage]).problems
            if problem.code not in ("unsupported_name",)  # names may come from the question
        ]


def test_every_pair_gets_the_readers_word() -> None:
    class Length:
        name = "length"

        def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
            return [Reading(float(len(question))) for _ in passages]

    pairs = list(pairs_of("dev"))[:5]
    told: list[tuple[int, int]] = []
    found = score(pairs, Length(), lambda done, total: told.append((done, total)))
    assert found.scores.tolist() == [len(pair.sentence) for pair in pairs]
    assert told[-1] == (5, 5)

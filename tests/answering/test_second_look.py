"""The second look: both opinions make one probability, and a judge that fails changes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.second_look import LOOKED_AT, Look, Opinions, Said, Weighing
from bot.errors import ConfigError, GeneratorError
from bot.models.adapters import answer_adapter
from bot.types import Hit, Passage, Prompt, Query, Retrieval
from tests.scripted import ScriptedGenerator

HITS = tuple(
    Hit(Passage(f"p{n}", "faq", "en", f"Title {n}", f"Text number {n}."), 1.0 - n / 10)
    for n in range(4)
)


@dataclass
class Known:
    """A retriever that always finds the same."""

    found: Retrieval

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        return self.found


@dataclass
class SaysNumbers(ScriptedGenerator):
    """A generator whose judgements are given."""

    odds: Sequence[float] = ()
    judged: list[Prompt] = field(default_factory=list)

    def log_odds(self, prompts: Sequence[Prompt]) -> tuple[float, ...]:
        self.judged += prompts
        if not self.odds:
            raise GeneratorError("the generator failed: scripted")
        return tuple(self.odds[: len(prompts)])


def fitted() -> Weighing:
    """Weights from searches where the judge knows and the search does not."""
    said = [
        Said(Opinions((n % 5) - 2.0, 4.0 * right + n % 3), right, str(n))
        for n, right in enumerate([True, False] * 40)
    ]
    return Weighing.fit(said, "scripted", "this test")


def search(
    judge: SaysNumbers, answerability: float = 0.5, hits: tuple[Hit, ...] = HITS
) -> Retrieval:
    look = Look(judge, fitted())
    return look.around(Known(Retrieval(hits, answerability, "1"))).search(Query("q", "en", "q"))


def test_the_judges_word_counts_and_only_what_may_be_quoted_is_judged() -> None:
    judge = SaysNumbers(odds=(-6.0, 6.0, -6.0))
    sure, unsure = search(judge), search(SaysNumbers(odds=(-6.0, -6.0, -6.0)))
    assert sure.answerability > 0.9
    assert unsure.answerability < 0.3
    assert len(judge.judged) == LOOKED_AT
    assert "Title 0" in judge.judged[0].system
    assert [hit.judged for hit in sure.hits] == [-6.0, 6.0, -6.0, None]
    assert [hit.passage for hit in sure.hits] == [hit.passage for hit in HITS], "scores lie apart"
    assert sure.timings_ms["second_look"] >= 0


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.passage_id for hit in hits]


def test_among_equals_the_one_comes_first_that_the_judge_prefers() -> None:
    close = tuple(replace(hit, score=0.9) for hit in HITS)
    odds = (-3.0, 1.0, 4.0)
    assert ids(search(SaysNumbers(odds=odds), hits=close).hits) == ["p2", "p1", "p0", "p3"]
    named = (replace(close[0], exact=True), *close[1:])
    assert ids(search(SaysNumbers(odds=odds), hits=named).hits) == ["p0", "p1", "p2", "p3"]


def test_a_translation_that_was_put_behind_stays_there() -> None:
    behind = (replace(HITS[0], score=0.9), replace(HITS[1], score=1.3), HITS[2])
    assert ids(search(SaysNumbers(odds=(1.0, 1.0, 1.0)), hits=behind).hits) == ["p0", "p1", "p2"]


def test_a_judge_that_fails_leaves_the_searchs_own_probability() -> None:
    assert search(SaysNumbers(), 0.61).answerability == 0.61


def test_nothing_found_is_nothing_to_judge() -> None:
    judge = SaysNumbers(odds=(1.0,))
    around = Look(judge, fitted()).around(Known(Retrieval((), 0.0, "1")))
    assert around.search(Query("q", "en", "q")).answerability == 0.0
    assert not judge.judged


def test_weights_are_kept_and_belong_to_their_judge(tmp_path: Path) -> None:
    path = tmp_path / "second_look.json"
    weighing = fitted()
    weighing.save(path)
    assert Weighing.load(path) == weighing
    look = Look.of(SaysNumbers(), path)
    assert look is not None
    assert look.weighing == weighing
    assert Look.of(SaysNumbers(name="another"), path) is None
    assert Look.of(ScriptedGenerator(), path) is None, "a generator that does not judge"


def test_the_shipped_weights_belong_to_the_shipped_adapter() -> None:
    adapter = answer_adapter("default")
    assert adapter is not None
    assert Weighing.load().judge.endswith(f"+{adapter.key}"), (
        "run: shopkeeper calibrate, with the new adapter"
    )


@pytest.mark.parametrize("text", ["", "[]", '{"model": {"weights": [1]}}', '{"judge": 1'])
def test_damaged_weights_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "second_look.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="second look"):
        Weighing.load(path)


def test_a_fit_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="without an answer"):
        Weighing.fit([Said(Opinions(0, 0), True, "t")], "scripted", "")


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_probability_is_one(search: float, judge: float) -> None:
    known = fitted().probability(Opinions(search, judge))
    assert 0.0 <= known <= 1.0
    assert not math.isnan(known)

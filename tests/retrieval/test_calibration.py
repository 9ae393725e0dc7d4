from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError, InputError
from retrieval.calibrate import ask_all, calibrate
from retrieval.calibration import FEATURE_NAMES, Calibration, Features
from retrieval.eval_files import Question
from retrieval.index import HybridIndex
from retrieval.regression import coverage_precision
from retrieval.retriever import HybridRetriever
from tests.retrieval.fakes import FakeEncoder
from tests.retrieval.shop import PASSAGES, TODAY

PLAIN = Features(0.8, 0.02, 0.3, 1.0, 0.5, 0.6, 0.4, 1.0, 0.0, 0.0, 0.0)


def examples(count: int, seed: int = 0) -> tuple[list[Features], list[bool]]:
    """Searches whose true probability of an answer is known: it depends on the cosine alone."""
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(0.6, 1.0, count)
    chance = 1 / (1 + np.exp(-(cosines - 0.8) * 30))
    features = [replace(PLAIN, best_cosine=float(cosine)) for cosine in cosines]
    return features, [bool(found) for found in rng.random(count) < chance]


def test_probabilities_are_honest_on_new_questions() -> None:
    calibration = Calibration.fit(*examples(2000))
    features, answered = examples(8000, seed=1)
    probabilities = np.array([calibration.probability(item) for item in features])
    for low in np.arange(0, 1, 0.25):
        inside = (probabilities >= low) & (probabilities < low + 0.25)
        assert abs(probabilities[inside].mean() - np.array(answered)[inside].mean()) < 0.06


def test_the_threshold_reaches_the_wanted_precision_on_new_questions() -> None:
    calibration = Calibration.fit(*examples(2000))
    threshold = calibration.threshold_for(0.9)
    features, answered = examples(2000, seed=1)
    above = [
        right
        for item, right in zip(features, answered, strict=True)
        if calibration.probability(item) >= threshold
    ]
    assert sum(above) / len(above) == pytest.approx(0.9, abs=0.03)
    assert len(above) > 700


def test_a_precision_that_is_never_reached_answers_nothing() -> None:
    features, _ = examples(100)
    calibration = Calibration.fit(features, [n % 2 == 0 for n in range(100)])
    assert calibration.threshold_for(1.01) == 1.0


def test_one_sort_of_question_is_not_enough() -> None:
    features, _ = examples(10)
    with pytest.raises(ValueError, match="with and without"):
        Calibration.fit(features, [True] * 10)


def test_a_saved_calibration_says_the_same(tmp_path: Path) -> None:
    features, answered = examples(200)
    calibration = Calibration.fit(features, answered, fitted_on="a test")
    calibration.save(tmp_path / "c.json")
    loaded = Calibration.load(tmp_path / "c.json")
    assert loaded == calibration


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"features": {"moon": 1}}'])
def test_a_damaged_file_is_named_with_the_fix(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        Calibration.load(path)
    assert "delete the file" in caught.value.fix


@given(st.builds(Features, **{name: st.floats(-1, 1, allow_nan=False) for name in FEATURE_NAMES}))
def test_the_shipped_calibration_gives_probabilities(features: Features) -> None:
    assert 0 < Calibration.load().probability(features) < 1


def test_the_shipped_calibration_was_fitted_on_questions_it_names() -> None:
    shipped = Calibration.load()
    assert "golden" in shipped.fitted_on
    assert 0 < shipped.threshold_for(0.9) < 1


def test_the_curve_runs_from_everything_to_the_surest() -> None:
    curve = coverage_precision(np.array([0.9, 0.8, 0.3, 0.2]), np.array([True, True, False, True]))
    assert (curve[0].coverage, curve[0].precision) == (1.0, 0.75)
    assert (curve[-1].coverage, curve[-1].precision) == (0.25, 1.0)
    assert [point.threshold for point in curve] == [0.2, 0.3, 0.8, 0.9]


def question(number: int, text: str, *gold: str) -> Question:
    return Question(f"q{number}", "en", "en", text, (), frozenset(gold))


def test_a_shop_fits_its_own(tmp_path: Path) -> None:
    known = [p for p in PASSAGES if p.lang == "en" and p.is_valid_on(TODAY)]
    questions = [
        *(question(n, passage.title, passage.passage_id) for n, passage in enumerate(known)),
        *(question(n + 50, f"zebra {n} quantum violin {n * 7}") for n in range(8)),
    ]
    encoder = FakeEncoder()
    index = HybridIndex.build(PASSAGES, encoder)
    retriever = HybridRetriever(index, encoder, day=lambda: TODAY)
    fitted = calibrate(ask_all(retriever, questions), "this test")
    fitted.save(tmp_path / "calibration.json")
    assert json.loads((tmp_path / "calibration.json").read_text())["fitted_on"] == "this test"
    with pytest.raises(InputError, match="with and without"):
        calibrate(ask_all(retriever, questions[:5]))


def test_a_calibration_from_before_the_reader_still_serves(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    fitted = Calibration.fit(*examples(200))
    fitted.save(path)
    record = json.loads(path.read_text("utf-8"))
    del record["features"]["reading"]
    path.write_text(json.dumps(record), "utf-8")
    old = Calibration.load(path)
    unread, read = PLAIN, replace(PLAIN, reading=5.0)
    assert old.probability(unread) == old.probability(read)
    assert old.probability(unread) == pytest.approx(fitted.probability(unread))


def test_questions_that_count_less_move_the_fit_less_and_are_not_on_the_curve() -> None:
    features, answered = examples(400)
    turned = [not right for right in answered]
    lightly = Calibration.fit(
        [*features, *features], [*answered, *turned], weights=[1.0] * 400 + [0.1] * 400
    )
    sure = replace(PLAIN, best_cosine=0.97)
    unsure = replace(PLAIN, best_cosine=0.63)
    assert lightly.probability(sure) > 0.6 > 0.4 > lightly.probability(unsure)
    assert lightly.curve[0].coverage == 1.0

"""Fitting heads: they learn, they are calibrated, they come back from disk, they stay the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.errors import InputError
from bot.followup import CLUES
from bot.heads import Heads
from tests.mood.parts import WordEncoder
from tests.retrieval.fakes import FakeEncoder
from training.data.mood import load_mood
from training.encoder_heads import IntentArgs, train_intent
from training.followups import FollowUpArgs, train_followups
from training.fresh_intents import FreshArgs, fit_fresh
from training.head_fit import FitArgs, Target, example_weights, fit_heads
from training.tasks.measures import calibration_error
from training.vectors import StoredEncoder

QUICK = FitArgs(hidden=16, dropout=0.1, epochs=40, batch=64, learning_rate=1e-2, holdout=0.2)


def blobs(count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of unit vectors and which one each is from."""
    pick = np.random.default_rng(3)
    gold = pick.integers(0, 3, count)
    x = np.eye(8)[gold] + pick.normal(scale=noise, size=(count, 8))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), gold


def targets(gold: np.ndarray) -> list[Target]:
    return [
        Target("kind", "softmax", ("a", "b", "c"), gold),
        Target("first", "sigmoid", ("yes",), (gold == 0).astype(np.int64)),
    ]


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_head_learns_both_its_outputs(hidden: int) -> None:
    x, gold = blobs(400, 0.2)
    args = FitArgs(**{**_fields(QUICK), "hidden": hidden})
    heads = fit_heads(x, targets(gold), np.ones(400, np.float32), args, name="t", encoder="e")
    said = heads.probabilities(x)
    assert (said["kind"].argmax(axis=1) == gold).mean() > 0.95
    assert ((said["first"][:, 0] > 0.5) == (gold == 0)).mean() > 0.95


def test_examples_without_a_label_teach_nothing_and_do_no_harm() -> None:
    x, gold = blobs(400, 0.2)
    hidden = gold.copy()
    hidden[::2] = -1
    blind = Target("never", "softmax", ("a", "b"), np.full(400, -1))
    heads = fit_heads(
        x, [*targets(hidden), blind], np.ones(400, np.float32), QUICK, name="t", encoder="e"
    )
    assert (heads.probabilities(x)["kind"].argmax(axis=1) == gold).mean() > 0.95


def test_confidence_means_what_it_says_on_noisy_data() -> None:
    x, gold = blobs(3000, 0.8)
    heads = fit_heads(
        x[:1500], targets(gold[:1500]), np.ones(1500, np.float32), QUICK, name="t", encoder="e"
    )
    p = heads.probabilities(x[1500:])["kind"]
    right = p.argmax(axis=1) == gold[1500:]
    assert 0.5 < right.mean() < 0.95, "the data is meant to be hard"
    assert calibration_error(right, p.max(axis=1)) < 0.08


def test_the_same_seed_gives_the_same_head() -> None:
    x, gold = blobs(200, 0.3)
    one, two = (
        fit_heads(x, targets(gold), np.ones(200, np.float32), QUICK, name="t", encoder="e")
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.outputs["kind"].weight, two.outputs["kind"].weight)


def test_rare_classes_of_a_source_are_lifted_and_sources_weighed() -> None:
    weights = example_weights(["s"] * 4 + ["t"], ["x", "x", "x", "y", "z"], {"t": 5.0}, 1.0)
    np.testing.assert_allclose(weights[3] / weights[0], 3)
    np.testing.assert_allclose(weights[4], 5)
    plain = example_weights(["s"] * 3, ["x", "x", "y"], {}, 0.0)
    np.testing.assert_allclose(plain, 1)


def test_a_text_is_encoded_once_even_in_another_run(tmp_path: Path) -> None:
    words = WordEncoder()
    first = StoredEncoder(words, tmp_path, "f1").encode(["angry", "happy"], "query")
    again = StoredEncoder(words, tmp_path, "f1").encode(["happy", "angry"], "query")
    assert sorted(words.encoded) == ["angry", "happy"]
    np.testing.assert_array_equal(first[::-1], again)
    StoredEncoder(words, tmp_path, "other weights").encode(["angry"], "query")
    assert len(words.encoded) == 3


def test_fresh_intents_tell_labels_apart_and_reject_the_rest() -> None:
    pick = np.random.default_rng(0)
    phrases = {"refund": "give my money back", "track": "where is the parcel now"}
    texts, labels = [], []
    for label, phrase in phrases.items():
        for _ in range(40):
            words = pick.permutation(phrase.split())[:4]
            texts.append(" ".join(words))
            labels.append(label)
    encoder = FakeEncoder()
    model = fit_fresh(texts, labels, encoder.encode(texts, "query"), "oos", FreshArgs(hidden=64))
    asked = ["my money back please", "where is my parcel", "quantum chromodynamics lecture"]
    guesses = model.guess(asked, encoder.encode(asked, "query"))
    assert [guess.label for guess in guesses[:2]] == ["refund", "track"]
    assert guesses[2].outside > max(guesses[0].outside, guesses[1].outside)
    assert model.guess([], encoder.encode([], "query")) == []


def test_the_intent_head_is_trained_and_written(corpora: Path, tmp_path: Path) -> None:
    args = IntentArgs(
        corpora, tmp_path / "intent", corpora / "written", tmp_path / "cache", fit=QUICK
    )
    trained = train_intent(args, WordEncoder(), "f" * 64)
    assert trained.scores["written"]["accuracy"] > 0.8
    assert len(Heads.load(tmp_path / "intent").outputs["intent"].labels) == 9


def test_the_follow_up_head_is_trained_and_written(corpora: Path, tmp_path: Path) -> None:
    args = FollowUpArgs(corpora / "golden", tmp_path / "f", corpora / "written", tmp_path / "cache")
    scores = train_followups(args, WordEncoder(), "f" * 64)
    assert scores["dev"]["auroc"] > 0.9
    assert Heads.load(tmp_path / "f").dimension == WordEncoder.dimension + len(CLUES)


def test_a_bad_line_of_training_data_stops_the_training_and_is_named(
    corpora: Path,
) -> None:
    file = corpora / "pros_cons" / "train.jsonl"
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"text": "x", "lang": "en", "label": "furious"}\n')
    with pytest.raises(InputError, match=r"pros_cons/train\.jsonl:\d+: field 'label'"):
        load_mood(corpora, "train", corpora / "written")


def _fields(args: FitArgs) -> dict[str, float]:
    return {name: getattr(args, name) for name in FitArgs.__slots__}

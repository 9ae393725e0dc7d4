from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ModelError
from bot.heads import Heads, logit, sigmoid
from tests.mood.parts import WordEncoder, mood_heads
from training.head_file import HeadRecord, write_heads

RECORD = HeadRecord("train", {}, "abc", (), {}, {}, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_heads(mood_heads(), tmp_path, RECORD)
    return tmp_path


def test_a_head_says_the_same_after_it_was_written_and_read(folder: Path) -> None:
    vectors = WordEncoder().encode(["angry", "happy", "so what"], "query")
    before, after = mood_heads().probabilities(vectors), Heads.load(folder).probabilities(vectors)
    for name in before:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-6)


def test_weights_that_lie_in_memory_column_by_column_are_written_all_the_same(
    tmp_path: Path,
) -> None:
    """As scikit-learn leaves what it has fitted."""
    heads = mood_heads()
    outputs = {
        name: replace(output, weight=np.asfortranarray(output.weight))
        for name, output in heads.outputs.items()
    }
    written = write_heads(replace(heads, outputs=outputs), tmp_path, RECORD)
    for name, output in heads.outputs.items():
        np.testing.assert_array_equal(written.outputs[name].weight, output.weight)


def test_every_softmax_row_sums_to_one_and_every_sigmoid_is_a_probability() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, WordEncoder.dimension)).astype(np.float32)
    said = mood_heads().probabilities(1000 * vectors)
    np.testing.assert_allclose(said["sentiment"].sum(axis=1), 1, rtol=1e-5)
    assert ((said["frustration"] >= 0) & (said["frustration"] <= 1)).all()


def test_a_missing_head_names_the_folder_and_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)) as caught:
        Heads.load(tmp_path)
    assert "shopkeeper train" in caught.value.fix


def test_weights_that_were_changed_on_disk_are_refused(folder: Path) -> None:
    weights = folder / "heads.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\1\2\3")
    with pytest.raises(ModelError, match="sha256"):
        Heads.load(folder)


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 99}'])
def test_a_damaged_description_is_one_clear_error(folder: Path, damage: str) -> None:
    (folder / "heads.json").write_text(damage, encoding="utf-8")
    with pytest.raises(ModelError):
        Heads.load(folder)


def test_a_description_without_an_output_is_one_clear_error(folder: Path) -> None:
    path = folder / "heads.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    del meta["outputs"]["sentiment"]["temperature"]
    path.write_text(json.dumps(meta), encoding="utf-8")
    with pytest.raises(ModelError, match="temperature"):
        Heads.load(folder)


def test_another_encoder_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="other"):
        mood_heads().require_encoder("other", WordEncoder.dimension)


@given(st.floats(-500, 500))
def test_the_logistic_function_never_overflows(x: float) -> None:
    p = float(sigmoid(np.array([x], np.float32))[0])
    assert 0 <= p <= 1


@given(st.floats(0, 1))
def test_log_odds_are_finite_and_invert(p: float) -> None:
    back = float(sigmoid(np.array([logit(p)], np.float32))[0])
    assert abs(back - p) < 1e-4

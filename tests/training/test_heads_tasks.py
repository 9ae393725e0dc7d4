"""The evaluation commands for sentiment, frustration and intent, on files good and bad."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score

from bot.errors import InputError
from bot.mood import EncoderMood
from tests.mood.parts import WordEncoder, mood_heads
from tests.training.corpora import write
from training.data.jsonl import read_jsonl
from training.fresh_intents import FreshArgs
from training.tasks.frustration import evaluate_frustration
from training.tasks.intent import evaluate_intent
from training.tasks.measures import (
    calibration_error,
    f1_at,
    macro_f1,
    threshold_for_precision,
)
from training.tasks.report import worst
from training.tasks.sentiment import evaluate_sentiment

LABELS = st.sampled_from(["negative", "neutral", "positive"])


@pytest.fixture
def mood() -> EncoderMood:
    return EncoderMood(WordEncoder(), mood_heads())


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_macro_f1_is_scikit_learns_over_the_labels_of_the_file(
    pairs: list[tuple[str, str]],
) -> None:
    gold, said = zip(*pairs, strict=True)
    expected = f1_score(gold, said, labels=sorted(set(gold)), average="macro", zero_division=0)
    assert macro_f1(gold, said) == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_f1_and_the_threshold_for_a_precision(pairs: list[tuple[bool, float]]) -> None:
    gold = np.array([g for g, _ in pairs])
    score = np.array([s for _, s in pairs])
    assert f1_at(gold, score, 0.5) == pytest.approx(f1_score(gold, score >= 0.5, zero_division=0.0))
    cut = threshold_for_precision(gold, score, 0.8, least=1)
    if (score >= cut).any() and cut < 1.0:
        assert precision_score(gold, score >= cut) >= 0.8
        assert cut > 0


def test_a_score_of_nothing_is_never_flagged() -> None:
    gold = np.array([True] * 9 + [False])
    score = np.array([0.7] * 8 + [0.0] * 2)
    # Flagging all ten would be right nine times.
    assert threshold_for_precision(gold, score, 0.8, least=1) == 0.7


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    right = np.array([True] * 6 + [False] * 4)
    assert calibration_error(right, np.full(10, 0.6)) == pytest.approx(0)
    assert calibration_error(right, np.full(10, 0.95)) == pytest.approx(0.35)
    assert calibration_error(np.array([], bool), np.array([])) == 0


def test_sentiment_of_a_file(tmp_path: Path, mood: EncoderMood) -> None:
    path = tmp_path / "moods.jsonl"
    rows = [
        {"id": "1", "lang": "en", "text": "so angry", "label": "negative"},
        {"id": "2", "lang": "en", "text": "so happy", "label": "positive"},
        {"id": "3", "lang": "zh-Hans", "text": "happy 了", "label": "negative", "source": "s"},
        {"id": 4, "lang": "zh-Hans", "text": "", "label": "neutral", "extra": [1]},
    ]
    write(path, rows)
    report = evaluate_sentiment(path, mood)
    assert (report.n, report.metrics["accuracy"]) == (4, 0.75)
    assert report.by_lang["en"]["accuracy"] == 1
    assert report.by_source == {"s": report.by_source["s"]}
    assert report.confusion[0] == (1, 0, 1)
    assert [row["id"] for row in worst(report)] == ["3"]


def test_frustration_of_a_file(tmp_path: Path, mood: EncoderMood) -> None:
    path = tmp_path / "moods.jsonl"
    write(
        path,
        [
            {"id": "1", "lang": "en", "text": "so angry", "frustration": True},
            {"id": "2", "lang": "en", "text": "happy", "frustration": False},
            {"id": "3", "lang": "zh-Hans", "text": "weather", "frustration": False},
        ],
    )
    report = evaluate_frustration(path, mood)
    assert report.metrics["auroc"] == 1
    assert report.metrics["f1"] == 1
    assert report.metrics["threshold"] == mood.threshold
    assert math.isnan(report.by_lang["zh-Hans"]["auroc"])


def test_intents_are_learned_from_one_file_and_measured_on_another(tmp_path: Path) -> None:
    train, data = tmp_path / "train.jsonl", tmp_path / "data.jsonl"
    words = {"mad": "angry", "glad": "happy"}
    rows = [
        {"text": f"{word} {i}", "label": label} for label, word in words.items() for i in range(30)
    ]
    write(train, [*rows, *({"text": f"weather {i}", "label": "oos"} for i in range(30))])
    write(
        data,
        [
            {"text": "angry me", "label": "mad", "in_scope": True, "lang": "en"},
            {"text": "happy me", "label": "glad", "lang": "en"},
            {"text": "weather now", "label": "none", "in_scope": False, "lang": "en"},
        ],
    )
    report = evaluate_intent(train, data, WordEncoder(), args=FreshArgs(hidden=32))
    for name in ("accuracy", "in_scope_accuracy", "oos_recall", "oos_auroc", "macro_f1"):
        assert report.metrics[name] == 1.0, name
    assert report.metrics["ece"] < 0.1


def test_a_file_of_one_intent_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", [{"text": "a", "label": "x"}, {"text": "b", "label": "oos"}])
    with pytest.raises(InputError, match="1 in-scope label"):
        evaluate_intent(tmp_path / "t.jsonl", tmp_path / "t.jsonl", WordEncoder())


def test_bad_lines_are_named_and_the_good_ones_count(tmp_path: Path, mood: EncoderMood) -> None:
    path = tmp_path / "moods.jsonl"
    good = '{"id": "1", "lang": "en", "text": "angry", "label": "negative"}'
    bad = [
        "{not json",
        '["a", "list"]',
        '{"text": 5, "label": "negative"}',
        '{"text": "x", "label": "mixed"}',
        '{"label": "negative"}',
    ]
    path.write_text("\n".join(["\ufeff" + good, "", *bad]), encoding="utf-8")
    report = evaluate_sentiment(path, mood)
    assert report.n == 1
    assert [problem.split(": ")[0] for problem in report.problems] == [
        f"{path}:{line}" for line in range(3, 8)
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{bad", b"\xff\xfe\x00"])
def test_a_file_without_a_usable_line_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"f\.jsonl"):
        read_jsonl(path, lambda row: row.text("text"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        read_jsonl(tmp_path / "none.jsonl", lambda row: row.text("text"))


def test_line_separators_inside_a_text_do_not_break_a_row(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"text": "a\u2028b\x85c"}\n{"text": "d"}', encoding="utf-8")
    assert read_jsonl(path, lambda row: row.text("text")).items == ("a\u2028b\x85c", "d")

"""Comparing runs, reports as pages, and the gate: they say what the rows say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser

from bot.errors import InputError
from training.gate import missed_bounds
from training.tasks.compare import compare_files
from training.tasks.html_report import render


def rows(path: Path, scores: list[float], **more: object) -> Path:
    lines = [json.dumps({"id": f"q{n}", "f1": s, **more}) for n, s in enumerate(scores)]
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_run_that_is_better_on_every_row_is_called_better(tmp_path: Path) -> None:
    a = rows(tmp_path / "a.jsonl", [0.2] * 30)
    b = rows(tmp_path / "b.jsonl", [0.4] * 30)
    (found,) = compare_files(a, b)
    assert (found.measure, found.n, found.verdict) == ("f1", 30, "B is better")
    assert found.change == pytest.approx(0.2)
    (back,) = compare_files(b, a)
    assert back.verdict == "A is better"


def test_noise_is_not_called_a_difference(tmp_path: Path) -> None:
    pick = np.random.default_rng(2)
    a = rows(tmp_path / "a.jsonl", list(pick.random(60)))
    b = rows(tmp_path / "b.jsonl", list(pick.random(60)))
    (found,) = compare_files(a, b)
    assert found.verdict == "no clear difference"
    assert found.low < found.change < found.high


def test_slower_is_not_better(tmp_path: Path) -> None:
    a = rows(tmp_path / "a.jsonl", [0.5] * 20, total_ms=100.0)
    b = rows(tmp_path / "b.jsonl", [0.5] * 20, total_ms=200.0)
    verdicts = {d.measure: d.verdict for d in compare_files(a, b)}
    assert verdicts == {"f1": "no clear difference", "total_ms": "A is better"}


def test_only_rows_in_both_files_count_and_none_is_an_error(tmp_path: Path) -> None:
    a = rows(tmp_path / "a.jsonl", [0.1, 0.2, 0.3])
    b = rows(tmp_path / "b.jsonl", [0.1, 0.2])
    assert compare_files(a, b)[0].n == 2
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "elsewhere", "f1": 1.0}\n', "utf-8")
    with pytest.raises(InputError, match="share no row"):
        compare_files(a, other)


def test_a_report_shows_figures_bars_and_cases_inert() -> None:
    result = {"task": "answers", "n": 2, "metrics": {"f1": 0.5, "em": float("nan")}, "config": {}}
    groups = {"language": {"en": {"f1": 0.25, "turn_ms": 900.0}, "zh": {"f1": 0.75}}}
    cases = [{"question": "<script>alert(1)</script>", "f1": 0.0}] * 60
    page = render("answers", result, groups, cases, ("question", "f1"))
    tree = LexborHTMLParser(page)
    assert tree.css_first("script") is None
    assert len(tree.css("table.cases tbody tr")) == 50
    assert "0.2500" in page
    assert "–" in page
    assert [bar.attributes["width"] for bar in tree.css("svg rect")] == ["100", "300"]


def test_the_gate_tells_every_bound_that_is_missed() -> None:
    bounds = {
        "f1": {"at_least": 0.5},
        "unsupported_after": {"at_most": 0.0},
        "gone": {"at_least": 0},
    }
    metrics = {"f1": 0.4, "unsupported_after": 0.0, "gone": None}
    missed = missed_bounds("eval answers", metrics, bounds)
    assert [m.metric for m in missed] == ["f1", "gone"]
    assert str(missed[0]) == "eval answers: f1 is 0.4, wanted at least 0.5"
    assert missed_bounds("x", {"f1": 0.5, "unsupported_after": 0, "gone": 1.0}, bounds) == []

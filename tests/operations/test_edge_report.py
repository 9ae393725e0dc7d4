"""The edge benchmark's verdicts: a run that went wrong must not read as a proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.edge_report import as_json, proofs, tables, write

RIGHT: dict[str, Any] = {
    "events": 100,
    "lost": 0,
    "answered_twice": 0,
    "conversations_disordered": 0,
}
ACKS = {"ack_p50_ms": 9.0, "ack_p99_ms": 49.0}
SPEED = {"customers": 8, "questions": 24, "answered_per_s": 2.0, **ACKS}
GOOD: dict[str, dict[str, Any]] = {
    "kills": {**RIGHT, "kills": 2, "kills_while_sending": 2},
    "forgeries": {
        "forgeries": 99,
        "accepted": {},
        "good_requests": 30,
        "events_stored": 30,
        "slowed_p50": 1.3,
    },
    "outage": {
        **RIGHT,
        "requests_refused": {500: 3},
        "stopped_for_s": 2.0,
        "stopped_in_mid_load": True,
    },
    "shared": {**RIGHT, "worked_by": [60, 40]},
    "stuck": {**RIGHT, "answered_while_one_was_stuck": 100},
    "waiting-8": SPEED,
    "busy": SPEED,
}


def test_what_went_well_holds() -> None:
    found = proofs({"postgres": GOOD})
    assert len(found) == 7
    assert all(one.holds for one in found)


@pytest.mark.parametrize(
    ("scenario", "wrong"),
    [
        ("kills", {"lost": 1}),
        ("kills", {"answered_twice": 1}),
        ("kills", {"conversations_disordered": 1}),
        ("forgeries", {"accepted": {"unsigned: 200": 1}}),
        ("forgeries", {"events_stored": 31}),
        ("forgeries", {"slowed_p50": 2.1}),
        ("outage", {"requests_refused": {503: 1}}),
        ("outage", {"stopped_in_mid_load": False}),
        ("shared", {"worked_by": [100]}),
        ("shared", {"worked_by": [90, 10]}),
        ("stuck", {"answered_while_one_was_stuck": 99}),
        ("busy", {"ack_p99_ms": 50.1}),
    ],
)
def test_one_thing_that_went_wrong_fails_its_proof_alone(
    scenario: str, wrong: dict[str, Any]
) -> None:
    found = proofs({"sqlite": {**GOOD, scenario: GOOD[scenario] | wrong}})
    assert [one.holds for one in found].count(False) == 1


def test_figures_are_kept_and_the_tables_replaced(tmp_path: Path) -> None:
    result = {
        "machine": "x86_64, 2 cores",
        "load_average": 1.0,
        "at": "2026-03-01T12:00:00",
        "kind": "edge",
        "proofs": as_json(proofs({"sqlite": GOOD})),
        "databases": {"sqlite": GOOD},
    }
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- edge -->\nearlier figures\n<!-- /edge -->\nafter\n", "utf-8")
    write(result, tmp_path / "new" / "edge.json", readme)
    assert json.loads((tmp_path / "new" / "edge.json").read_text("utf-8"))["proofs"]
    told = readme.read_text("utf-8")
    assert "earlier figures" not in told
    assert told.startswith("before\n")
    assert told.endswith("after\n")
    assert "| 8 | sqlite | – | 2.0 | 9.0 / 49.0 |" in tables(result)

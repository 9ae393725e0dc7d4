"""A turn must come back exactly as it went in, whatever it holds and whoever wrote it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from bot.errors import StoreError
from bot.store.codec import dump, dump_turn, load, load_turn
from bot.types import Action, Passage, Turn
from tests.store import samples
from tests.store.samples import a_turn


@given(samples.turns)
@settings(max_examples=200, deadline=None)
def test_any_turn_survives_the_round_trip(turn: Turn) -> None:
    text = dump_turn(turn)
    assert load_turn(text) == turn
    # What a database refuses must not be in the text.
    assert "\x00" not in text
    assert text.encode()


@given(samples.passages)
@settings(max_examples=100, deadline=None)
def test_any_passage_survives_the_round_trip(passage: Passage) -> None:
    assert load(Passage, dump(passage)) == passage


def test_chinese_stays_readable_in_the_database() -> None:
    assert "怎么退货？" in dump_turn(a_turn("c", "怎么退货？"))


def test_fields_of_a_newer_version_are_passed_over() -> None:
    turn = replace(a_turn(), timings_ms={}, versions={})
    data = json.loads(dump_turn(turn))
    for record in (data["message"], data["query"], data["decision"], data["replies"][0], data):
        record["from_the_future"] = [1, {"a": None}]
    assert load_turn(json.dumps(data)) == turn


def test_a_field_an_older_version_did_not_write_takes_its_default() -> None:
    data = json.loads(dump_turn(a_turn(error="boom")))
    del data["error"]
    del data["message"]["customer_id"]
    assert load_turn(json.dumps(data)).error == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"turn_id": "x"}', '"x"'])
def test_a_damaged_turn_is_an_error_with_a_way_out(text: str) -> None:
    with pytest.raises(StoreError, match=r"stored Turn cannot be read[\s\S]*fix: restore"):
        load_turn(text)


def test_numbers_of_a_model_are_stored_like_any_others() -> None:
    turn = a_turn()
    mood = replace(turn.mood, frustration=np.float32(0.5), unhappy=np.bool_(True))  # type: ignore[arg-type]
    decision = replace(turn.decision, action=Action.ABSTAIN)
    stored = load_turn(dump_turn(replace(turn, mood=mood, decision=decision)))
    assert stored.mood.frustration == 0.5
    assert stored.mood.unhappy is True
    assert stored.decision.action is Action.ABSTAIN

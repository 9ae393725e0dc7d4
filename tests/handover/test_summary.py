"""What an agent is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.channels.webhooks.handover_note import handover_note
from bot.handover.summary import HandoverSummary, suggestion, summarise
from bot.store.codec import dump, load
from bot.types import Action, Mood, Query, Retrieval
from tests.store.samples import RETURNS, a_turn, unhappy


def test_a_summary_tells_what_was_asked_tried_and_found() -> None:
    first = a_turn("c", "怎么退货？", action=Action.ABSTAIN, reason="not_in_knowledge")
    turn = a_turn(
        "c", "到底能不能退！", action=Action.HAND_OVER, reason="unhappy", mood=unhappy(0.9)
    )
    told = summarise(turn, [first])
    assert (told.asked, told.reason, told.mood) == ("到底能不能退！", "unhappy", "negative")
    assert told.moods == (0.1, 0.9)
    assert told.trend == pytest.approx(0.4)
    assert [(one.question, one.action) for one in told.tried] == [("怎么退货？", "abstain")]
    assert [source.passage_id for source in told.sources] == ["faq-returns"]
    assert load(HandoverSummary, dump(told)) == told


def test_a_suggestion_begins_with_what_fits_and_quotes_the_shop() -> None:
    turn = a_turn("c", "到底能不能退！", action=Action.HAND_OVER, reason="complaint")
    assert suggestion(turn).startswith("您好，非常抱歉")
    assert RETURNS.text in suggestion(turn)
    nothing = replace(
        turn, retrieval=Retrieval((), 0.0, ""), decision=replace(turn.decision, hits=())
    )
    assert RETURNS.text not in suggestion(nothing)


@pytest.mark.parametrize("reason", ["legal_threat", "safety", "payment_dispute"])
def test_delicate_matters_are_not_answered_with_a_quotation(reason: str) -> None:
    turn = a_turn("c", action=Action.HAND_OVER, reason=reason)
    assert RETURNS.text not in suggestion(turn)


@pytest.mark.parametrize(
    ("lang", "begins"),
    [("en", "Hello"), ("zh-Hans", "您好"), ("zh-Hant", "您好，我是店鋪"), ("other", "Hello")],
)
def test_a_suggestion_is_in_the_customers_language(lang: str, begins: str) -> None:
    turn = a_turn("c", action=Action.HAND_OVER, reason="asked_for_person")
    turn = replace(turn, query=Query("?", lang, "?"))  # type: ignore[arg-type]
    assert suggestion(turn).startswith(begins)


def test_the_private_note_has_the_mood_with_its_course_and_a_suggestion() -> None:
    mood = Mood("negative", {}, 0.82, trend=0.3, unhappy=True)
    note = handover_note(a_turn("c", action=Action.HAND_OVER, reason="worsening", mood=mood))
    assert "82%" in note
    assert "getting worse" in note
    assert "Suggested reply" in note
    assert "getting unhappier" in note

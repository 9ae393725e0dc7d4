"""What a stored turn leaves behind: flags, the waiting line, the review queue, reports."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from bot.store.queries import ConsoleQueries, ConversationDetail
from bot.store.review import SqlReview
from bot.store.sql import SqlConversations, SqlTurnStore
from bot.store.transactions import reading
from bot.types import Action, Intent, Message, Turn
from tests.store.samples import NOON, a_turn, unhappy


def detail(engine: Engine, conversation_id: str = "web:1") -> ConversationDetail:
    found = ConsoleQueries(engine).conversation(conversation_id)
    assert found is not None
    return found


def test_what_a_turn_leaves_behind(engine: Engine) -> None:
    turn = a_turn("web:1", "怎么退货？", customer_id="li", message_id="m1")
    SqlTurnStore(engine).save(turn)
    found = detail(engine)
    assert found.turns[0].turn == turn
    assert [(m.speaker, m.text, m.turn_id) for m in found.messages] == [
        ("customer", "怎么退货？", turn.turn_id),
        ("bot", "签收后7天内可以退货。", turn.turn_id),
    ]
    line = found.summary
    assert (line.status, line.lang, line.turns, line.customer_id) == ("bot", "zh-Hans", 1, "li")
    assert (line.last_text, line.unhappy, line.unanswered) == ("怎么退货？", False, 0)
    assert line.created_at == turn.message.received_at
    assert line.last_at == turn.created_at
    assert SqlReview(engine).open_items() == ()


def test_a_handover_makes_the_conversation_wait(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1"))
    turn = a_turn(
        "web:1", "真人！", action=Action.HAND_OVER, reason="unhappy", mood=unhappy(0.9),
        intent=Intent.WANTS_HUMAN,
    )  # fmt: skip
    store.save(turn)
    store.save(a_turn("web:1", "still there?"))
    line = detail(engine).summary
    assert (line.status, line.handover_reason, line.waiting_since) == (
        "waiting", "unhappy", turn.created_at,
    )  # fmt: skip
    assert (line.unhappy, line.frustration, line.unanswered) == (True, 0.9, 0)
    assert store.is_with_agent("web:1") is False
    assert [(i.kind, i.detail) for i in SqlReview(engine).open_items()] == [("handover", "unhappy")]


def test_a_handover_does_not_take_the_conversation_from_its_agent(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1"))
    SqlConversations(engine).take_over("web:1", "anna")
    store.save(a_turn("web:1", action=Action.HAND_OVER, reason="unhappy"))
    assert store.is_with_agent("web:1") is True
    assert detail(engine).summary.assigned_to == "anna"


@pytest.mark.parametrize(
    ("turn", "unanswered", "items"),
    [
        (a_turn(), 0, set()),
        (a_turn(action=Action.ABSTAIN, reason="not_in_knowledge"), 1, {"knowledge_gap"}),
        (a_turn(action=Action.HAND_OVER, reason="two_failed"), 1, {"knowledge_gap", "handover"}),
        (
            a_turn(action=Action.HAND_OVER, reason="asked", intent=Intent.WANTS_HUMAN),
            0,
            {"handover"},
        ),
        (
            a_turn(action=Action.HAND_OVER, reason="failure", error="ValueError: x"),
            1,
            {"turn_error", "handover"},
        ),
        (a_turn(error="too slow"), 0, {"turn_error"}),
    ],
    ids=["answered", "abstained", "two_failed", "asked_for_person", "broke", "fell_back"],
)
def test_what_somebody_should_look_at(
    engine: Engine, turn: Turn, unanswered: int, items: set[str]
) -> None:
    SqlTurnStore(engine).save(turn)
    assert detail(engine).summary.unanswered == unanswered
    assert {item.kind for item in SqlReview(engine).open_items()} == items
    questions = ConsoleQueries(engine).unanswered_questions(10)
    assert [question.turn_id for question in questions] == [turn.turn_id] * unanswered


def test_review_items_can_be_closed_once(engine: Engine) -> None:
    SqlTurnStore(engine).save(a_turn(action=Action.ABSTAIN))
    review = SqlReview(engine)
    (item,) = review.open_items("knowledge_gap")
    assert review.close(item.item_id, "anna") is True
    assert review.close(item.item_id, "anna") is False
    assert review.open_items() == ()


def test_a_customer_who_comes_back_is_joined_to_the_conversation_before(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1", customer_id="li"))
    store.save(a_turn("web:2", customer_id="li"))
    store.save(a_turn("web:3", customer_id="wang"))
    store.save(a_turn("web:4"))
    store.save(a_turn("web:5"))
    found = [detail(engine, f"web:{n}").summary.previous_conversation_id for n in range(1, 6)]
    assert found == ["", "web:1", "", "", ""]


def test_messages_an_agent_has_to_answer_are_recorded_once(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    message = Message("web:1", "hello?", "web", message_id="m1", received_at=NOON)
    assert store.record(message) is True
    assert store.record(message) is False
    assert store.record(replace(message, text="", message_id="m2")) is False
    assert [entry.text for entry in store.history("web:1")] == ["hello?"]


def test_a_new_message_opens_a_resolved_conversation(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1"))
    SqlConversations(engine).resolve("web:1", "anna")
    store.record(Message("web:1", "one more thing", "web"))
    assert detail(engine).summary.status == "bot"


def test_customers_of_one_channel_may_use_the_same_message_numbers(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1", "first", message_id="1"))
    store.save(a_turn("web:2", "second", message_id="1"))
    assert store.history("web:2")[0].text == "second"


def test_a_moment_without_timezone_is_taken_for_utc(engine: Engine) -> None:
    turn = a_turn("web:1")
    naive = replace(turn.message, received_at=NOON.replace(tzinfo=None))
    SqlTurnStore(engine).save(replace(turn, message=naive))
    assert detail(engine).summary.created_at == NOON


def test_columns_for_reports_are_filled(engine: Engine) -> None:
    SqlTurnStore(engine).save(a_turn())
    with reading(engine) as connection:
        row = connection.execute(
            text("SELECT action, total_ms, first_ms, generator, encoder, index_version FROM turns")
        ).one()
    assert tuple(row) == ("answer", 90.0, 40.0, "qwen", "e5", "idx-3")

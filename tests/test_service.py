"""The turn: every message gets a reply and a stored turn, whatever fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.answering.compose import Composer
from bot.answering.decision import Thresholds
from bot.answering.drafting import Drafter
from bot.answering.wording import Wording
from bot.handover.hours import OpeningHours
from bot.service import Service
from bot.types import (
    Action,
    HistoryEntry,
    Hit,
    Intent,
    Message,
    Mood,
    Passage,
    Query,
    Retrieval,
)
from tests.fakes import FakeTurnStore
from tests.scripted import ScriptedGenerator

MIDNIGHT = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
NIGHT_TIME = OpeningHours.read("mon-fri 09:00-18:00")
HIT = Hit(Passage("p", "faq", "en", "Returns", "You have 30 days."), 1.0)


@dataclass
class Stages:
    """Stages whose results a test sets; `broken` names the one that raises."""

    answerability: float = 0.9
    intent: Intent = Intent.QUESTION
    mood_now: Mood = field(default_factory=lambda: Mood("neutral"))
    broken: str = ""
    seen_history: Sequence[HistoryEntry] = ()

    def __call__(self, message: Message, history: Sequence[HistoryEntry]) -> Query:
        self.seen_history = history
        if self.broken == "understand":
            raise RuntimeError("understanding broke")
        return Query(message.text, "en", message.text, self.intent, 0.9)

    def read(self, message: Message, history: Sequence[HistoryEntry]) -> Mood:
        return self.mood_now

    def search(self, query: Query, limit: int = 5) -> Retrieval:
        if self.broken == "search":
            raise RuntimeError("secret path /etc/shop broke")
        return Retrieval((HIT,), self.answerability, "index-7")


def service(stages: Stages, store: FakeTurnStore, reply: str = "You have 30 days [1].") -> Service:
    return Service(
        understand=stages,
        mood=stages,
        retriever=stages,
        composer=Composer(
            Drafter(ScriptedGenerator(reply)),
            Wording("Shop", "店", NIGHT_TIME, lambda: MIDNIGHT),
        ),
        store=store,
        thresholds=Thresholds(answer=0.5),
        versions={"generator": "scripted"},
        max_chars=200,
    )


def ask(text: str, stages: Stages | None = None, store: FakeTurnStore | None = None):  # type: ignore[no-untyped-def]
    store = store or FakeTurnStore()
    message = Message("c1", text, "test")
    replies = list(service(stages or Stages(), store).answer(message))
    return replies, store.turns[-1]


def test_a_turn_is_stored_with_everything_that_led_to_it() -> None:
    replies, turn = ask("How long?")
    assert [reply.text for reply in replies] == ["You have 30 days."]
    assert turn.replies == tuple(replies)
    assert turn.draft == "You have 30 days [1]."
    assert turn.versions == {"generator": "scripted", "index": "index-7"}
    assert turn.decision.action is Action.ANSWER
    assert {"understand", "mood", "retrieve", "compose", "total"} <= set(turn.timings_ms)
    assert turn.turn_id


@pytest.mark.parametrize("broken", ["understand", "search"])
def test_a_stage_that_breaks_is_the_logs_business_not_the_customers(broken: str) -> None:
    replies, turn = ask("How long?", Stages(broken=broken))
    assert "went wrong" in replies[0].text
    assert "colleague" in replies[1].text, "what happens next"
    assert not any("broke" in reply.text for reply in replies)
    assert "broke" in turn.error
    assert turn.decision.action is Action.HAND_OVER, "somebody looks at it"


def test_a_message_that_is_too_long_is_refused_politely() -> None:
    replies, turn = ask("x" * 100_000)
    assert "too long" in replies[0].text
    assert turn.decision.reason == "too_long"


def test_a_customer_who_leaves_in_the_middle_is_stored_too() -> None:
    store = FakeTurnStore()
    replies = service(Stages(), store, "You have 30 days [1]. " * 3 + "More [1].").answer(
        Message("c1", "How long?", "test")
    )
    next(replies)
    replies.close()
    assert store.turns[-1].error == "", "leaving is no failure that somebody must look at"
    assert len(store.turns[-1].replies) == 1


def test_while_a_person_has_the_word_the_bot_is_silent_and_keeps_the_message() -> None:
    store = FakeTurnStore(agents={"c1"})
    replies, turn = ask("Hello?", store=store)
    assert replies == []
    assert turn.decision.action is Action.SILENT
    assert turn.message.text == "Hello?"


def test_a_refusal_by_the_generator_counts_as_not_knowing() -> None:
    store = FakeTurnStore()
    message = Message("c1", "How long?", "test")
    unsure = Stages(answerability=0.6)
    list(service(unsure, store, "I don't have that information. [none]").answer(message))
    assert store.turns[-1].decision.action is Action.ABSTAIN
    assert store.turns[-1].decision.reason == "declined"


def test_answer_turn_gives_the_same_turn_without_storing_it() -> None:
    store = FakeTurnStore()
    turn = service(Stages(), store).answer_turn(Message("c1", "How long?", "test"))
    assert turn.reply_text == "You have 30 days."
    assert store.turns == []


def test_history_reaches_understanding() -> None:
    store = FakeTurnStore()
    stages = Stages()
    answering = service(stages, store)
    list(answering.answer(Message("c1", "How long?", "test")))
    list(answering.answer(Message("c1", "and worn ones?", "test")))
    assert [entry.text for entry in stages.seen_history] == ["How long?", "You have 30 days."]


def test_an_unhappy_customer_is_flagged_and_told_what_happens_next() -> None:
    angry = Mood("negative", frustration=0.97, unhappy=True)
    replies, turn = ask("This is the third time!!", replace(Stages(), mood_now=angry))
    assert turn.decision.action is Action.HAND_OVER
    assert any("today at 9:00 (UTC)" in reply.text for reply in replies)

"""What the worker asks of the queue beside claims and leases: bursts, doubt, echoes, people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from bot.handover.states import Standing, followed
from bot.store.lane import Backoff
from bot.store.queries import ConsoleQueries
from bot.store.queue import SqlQueue
from bot.store.queue_records import Elsewhere, ElsewhereEvent, Inbound, Outgoing
from bot.store.records import Status
from bot.store.review import SqlReview
from bot.store.tables import messages, outbox
from bot.store.turns import SqlTurnStore
from bot.types import Action, Message
from tests.channels.webhooks.support import a_turn

KEY = "chatwoot:1:42"


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 6, 1, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(engine: Engine, clock: Clock) -> SqlQueue:
    return SqlQueue(engine, Backoff(chance=lambda: 1.0), clock)


def inbound(number: int, key: str = KEY) -> Inbound:
    return Inbound("chatwoot", f"m{number}", key, str(number))


def said(number: int) -> Message:
    return Message(KEY, f"text {number}", "chatwoot", message_id=f"{KEY}:m{number}")


def test_a_delayed_event_is_claimed_when_it_is_due(queue: SqlQueue, clock: Clock) -> None:
    assert queue.receive(inbound(1), delay_s=1.5)
    assert queue.claim_inbox("w") == ()
    clock.pass_s(1.5)
    assert len(queue.claim_inbox("w")) == 1


def test_putting_off_is_no_failed_attempt(queue: SqlQueue, clock: Clock) -> None:
    queue.receive(inbound(1))
    for _ in range(20):
        (item,) = queue.claim_inbox("w")
        assert item.lease.attempt == 1
        assert queue.put_off(item, 1.0)
        assert queue.claim_inbox("w") == ()
        clock.pass_s(1.0)


def test_what_follows_is_seen_in_order_and_absorbed_with_the_first(
    queue: SqlQueue, clock: Clock
) -> None:
    for number in (1, 2, 3):
        queue.receive(inbound(number))
    queue.receive(inbound(4, "chatwoot:1:43"))
    first, other = queue.claim_inbox("w", 10)
    behind = queue.following(first)
    assert [follower.event.payload for follower in behind] == ["2", "3"]
    assert queue.following(other) == ()
    assert queue.complete(first, message=said(3), absorbed=behind[:1])
    (third,) = queue.claim_inbox("w", 10)
    assert third.event.payload == "3"
    assert queue.stats().inbox.done == 2


def test_a_worker_that_lost_its_lease_absorbs_nothing(queue: SqlQueue, clock: Clock) -> None:
    queue.receive(inbound(1))
    queue.receive(inbound(2))
    (late,) = queue.claim_inbox("late", lease_s=10)
    behind = queue.following(late)
    clock.pass_s(11)
    (taken,) = queue.claim_inbox("next")
    assert not queue.complete(late, message=said(1), absorbed=behind)
    assert queue.complete(taken, message=said(1), absorbed=queue.following(taken))
    assert queue.stats().inbox.done == 2


def outgoing(queue: SqlQueue, key: str = "t1:reply") -> None:
    queue.enqueue([Outgoing(key, "chatwoot", KEY, "reply", "hello")])


def test_a_delivery_nobody_heard_of_again_is_in_doubt(queue: SqlQueue, clock: Clock) -> None:
    outgoing(queue)
    (item,) = queue.claim_outbox("w", lease_s=10)
    assert not item.in_doubt
    assert queue.sending(item)
    clock.pass_s(11)
    (again,) = queue.claim_outbox("next", lease_s=10)
    assert again.in_doubt
    assert not queue.sending(item), "the first worker must not send any more"
    assert queue.fail(again, "refused")
    clock.pass_s(60)
    (third,) = queue.claim_outbox("next")
    assert not third.in_doubt
    assert queue.fail(third, "no answer", in_doubt=True)
    clock.pass_s(60)
    (fourth,) = queue.claim_outbox("next")
    assert fourth.in_doubt
    assert queue.delivered(fourth, "4712")


def test_an_echo_confirms_whoever_sends(queue: SqlQueue, engine: Engine) -> None:
    outgoing(queue)
    (item,) = queue.claim_outbox("w")
    assert queue.confirm("t1:reply", "4712")
    assert not queue.confirm("t1:reply", "4712")
    assert not queue.confirm("somebody else's", "1")
    assert not queue.delivered(item, "4712"), "known already"
    with engine.connect() as connection:
        row = connection.execute(select(outbox)).one()
    assert (row.status, row.external_id, row.error) == ("done", "4712", "")


def test_a_reply_that_was_not_said_leaves_the_transcript(queue: SqlQueue, engine: Engine) -> None:
    turn = a_turn(said(1), "hello", action=Action.SMALLTALK)
    SqlTurnStore(engine).save(turn)
    outgoing(queue, f"{turn.turn_id}:reply")
    (item,) = queue.claim_outbox("w")
    assert queue.discard(item, "opened", unsaid_turn_id=turn.turn_id)
    with engine.connect() as connection:
        assert connection.execute(select(messages.c.speaker)).scalars().all() == ["customer"]
    detail = ConsoleQueries(engine).conversation(KEY)
    assert detail is not None
    assert len(detail.turns) == 1, "the turn itself is kept"


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        ("bot", "taken_over", "agent"),
        ("resolved", "taken_over", "agent"),
        ("bot", "opened", "waiting"),
        ("agent", "opened", "agent"),
        ("resolved", "opened", "resolved"),
        ("waiting", "handed_back", "bot"),
        ("agent", "handed_back", "bot"),
        ("resolved", "handed_back", "resolved"),
        ("agent", "resolved", "resolved"),
        ("bot", "resolved", "resolved"),
    ],
)
def test_what_happened_elsewhere_is_followed(
    before: Status, event: ElsewhereEvent, after: Status
) -> None:
    standing = Standing(before, "mei" if before == "agent" else "", owed=before == "waiting")
    assert followed(standing, event, "lei").status == after


def test_another_agent_may_follow_the_first(queue: SqlQueue, engine: Engine) -> None:
    for number, agent in ((1, "mei"), (2, "lei")):
        queue.receive(inbound(number))
        (item,) = queue.claim_inbox("w")
        done = Elsewhere("taken_over", KEY, "chatwoot", "", agent, f"{agent} here", f"m{number}")
        assert queue.complete(item, elsewhere=done)
    detail = ConsoleQueries(engine).conversation(KEY)
    assert detail is not None
    assert (detail.summary.status, detail.summary.assigned_to) == ("agent", "lei")
    assert [(m.author, m.text) for m in detail.messages] == [
        ("mei", "mei here"),
        ("lei", "lei here"),
    ]


def test_a_change_of_a_conversation_the_bot_never_saw_makes_no_conversation(
    queue: SqlQueue, engine: Engine
) -> None:
    queue.receive(inbound(1))
    (item,) = queue.claim_inbox("w")
    assert queue.complete(item, elsewhere=Elsewhere("opened", KEY, "chatwoot"))
    assert ConsoleQueries(engine).summary(KEY) is None


def test_taking_over_closes_the_open_handover(queue: SqlQueue, engine: Engine) -> None:
    turn = a_turn(said(1), "a colleague", action=Action.HAND_OVER, reason="unhappy")
    SqlTurnStore(engine).save(turn)
    review = SqlReview(engine)
    assert "handover" in [item.kind for item in review.open_items()]
    queue.receive(inbound(2))
    (item,) = queue.claim_inbox("w")
    queue.complete(item, elsewhere=Elsewhere("taken_over", KEY, "chatwoot", agent="mei"))
    assert "handover" not in [item.kind for item in review.open_items()]

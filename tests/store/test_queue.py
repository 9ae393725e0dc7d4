"""Inbox and outbox: nothing lost, nothing twice, in order, whoever dies in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.store.lane import PATIENT_WAITS_S, Backoff
from bot.store.queries import ConsoleQueries
from bot.store.queue import SqlQueue
from bot.store.queue_records import ExternalRef, Inbound, InboxItem, Outgoing
from bot.store.sql import SqlTurnStore
from bot.types import Message
from tests.store.samples import NOON, a_turn, event, reply


@dataclass
class Clock:
    """Time that passes when told to."""

    now: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(engine: Engine, clock: Clock) -> SqlQueue:
    return SqlQueue(engine, Backoff((10, 20), chance=lambda: 0.5), clock)


def take(queue: SqlQueue, worker: str = "w") -> InboxItem:
    (item,) = queue.claim_inbox(worker)
    return item


def test_an_event_comes_back_as_it_was_received(queue: SqlQueue) -> None:
    received = Inbound("chatwoot", "k", "c", '{"t":"你好"}', {"X-A": "1"}, NOON)
    assert queue.receive(received) is True
    assert take(queue).event == received


def test_a_duplicate_is_known_even_when_the_first_is_done(queue: SqlQueue) -> None:
    assert queue.receive(event("k")) is True
    assert queue.receive(event("k")) is False
    assert queue.complete(take(queue)) is True
    assert queue.receive(event("k")) is False
    assert queue.receive(event("k", source="shopify")) is True


def test_duplicates_received_from_many_sides_at_once_are_stored_once(queue: SqlQueue) -> None:
    barrier = Barrier(6)

    def receive(_: int) -> list[bool]:
        barrier.wait()
        return [queue.receive(event(f"k{number}")) for number in range(10)]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(receive, range(6)))
    assert [sum(column) for column in zip(*results, strict=True)] == [1] * 10
    assert queue.stats().inbox.pending == 10


def test_a_conversation_is_worked_in_order_others_do_not_wait(queue: SqlQueue) -> None:
    for key, conversation in (("1", "c"), ("2", "c"), ("3", "d"), ("4", ""), ("5", "")):
        queue.receive(event(key, conversation))
    first = queue.claim_inbox("w", limit=9)
    assert [item.event.dedupe_key for item in first] == ["1", "3", "4", "5"]
    assert queue.claim_inbox("v", limit=9) == ()
    queue.complete(first[0])
    assert take(queue).event.dedupe_key == "2"


def test_the_same_conversation_name_in_two_channels_is_two(queue: SqlQueue) -> None:
    queue.receive(event("1"))
    queue.receive(event("2", source="slack"))
    assert len(queue.claim_inbox("w", limit=9)) == 2


def test_a_worker_may_take_only_some_sources(queue: SqlQueue) -> None:
    queue.receive(event("1", source="slack"))
    queue.enqueue([reply("r", channel="slack")])
    assert queue.claim_inbox("w", sources=["chatwoot"]) == ()
    assert queue.claim_outbox("w", channels=["chatwoot"]) == ()
    assert len(queue.claim_inbox("w", sources=["chatwoot", "slack"])) == 1
    assert len(queue.claim_outbox("w", channels=["slack"])) == 1


def test_a_failure_waits_longer_each_time_then_is_dead(queue: SqlQueue, clock: Clock) -> None:
    queue.receive(event("k"))
    queue.receive(event("next"))
    for wait_s in (10, 20):
        assert queue.fail(take(queue), "no connection") is True
        clock.pass_s(wait_s - 1)
        assert queue.claim_inbox("w") == (), "order holds while the first one waits"
        clock.pass_s(1)
    queue.fail(take(queue), "no connection")
    assert queue.stats().inbox.dead == 1
    assert take(queue).event.dedupe_key == "next", "a dead one holds nobody up"


def test_a_permanent_failure_is_dead_at_once_and_can_be_asked_for_again(queue: SqlQueue) -> None:
    queue.enqueue([reply("k")])
    (item,) = queue.claim_outbox("w")
    queue.fail(item, "404", permanent=True)
    assert queue.claim_outbox("w") == ()
    assert queue.requeue_dead("outbox", ["slack"]) == 0
    assert queue.requeue_dead("inbox") == 0
    assert queue.requeue_dead("outbox") == 1
    (again,) = queue.claim_outbox("w")
    assert again.outgoing == item.outgoing
    assert again.lease.attempt == 1


def test_a_wait_the_other_side_asked_for_is_kept(queue: SqlQueue, clock: Clock) -> None:
    queue.receive(event("k"))
    queue.fail(take(queue), "429", retry_after_s=60)
    clock.pass_s(59)
    assert queue.claim_inbox("w") == ()
    clock.pass_s(1)
    assert take(queue).lease.attempt == 2


def test_an_expired_lease_is_taken_over_and_the_old_worker_can_do_no_harm(
    queue: SqlQueue, clock: Clock, engine: Engine
) -> None:
    queue.receive(event("k"))
    slow = take(queue, "slow")
    clock.pass_s(121)
    fast = take(queue, "fast")
    turn = a_turn("c")
    assert queue.complete(slow, turn=turn, out=[reply("late")]) is False
    assert queue.fail(slow, "late") is False
    assert queue.discard(slow, "late") is False
    assert queue.renew(slow) is False
    assert SqlTurnStore(engine).history("c") == ()
    assert queue.stats().outbox.pending == 0
    assert queue.complete(fast, turn=turn, out=[reply("r")]) is True


def test_a_worker_that_lost_a_lease_is_not_mistaken_for_itself(
    queue: SqlQueue, clock: Clock
) -> None:
    queue.receive(event("k"))
    before = take(queue)
    clock.pass_s(121)
    now = take(queue)
    assert queue.complete(before) is False
    assert queue.complete(now) is True
    assert queue.complete(now) is False


def test_a_lease_can_be_prolonged(queue: SqlQueue, clock: Clock) -> None:
    queue.receive(event("k"))
    item = take(queue)
    clock.pass_s(100)
    assert queue.renew(item) is True
    clock.pass_s(100)
    assert queue.claim_inbox("other") == ()
    assert queue.complete(item) is True


def test_an_event_that_kills_its_workers_does_not_kill_them_for_ever(
    queue: SqlQueue, clock: Clock
) -> None:
    queue.receive(event("poison"))
    queue.receive(event("fine"))
    for _ in range(3):
        assert take(queue).event.dedupe_key == "poison"
        clock.pass_s(121)
    assert queue.claim_inbox("w") == ()
    assert queue.stats().inbox.dead == 1
    assert take(queue).event.dedupe_key == "fine"


def test_completing_stores_turn_replies_and_reference_together(
    queue: SqlQueue, engine: Engine
) -> None:
    queue.receive(event("k"))
    turn = a_turn("c", channel="chatwoot")
    queue.complete(
        take(queue), turn=turn, out=[reply("r1"), reply("r2")], external=ExternalRef("1", "42")
    )
    found = ConsoleQueries(engine).conversation("c")
    assert found is not None
    assert found.turns[0].turn == turn
    assert (found.summary.external_account_id, found.summary.external_conversation_id) == (
        "1",
        "42",
    )
    stats = queue.stats()
    assert (stats.inbox.done, stats.outbox.pending) == (1, 2)


def test_completing_for_a_conversation_with_an_agent_keeps_the_message(
    queue: SqlQueue, engine: Engine
) -> None:
    queue.receive(event("k"))
    queue.complete(take(queue), message=Message("c", "hello?", "chatwoot", message_id="9"))
    assert [entry.text for entry in SqlTurnStore(engine).history("c")] == ["hello?"]


def test_an_error_while_completing_stores_nothing(queue: SqlQueue, engine: Engine) -> None:
    queue.receive(event("k"))
    item = take(queue)
    broken = Outgoing("r", "chatwoot", "c", "carrier pigeon", "text")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="outbox_kind"):
        queue.complete(item, turn=a_turn("c"), out=[broken])
    assert SqlTurnStore(engine).history("c") == ()
    assert queue.complete(item, turn=a_turn("c"), out=[reply("r")]) is True


def test_a_reply_goes_out_once_and_in_order(queue: SqlQueue) -> None:
    assert queue.enqueue([reply("1"), reply("2"), reply("3", "d")]) == 3
    assert queue.enqueue([reply("1"), reply("2")]) == 0
    first = queue.claim_outbox("w", limit=9)
    assert [item.outgoing for item in first] == [reply("1"), reply("3", "d")]
    assert queue.delivered(first[0], external_id="4712") is True
    assert queue.delivered(first[0]) is False
    (second,) = queue.claim_outbox("w", limit=9)
    assert second.outgoing.key == "2"


def test_what_is_no_longer_wanted_is_closed_with_its_reason(queue: SqlQueue) -> None:
    queue.enqueue([reply("1"), reply("2")])
    queue.receive(event("k"))
    (item,) = queue.claim_outbox("w")
    assert queue.discard(item, "an agent answered") is True
    assert queue.discard(take(queue), "not for us") is True
    assert [item.outgoing.key for item in queue.claim_outbox("w")] == ["2"]
    stats = queue.stats()
    assert (stats.inbox.discarded, stats.outbox.discarded) == (1, 1)


def test_figures_tell_how_long_the_oldest_has_waited(queue: SqlQueue, clock: Clock) -> None:
    assert queue.stats().inbox.oldest_open_s == 0
    queue.receive(event("1"))
    clock.pass_s(30)
    queue.receive(event("2"))
    assert queue.stats().inbox.oldest_open_s == 30


def test_old_rows_that_ended_well_are_deleted_others_stay(queue: SqlQueue, clock: Clock) -> None:
    for key in ("done", "dead", "open"):
        queue.receive(event(key, key))
    done, dead = queue.claim_inbox("w", limit=2)
    queue.complete(done)
    queue.fail(dead, "x", permanent=True)
    clock.pass_s(10 * 86400)
    assert queue.purge(timedelta(days=30)) == 0
    assert queue.purge(timedelta(days=7)) == 1
    stats = queue.stats().inbox
    assert (stats.done, stats.dead, stats.pending) == (0, 1, 1)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_follow_the_schedule_and_differ_by_chance(attempt: int, chance: float) -> None:
    backoff = Backoff(chance=lambda: chance)
    planned = PATIENT_WAITS_S[min(attempt, len(PATIENT_WAITS_S)) - 1]
    assert 0.9 * planned <= backoff.wait_s(attempt) <= 1.1 * planned


def test_a_system_that_is_down_for_two_days_loses_nothing(engine: Engine, clock: Clock) -> None:
    """Replies to Chatwoot once died after four minutes of trying."""
    queue = SqlQueue(engine, clock=clock)
    queue.enqueue([Outgoing("k", "chatwoot", "c", "reply", "hello")])
    down_until = clock.now + timedelta(days=2)
    for _ in range(1000):
        for item in queue.claim_outbox("w"):
            if clock.now >= down_until:
                assert queue.delivered(item)
            else:
                assert queue.fail(item, "cannot be reached")
        clock.pass_s(600)
    assert queue.stats().outbox.done == 1


def test_a_channel_may_have_a_schedule_of_its_own(engine: Engine, clock: Clock) -> None:
    once = {"events": Backoff(())}
    queue = SqlQueue(engine, clock=clock, channel_backoffs=once)
    queue.enqueue([Outgoing(name, name, "", "event", "") for name in ("events", "chatwoot")])
    for item in queue.claim_outbox("w", 2):
        queue.fail(item, "no")
    stats = queue.stats().outbox
    assert (stats.dead, stats.pending) == (1, 1)

"""The operator's side of the queue: dead rows are seen, tried again or closed; no others are."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from bot.store.lane import Backoff
from bot.store.queue import SqlQueue
from bot.store.queue_desk import QueueDesk
from tests.store.samples import event, reply


@pytest.fixture
def queue(engine: Engine) -> SqlQueue:
    return SqlQueue(engine, Backoff(waits_s=()))


@pytest.fixture
def desk(engine: Engine) -> QueueDesk:
    return QueueDesk(engine)


def _kill(queue: SqlQueue, *keys: str) -> None:
    for key in keys:
        queue.receive(event(key, f"c-{key}"))
        (item,) = queue.claim_inbox("w")
        queue.fail(item, "the generator is gone", permanent=True)


def test_what_was_given_up_is_listed_with_its_reason(queue: SqlQueue, desk: QueueDesk) -> None:
    _kill(queue, "a")
    queue.receive(event("b", "c-b"))
    (row,) = desk.rows("inbox", "dead")
    assert (row.key, row.conversation_id, row.status) == ("a", "c-a", "dead")
    assert (row.error, row.attempts) == ("the generator is gone", 1)
    assert row.finished_at is not None
    assert len(desk.rows("inbox")) == 2
    assert desk.row("inbox", row.row_id) == row
    assert desk.row("inbox", 999) is None
    assert desk.rows("inbox", system="nobody") == ()


def test_a_replayed_row_is_worked_like_a_new_one(queue: SqlQueue, desk: QueueDesk) -> None:
    _kill(queue, "a", "b")
    first, second = desk.rows("inbox", "dead")
    assert desk.replay("inbox", [first.row_id, 999]) == 1
    (item,) = queue.claim_inbox("w")
    assert item.event.dedupe_key == "a"
    assert item.lease.attempt == 1
    assert queue.complete(item) is True
    assert desk.rows("inbox", "dead") == (second,)


def test_only_dead_rows_are_touched(queue: SqlQueue, desk: QueueDesk) -> None:
    queue.receive(event("pending", "p"))
    queue.receive(event("working", "w"))
    queue.claim_inbox("w", limit=1)
    everything = [row.row_id for row in desk.rows("inbox")]
    before = desk.rows("inbox")
    assert desk.replay("inbox", everything) == 0
    assert desk.drop("inbox", everything, "why not") == 0
    assert desk.rows("inbox") == before


def test_a_dropped_row_stays_on_record_and_is_not_sent(queue: SqlQueue, desk: QueueDesk) -> None:
    queue.enqueue([reply("r", "c")])
    (item,) = queue.claim_outbox("w")
    queue.fail(item, "401", permanent=True)
    (row,) = desk.rows("outbox", "dead")
    assert desk.drop("outbox", [row.row_id], "shop closed") == 1
    assert queue.claim_outbox("w") == ()
    (dropped,) = desk.rows("outbox")
    assert (dropped.status, dropped.error) == ("discarded", "shop closed: 401")
    assert desk.replay("outbox", [row.row_id]) == 0


def test_what_may_have_arrived_is_still_in_doubt_when_replayed(
    queue: SqlQueue, desk: QueueDesk
) -> None:
    queue.enqueue([reply("r", "c")])
    (item,) = queue.claim_outbox("w")
    queue.fail(item, "timeout", permanent=True, in_doubt=True)
    desk.replay("outbox", [row.row_id for row in desk.rows("outbox", "dead")])
    (again,) = queue.claim_outbox("w")
    assert again.in_doubt is True


def test_pages_of_a_long_list_follow_each_other(queue: SqlQueue, desk: QueueDesk) -> None:
    _kill(queue, *"abcde")
    seen: list[str] = []
    after = 0
    while page := desk.rows("inbox", "dead", limit=2, after=after):
        seen += [row.key for row in page]
        after = page[-1].row_id
    assert seen == list("abcde")


def test_what_dead_workers_hold_is_taken_over_at_once(engine: Engine) -> None:
    queue = SqlQueue(engine)
    for key in ("a", "b"):
        queue.receive(event(key, f"c-{key}"))
    queue.claim_inbox("dead", limit=1)
    (alive,) = queue.claim_inbox("alive", limit=1)
    assert queue.release(lambda name: name == "dead") == 1
    (item,) = queue.claim_inbox("heir", limit=9)
    assert item.event.dedupe_key == "a"
    assert queue.complete(alive) is True

"""Events to subscribers: one transaction with the turn, signatures, rotation, 410, replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from standardwebhooks import Webhook, WebhookVerificationError

from bot.channels.webhooks.events import EventSender, check_secret, new_secret
from bot.channels.worker import Worker
from bot.errors import InputError
from bot.store.events import CHANNEL, KINDS, SqlEvents, publish
from bot.store.lane import STANDARD_WAITS_S, Backoff
from bot.store.queue import SqlQueue
from bot.store.subscribers import SqlSubscribers
from bot.store.tables import events, outbox
from bot.store.transactions import writing
from bot.store.turns import SqlTurnStore
from bot.types import Action, Message, Mood, Turn
from tests.channels.webhooks.http_peer import Asked, HttpPeer, listening
from tests.channels.webhooks.support import IMPATIENT, LOOPBACK, QUICK, a_turn, stays, wait_for

OLD, NEW = new_secret(), new_secret()


@pytest.fixture
def receiver() -> Iterator[HttpPeer]:
    """Somebody who takes everything."""
    with listening(HttpPeer(lambda _asked: (204, None))) as peer:
        yield peer


class Side:
    """Our side: subscribers, events, a worker."""

    def __init__(self, engine: Engine, backoff: Backoff = IMPATIENT) -> None:
        self.engine = engine
        self.queue = SqlQueue(engine, backoff)
        self.turns = SqlTurnStore(engine)
        self.events, self.subscribers = SqlEvents(engine), SqlSubscribers(engine)
        sender = EventSender(self.events, self.subscribers)
        self.worker = Worker(
            self.queue, a_turn, {}, self.turns.is_with_agent, QUICK, LOOPBACK,
            senders={CHANNEL: sender},
        )  # fmt: skip

    def sent(self) -> bool:
        box = self.queue.stats().outbox
        return box.pending == box.working == 0


@pytest.fixture
def side(sqlite_engine: Engine) -> Iterator[Side]:
    made = Side(sqlite_engine)
    with made.worker:
        yield made


def said(number: int = 1, text: str = "can I return shoes?") -> Message:
    return Message("web:1", text, "web", message_id=f"web:1:m{number}")


def handover(number: int = 1) -> Turn:
    mood = Mood("negative", {}, 0.9, unhappy=True)
    words = "Scandal! Write to li.lei@example.com"
    return a_turn(
        said(number, words), "One moment.", action=Action.HAND_OVER, reason="unhappy", mood=mood
    )


def verified(asked: Asked, secret: str) -> dict[str, object]:
    """What the receiver's library makes of it."""
    return Webhook(secret).verify(asked.raw, asked.headers)


def test_a_turn_tells_every_subscriber_what_it_wants_to_know(
    engine: Engine, receiver: HttpPeer
) -> None:
    side = Side(engine)
    side.subscribers.add("crm", f"{receiver.url}/crm", [OLD])
    side.subscribers.add("pager", f"{receiver.url}/pager", [NEW], ["conversation.handoff"])
    with side.worker:
        side.turns.save(a_turn(said(1)))
        side.turns.save(handover(2))
        side.turns.save(handover(3))
        abstained = a_turn(said(4, "Do you sell kites?"), "I don't know.", action=Action.ABSTAIN)
        side.turns.save(abstained)
        wait_for(side.sent)
    crm = [asked for asked in receiver.asked if asked.path == "/crm"]
    told = [verified(asked, OLD) for asked in crm]
    kinds = Counter(str(event["type"]) for event in told)
    assert kinds["turn.answered"] == 4
    assert kinds["conversation.handoff"] == 2
    assert kinds["customer.unhappy"] == 1, "once a conversation"
    pager = [verified(asked, NEW) for asked in receiver.asked if asked.path == "/pager"]
    assert {event["type"] for event in pager} == {"conversation.handoff"}
    handoff = next(event for event in told if event["type"] == "conversation.handoff")
    data = handoff["data"]
    assert isinstance(data, dict)
    assert (data["conversation_id"], data["reason"]) == ("web:1", "unhappy")
    assert "li.lei@example.com" not in json.dumps(told), "what customers wrote is masked"
    gaps = [event["data"] for event in told if event["type"] == "knowledge.gap"]
    assert "Do you sell kites?" in [gap["question"] for gap in gaps if isinstance(gap, dict)]
    for asked in crm:
        assert len(asked.raw) < 20_000
        assert asked.headers["webhook-id"].isascii()
        assert "." not in asked.headers["webhook-id"]


def test_an_event_is_there_if_and_only_if_its_turn_is(sqlite_engine: Engine) -> None:
    side = Side(sqlite_engine)
    side.subscribers.add("crm", "https://crm.example", [OLD])

    def fail() -> None:
        with writing(sqlite_engine) as connection:
            publish("turn.answered", {"conversation_id": "c"}, connection)
            raise RuntimeError("the transaction fails")

    with pytest.raises(RuntimeError):
        fail()
    with sqlite_engine.connect() as connection:
        for table in (events, outbox):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_nobody_to_tell_nothing_to_store(sqlite_engine: Engine) -> None:
    side = Side(sqlite_engine)
    side.turns.save(handover())
    assert side.events.latest() == ()


def test_kinds_are_known(sqlite_engine: Engine) -> None:
    with pytest.raises(ValueError, match="no kind"), writing(sqlite_engine) as connection:
        publish("order.paid", {}, connection)
    assert "turn.answered" in KINDS


def test_during_a_rotation_both_secrets_sign(side: Side, receiver: HttpPeer) -> None:
    side.subscribers.add("crm", receiver.url, [OLD])
    side.subscribers.rotate("crm", NEW)
    side.turns.save(a_turn(said()))
    wait_for(side.sent)
    for secret in (OLD, NEW):
        assert verified(receiver.asked[0], secret)["type"] == "turn.answered"
    assert side.subscribers.retire("crm") == 1
    side.turns.save(a_turn(said(2)))
    wait_for(lambda: len(receiver.asked) == 2)
    assert verified(receiver.asked[1], NEW)
    with pytest.raises(WebhookVerificationError):
        verified(receiver.asked[1], OLD)


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 502, 504, None])
def test_everything_but_success_is_tried_again_with_the_same_id_and_bytes(
    side: Side, receiver: HttpPeer, status: int | None
) -> None:
    receiver.answer_next = [None if status is None else (status, {}), (200, {})]
    side.subscribers.add("crm", receiver.url, [OLD])
    side.turns.save(a_turn(said()))
    wait_for(side.sent)
    first, second = receiver.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.raw == second.raw
    assert verified(second, OLD)


def test_gone_disables_the_subscriber_until_somebody_enables_it(
    side: Side, receiver: HttpPeer
) -> None:
    receiver.answer_next = [(410, {})]
    side.subscribers.add("crm", receiver.url, [OLD])
    side.turns.save(a_turn(said()))
    wait_for(side.sent)
    (known,) = side.subscribers.list()
    assert "410" in known.disabled_because
    side.turns.save(a_turn(said(2)))
    assert stays(lambda: len(receiver.asked) == 1, 0.2)
    with pytest.raises(InputError, match="disabled"):
        side.events.replay(since=datetime.now(UTC) - timedelta(hours=1), subscriber="crm")
    side.subscribers.enable("crm")
    assert side.events.replay(since=datetime.now(UTC) - timedelta(hours=1)) == 1
    side.worker.wake_outbox()
    wait_for(lambda: len(receiver.asked) == 2)
    assert receiver.asked[0].raw == receiver.asked[1].raw, "replayed as it was"


def test_a_receiver_asks_for_time_and_is_given_it(sqlite_engine: Engine) -> None:
    side = Side(sqlite_engine)
    headers = {"__headers__": {"Retry-After": "3000"}}
    with listening(HttpPeer(lambda _asked: (429, headers))) as peer:
        side.subscribers.add("crm", peer.url, [OLD])
        side.turns.save(a_turn(said()))
        with side.worker:
            wait_for(lambda: len(peer.asked) == 1)
            wait_for(lambda: side.queue.stats().outbox.pending == 1)
    with sqlite_engine.connect() as connection:
        due = connection.execute(select(outbox.c.next_attempt_at)).scalar_one()
    assert due - datetime.now(UTC) > timedelta(seconds=2900)


def test_one_who_is_down_holds_up_nobody_else(side: Side, receiver: HttpPeer) -> None:
    side.subscribers.add("away", "http://127.0.0.1:9/hooks", [OLD])
    side.subscribers.add("there", receiver.url, [OLD])
    for number in range(3):
        side.turns.save(a_turn(said(number)))
    wait_for(lambda: len(receiver.asked) == 3)


def test_a_private_address_is_refused_unless_it_is_allowed(
    sqlite_engine: Engine, receiver: HttpPeer
) -> None:
    side = Side(sqlite_engine)
    sender = EventSender(side.events, side.subscribers)
    guarded = Worker(
        side.queue, a_turn, {}, side.turns.is_with_agent, QUICK, senders={CHANNEL: sender}
    )
    side.subscribers.add("inside", receiver.url, [OLD])
    side.turns.save(a_turn(said()))
    with guarded:
        wait_for(lambda: side.queue.stats().outbox.pending == 1)
        assert stays(lambda: receiver.asked == [], 0.3)


def test_the_published_schedule() -> None:
    assert Backoff(STANDARD_WAITS_S).attempts == 10
    assert STANDARD_WAITS_S == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    for chance in (0.0, 1.0):
        backoff = Backoff(STANDARD_WAITS_S, lambda chance=chance: chance)
        for number, planned in enumerate(STANDARD_WAITS_S, 1):
            assert backoff.wait_s(number) == pytest.approx(planned * (0.9 + chance / 5))


def test_an_erased_event_is_not_sent(side: Side, receiver: HttpPeer) -> None:
    side.subscribers.add("crm", receiver.url, [OLD])
    side.worker.stop(1.0)
    side.turns.save(a_turn(said()))
    assert side.events.purge(timedelta(seconds=-1)) == 1
    again = Side(side.engine)
    with again.worker:
        wait_for(again.sent)
    assert receiver.asked == []
    assert again.queue.stats().outbox.discarded == 1


def test_a_subscriber_of_the_settings_follows_them(sqlite_engine: Engine) -> None:
    known = SqlSubscribers(sqlite_engine)
    known.declare("settings", "https://a.example", [OLD])
    known.disable("settings", "gone")
    known.declare("settings", "https://a.example", [OLD, NEW])
    assert known.list()[0].disabled_because == "gone", "the same address stays disabled"
    known.declare("settings", "https://b.example", [NEW])
    (now,) = known.list()
    assert (now.url, now.secrets, now.disabled_because) == ("https://b.example", (NEW,), "")
    known.declare("settings", "", [])
    assert known.list() == ()


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_QUJD", "whsec_é", "whsec_" + "A" * 99])
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(InputError) as refused:
        check_secret(secret)
    assert not secret or secret not in str(refused.value)
    assert check_secret(OLD) == OLD

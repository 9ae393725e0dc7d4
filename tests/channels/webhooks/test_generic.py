"""Standard Webhooks, in and out: the specification's vector, rotation, repetition, handover."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from standardwebhooks import Webhook, WebhookVerificationError

from bot.channels.webhooks.adapter import Failure, Ignored, Parsed, Received, Refused
from bot.channels.webhooks.connecting import connected_systems
from bot.channels.webhooks.generic import Generic
from bot.channels.webhooks.pipeline import Pipeline
from bot.channels.worker import Worker
from bot.config import Settings
from bot.errors import ConfigError
from bot.store.queue import SqlQueue
from bot.store.turns import SqlTurnStore
from bot.types import Action, Message, Mood, Turn
from tests.channels.webhooks.support import IMPATIENT, LOOPBACK, QUICK, a_turn, serving, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 8
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
VECTOR_TIME = datetime.fromtimestamp(1614265330, UTC)
GENERIC = Generic("http://127.0.0.1:9", (SECRET,))


def test_the_specifications_vector_is_accepted() -> None:
    assert GENERIC.verify(VECTOR, VECTOR_BODY, VECTOR_TIME) is None


def test_any_of_several_signatures_and_secrets_will_do() -> None:
    """During a rotation both sides know two secrets, or one of them does."""
    listed = f"v1a,AAAA v1,AAAA {VECTOR['webhook-signature']}"
    rotating = Generic("http://127.0.0.1:9", (OTHER, SECRET))
    for adapter in (GENERIC, rotating):
        assert (
            adapter.verify(VECTOR | {"webhook-signature": listed}, VECTOR_BODY, VECTOR_TIME) is None
        )
    stranger = Generic("http://127.0.0.1:9", (OTHER,))
    assert stranger.verify(VECTOR, VECTOR_BODY, VECTOR_TIME) == Refused(Failure.BAD_SIGNATURE)


@pytest.mark.parametrize(
    ("headers", "failure"),
    [
        ({"webhook-id": ""}, Failure.NO_SIGNATURE),
        ({"webhook-id": "msg_2"}, Failure.BAD_SIGNATURE),
        ({"webhook-timestamp": "1614265331"}, Failure.BAD_SIGNATURE),
        ({"webhook-timestamp": "1614265330.5"}, Failure.BAD_TIMESTAMP),
        ({"webhook-signature": "v1"}, Failure.BAD_SIGNATURE),
        ({"webhook-signature": "v1,é\ud800"}, Failure.BAD_SIGNATURE),
        ({"webhook-id": "\ud800"}, Failure.BAD_SIGNATURE),
    ],
)
def test_what_was_not_signed_like_this_is_refused(
    headers: dict[str, str], failure: Failure
) -> None:
    refused = GENERIC.verify(VECTOR | headers, VECTOR_BODY, VECTOR_TIME)
    assert refused is not None
    assert refused.failure is failure


@pytest.mark.parametrize(
    ("later_s", "failure"), [(300, None), (301, Failure.TOO_OLD), (-301, Failure.IN_THE_FUTURE)]
)
def test_a_signed_request_is_good_for_five_minutes(later_s: int, failure: Failure | None) -> None:
    now = datetime.fromtimestamp(1614265330 + later_s, UTC)
    refused = GENERIC.verify(VECTOR, VECTOR_BODY, now)
    assert (refused.failure if refused else None) is failure


def parsed(kind: str, data: object) -> Parsed | Refused:
    body = json.dumps({"type": kind, "data": data}).encode()
    return GENERIC.parse(body, {"webhook-id": "msg_1"})


def test_a_customers_message() -> None:
    data = {"conversation_id": "a.b", "message_id": "7", "text": "<p>hi</p>", "lang": "zh-TW"}
    result = parsed("message.created", data)
    assert isinstance(result, Parsed)
    (item,) = result.items
    assert isinstance(item, Received)
    assert item.dedupe_key == "msg_1"
    assert (item.event.conversation_id, item.event.text) == ("generic:a.b", "hi")
    assert item.event.lang == "zh-Hant"


def test_types_that_are_not_ours_are_ignored() -> None:
    assert parsed("invoice.paid", {}) == Parsed((Ignored("event_not_used"),))


@pytest.mark.parametrize(
    "data",
    [
        *(None, [], {}, {"conversation_id": "a"}),
        *({"conversation_id": name, "message_id": "1"} for name in ("a b", "a:1", "a\n", "")),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(data: object) -> None:
    result = parsed("message.created", data)
    assert isinstance(result, Refused)
    assert result.failure is Failure.UNEXPECTED_SHAPE


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(sorted(VECTOR)), st.text()))
def test_anything_is_read_or_refused(body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(GENERIC.verify(headers, body, VECTOR_TIME), Refused)
    assert isinstance(GENERIC.parse(body, headers), Parsed | Refused)


@dataclass
class Receiver:
    """Verifies with the library what it is sent, and answers as told."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            event = Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError:
            return 401
        self.ids.append(headers["webhook-id"])
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.events.append(event)
        return status


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(receiver.take(body, {k.lower(): v for k, v in self.headers.items()}))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def post(url: str, kind: str, number: str, **data: str) -> int:
    now = datetime.now(UTC)
    body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data})
    headers = {
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(number, now, body),
    }
    return httpx.post(f"{url}/webhooks/generic", content=body, headers=headers).status_code


def handing_over(message: Message) -> Turn:
    if "person" not in message.text:
        return a_turn(message)
    mood = Mood("negative", {}, 0.9, unhappy=True)
    return a_turn(message, "One moment.", action=Action.HAND_OVER, reason="unhappy", mood=mood)


def test_in_and_out(engine: Engine) -> None:
    queue, turns = SqlQueue(engine, IMPATIENT), SqlTurnStore(engine)
    with receiving() as receiver:
        adapters = {"generic": Generic(receiver.url, (SECRET, OTHER))}
        worker = Worker(queue, handing_over, adapters, turns.is_with_agent, QUICK, LOOPBACK)
        pipeline = Pipeline(adapters, queue, worker.wake, quiet_s=0.0)
        with worker, serving(pipeline) as url:
            message = {"conversation_id": "c1", "text": "can I return shoes?"}
            receiver.answers = [503, 429]
            for _ in range(2):
                assert post(url, "message.created", "msg_1", **message, message_id="1") == 200
            wait_for(lambda: len(receiver.events) == 1)
            assert len(set(receiver.ids)) == 1, "a repetition has the id of the first attempt"
            angry = {"conversation_id": "c1", "message_id": "2", "text": "a person please"}
            assert post(url, "message.created", "msg_2", **angry) == 200
            wait_for(lambda: len(receiver.events) == 3)
            agent = {"conversation_id": "c1", "message_id": "3", "text": "hi", "agent": "Mei"}
            assert post(url, "message.agent", "msg_3", **agent) == 200
            wait_for(lambda: turns.is_with_agent("generic:c1"))
            assert post(url, "conversation.resolved", "msg_4", conversation_id="c1") == 200
            wait_for(lambda: not turns.is_with_agent("generic:c1"))
    answered, apology, handoff = receiver.events
    assert answered["type"] == apology["type"] == "turn.answered"
    assert answered["data"]["conversation_id"] == "c1"
    assert answered["data"]["in_reply_to"] == "1"
    assert answered["data"]["sources"] == [{"id": "faq-returns", "title": "Returns"}]
    assert handoff["type"] == "conversation.handoff"
    assert handoff["data"]["reason"] == "unhappy"
    assert handoff["data"]["unhappy"] is True
    assert "a person please" in handoff["data"]["summary"]


def test_a_receiver_that_is_gone_is_not_asked_again(sqlite_engine: Engine) -> None:
    queue, turns = SqlQueue(sqlite_engine, IMPATIENT), SqlTurnStore(sqlite_engine)
    with receiving() as receiver:
        receiver.answers = [410]
        adapters = {"generic": Generic(receiver.url, (SECRET,))}
        worker = Worker(queue, a_turn, adapters, turns.is_with_agent, QUICK, LOOPBACK)
        with worker, serving(Pipeline(adapters, queue, worker.wake, quiet_s=0.0)) as url:
            post(url, "message.created", "m", conversation_id="c", message_id="1", text="hi")
            wait_for(lambda: queue.stats().outbox.dead == 1)
    assert len(receiver.ids) == 1


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://x.example", ""),
        ("", SECRET),
        ("https://x.example", "hunter2"),
        ("https://x.example", "whsec_QUJD"),
        ("https://x.example", f"{SECRET} whsec_é"),
        ("x.example", SECRET),
    ],
)
def test_settings_that_do_not_go_together_are_refused(url: str, secret: str) -> None:
    with pytest.raises(ConfigError) as refused:
        connected_systems(Settings(generic_url=url, generic_secret=secret))  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)


def test_two_secrets_are_a_rotation() -> None:
    use = Settings(generic_url="https://x.example", generic_secret=f"{OTHER} {SECRET}")  # type: ignore[arg-type]
    assert list(connected_systems(use)) == ["generic"]

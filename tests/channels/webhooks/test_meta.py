"""Messenger and WhatsApp: challenge, batches, echoes and statuses, replies through Graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from bot.channels.webhooks.adapter import Adapter, Confirmed, Ignored, Parsed, Received
from bot.channels.webhooks.chat_rows import pieces
from bot.channels.webhooks.messenger import Messenger
from bot.channels.webhooks.meta import MetaApp
from bot.channels.webhooks.pipeline import Pipeline
from bot.channels.webhooks.whatsapp import WhatsApp
from bot.channels.worker import Worker
from bot.store.conversations import SqlConversations
from bot.store.queue import SqlQueue
from bot.store.turns import SqlTurnStore
from tests.channels.webhooks.http_peer import Answer, Asked, HttpPeer, listening
from tests.channels.webhooks.support import (
    IMPATIENT,
    LOOPBACK,
    QUICK,
    ScriptedAnswerer,
    serving,
    stays,
    wait_for,
)
from tests.channels.webhooks.systems import (
    META_SECRET,
    META_VERIFY,
    SYSTEMS,
    messenger_body,
    messenger_item,
    sign_meta,
    whatsapp_body,
    whatsapp_text,
)

NUMBER = "106540352242922"


@dataclass
class Graph:
    """Graph as far as it is used: who may send what where, and the echo of it."""

    peer: HttpPeer = field(init=False)
    echoes: bool = True
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    bot: str = ""

    def __post_init__(self) -> None:
        self.peer = HttpPeer(self._answer)

    def _answer(self, asked: Asked) -> Answer:
        data = asked.data
        if asked.path == "/v23.0/me/messages" and asked.bearer == "page-token":
            if "sender_action" in data:
                return 200, {"recipient_id": data["recipient"]["id"]}
            if len(data["message"]["text"]) > 2000 or data["messaging_type"] != "RESPONSE":
                return 400, {"error": {"message": "Length", "code": 100}}
            return 200, {"recipient_id": "2", "message_id": f"m_sent{len(self.peer.asked)}"}
        if asked.path == f"/v23.0/{NUMBER}/messages" and asked.bearer == "wa-token":
            if data["messaging_product"] != "whatsapp" or data["type"] != "text":
                return 400, {"error": {"message": "(#100)", "code": 100}}
            return 200, {"messages": [{"id": f"wamid.sent{len(self.peer.asked)}"}]}
        return 401, {"error": {"message": "Invalid OAuth access token", "code": 190}}

    def said(self) -> list[str]:
        """What customers were told."""
        found = [a.data.get("message") or a.data.get("text") for a in self.peer.asked]
        return [told.get("text") or told.get("body") for told in found if told]

    def sends(self, system: str, body: dict[str, Any]) -> httpx.Response:
        """A signed webhook, escaped as Meta sends it."""
        raw = json.dumps(body).encode()
        address = f"{self.bot}/webhooks/{system}"
        return self.client.post(address, content=raw, headers=dict(sign_meta(raw)))


@dataclass
class Bot:
    queue: SqlQueue
    turns: SqlTurnStore
    answerer: ScriptedAnswerer
    desk: SqlConversations


@pytest.fixture
def graph() -> Iterator[Graph]:
    made = Graph()
    with listening(made.peer), made.client:
        yield made


@contextmanager
def running(engine: Engine, graph: Graph) -> Iterator[Bot]:
    app = MetaApp(META_SECRET, META_VERIFY, f"{graph.peer.url}/v23.0")
    adapters: dict[str, Adapter] = {
        "messenger": Messenger(app, "page-token"),
        "whatsapp": WhatsApp(app, "wa-token"),
    }
    queue, turns, answerer = SqlQueue(engine, IMPATIENT), SqlTurnStore(engine), ScriptedAnswerer()
    worker = Worker(queue, answerer, adapters, turns.is_with_agent, QUICK, LOOPBACK)
    desk = SqlConversations(engine, push_channels=set(adapters))
    with worker, serving(Pipeline(adapters, queue, worker.wake, quiet_s=0.0)) as url:
        graph.bot = url
        yield Bot(queue, turns, answerer, desk)


@pytest.fixture
def bot(sqlite_engine: Engine, graph: Graph) -> Iterator[Bot]:
    with running(sqlite_engine, graph) as made:
        yield made


@pytest.mark.parametrize("system", ["messenger", "whatsapp"])
def test_the_challenge_is_answered_for_whoever_knows_the_token(
    bot: Bot, graph: Graph, system: str
) -> None:
    good = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": META_VERIFY,
    }
    url = f"{graph.bot}/webhooks/{system}"
    answer = httpx.get(url, params=good)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in (
        {"hub.verify_token": "guessed"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": "<script>alert(1)</script>"},
    ):
        assert httpx.get(url, params=good | wrong).status_code == 403


def test_every_message_of_a_batch_is_answered_once(engine: Engine, graph: Graph) -> None:
    with running(engine, graph) as bot:
        body = messenger_body(*(messenger_item(f"m_{n}", f"q{n}", str(n)) for n in (2, 3)))
        body["entry"] += messenger_body(messenger_item("m_4", "q4", "4"))["entry"]
        whatsapp = whatsapp_body(messages=[whatsapp_text("wamid.1", "q5")])
        for _ in range(2):
            answer = graph.sends("messenger", body)
            assert (answer.status_code, answer.text) == (200, "EVENT_RECEIVED")
            assert graph.sends("whatsapp", whatsapp).status_code == 200
        wait_for(lambda: bot.queue.stats().outbox.done == 4)
        assert stays(lambda: len(bot.answerer.asked) == 4, 0.2)
    assert sorted(graph.said()) == ["re: q2", "re: q3", "re: q4", "re: q5"]
    asked = {a.path: a.data for a in graph.peer.asked if "sender_action" not in a.data}
    assert asked["/v23.0/me/messages"]["recipient"]["id"] in ("2", "3", "4")
    assert asked[f"/v23.0/{NUMBER}/messages"]["to"] == "16505551234"
    assert all("token" not in a.path for a in graph.peer.asked), "no secret in an address"


@pytest.mark.parametrize(
    ("system", "body", "items"),
    [
        (
            "messenger",
            messenger_body(
                messenger_item(is_echo=True, app_id=1, metadata="t1:reply"),
                messenger_item(is_echo=True),
                {"sender": {"id": "2"}, "recipient": {"id": "1"}, "read": {"watermark": 1}},
                {"sender": {"id": "2"}, "recipient": {"id": "1"}, "delivery": {"mids": ["x"]}},
                {"sender": {"id": "../2"}, "recipient": {"id": "1"}, "message": {"mid": "m"}},
                {"message": "nonsense"},
            ),
            [
                Confirmed("t1:reply", "m_1"),
                Ignored("echo"),
                Ignored("event_not_used"),
                Ignored("event_not_used"),
                Ignored("unreadable_item"),
                Ignored("unreadable_item"),
            ],
        ),
        (
            "whatsapp",
            whatsapp_body(
                statuses=[
                    {"id": "wamid.9", "status": "sent", "biz_opaque_callback_data": "t1:reply"},
                    {"id": "wamid.9", "status": "delivered"},
                    {"id": "wamid.9", "status": "failed", "biz_opaque_callback_data": "t1:reply"},
                ],
                messages=[{"from": "1", "id": "w", "type": "reaction", "reaction": {}}, 7],
            ),
            [
                Ignored("event_not_used"),
                Ignored("unreadable_item"),
                Confirmed("t1:reply", "wamid.9"),
                Ignored("status"),
                Ignored("status"),
            ],
        ),
    ],
)
def test_what_is_no_question_is_passed_over(system: str, body: Any, items: list[object]) -> None:
    result = SYSTEMS[system].adapter.parse(json.dumps(body).encode(), {})
    assert isinstance(result, Parsed)
    assert list(result.items) == items


def test_a_broken_item_does_not_hold_up_the_others() -> None:
    body = messenger_body({"message": 7}, messenger_item())
    result = SYSTEMS["messenger"].adapter.parse(json.dumps(body).encode(), {})
    assert isinstance(result, Parsed)
    assert [type(item) for item in result.items] == [Ignored, Received]


@pytest.mark.parametrize(
    ("message", "text", "attachments"),
    [
        ({"type": "button", "button": {"text": "Yes"}}, "Yes", 0),
        ({"type": "interactive", "interactive": {"list_reply": {"title": "M"}}}, "M", 0),
        ({"type": "image", "image": {"id": "1", "caption": "this one?"}}, "this one?", 1),
        ({"type": "audio", "audio": {"id": "1"}}, "", 1),
    ],
)
def test_kinds_of_whatsapp_messages(message: Any, text: str, attachments: int) -> None:
    body = whatsapp_body(messages=[{"from": "1", "id": "w", "timestamp": "5", **message}])
    result = SYSTEMS["whatsapp"].adapter.parse(json.dumps(body).encode(), {})
    assert isinstance(result, Parsed)
    (item,) = result.items
    assert isinstance(item, Received)
    assert (item.event.text, item.event.attachments) == (text, attachments)  # type: ignore[union-attr]
    assert item.event.sent_ms == 5000  # type: ignore[union-attr]


@pytest.mark.parametrize("system", ["messenger", "whatsapp"])
def test_something_else_than_the_product_is_not_found(bot: Bot, graph: Graph, system: str) -> None:
    assert graph.sends(system, {"object": "instagram", "entry": []}).status_code == 404


def test_limits_pass_and_refusals_do_not(bot: Bot, graph: Graph) -> None:
    limit = {"error": {"message": "rate limit", "code": 80007}}
    graph.peer.answer_next = [(200, {}), (400, limit), (500, {"error": {"code": 2}})]
    graph.sends("messenger", messenger_body(messenger_item()))
    wait_for(lambda: bot.queue.stats().outbox.done == 1)
    assert graph.said()[-1] == "re: 你好"
    graph.peer.answer = lambda _asked: (400, {"error": {"message": "blocked", "code": 551}})
    graph.sends("messenger", messenger_body(messenger_item("m_2")))
    wait_for(lambda: bot.queue.stats().outbox.dead == 1)


def test_a_reply_that_may_have_arrived_is_not_sent_twice(bot: Bot, graph: Graph) -> None:
    graph.peer.answer_next = [None]
    graph.sends("whatsapp", whatsapp_body(messages=[whatsapp_text()]))
    wait_for(lambda: bot.queue.stats().outbox.discarded == 1)
    assert stays(lambda: len(graph.said()) == 1, 0.2)


def test_agents_answer_from_our_console_and_the_bot_is_silent(bot: Bot, graph: Graph) -> None:
    graph.sends("whatsapp", whatsapp_body(messages=[whatsapp_text("w1", "one")]))
    conversation = f"whatsapp:{NUMBER}:16505551234"
    wait_for(lambda: bot.queue.stats().outbox.done == 1)
    bot.desk.take_over(conversation, "mei")
    bot.desk.reply_as_agent(conversation, "mei", "This is Mei.")
    wait_for(lambda: "This is Mei." in graph.said())
    graph.sends("whatsapp", whatsapp_body(messages=[whatsapp_text("w2", "two")]))
    wait_for(lambda: bot.queue.stats().inbox.done == 2)
    assert bot.answerer.texts == ["one"]


def test_long_answers_are_cut_where_it_hurts_least() -> None:
    text = "First sentence. " * 100 + "最后一句。" * 100
    cut = pieces(text, 500)
    assert all(len(piece) <= 500 for piece in cut)
    assert "".join(cut).replace(" ", "") == text.replace(" ", "")
    assert all(piece.endswith((".", "。")) for piece in cut)
    assert pieces("x" * 1001, 500) == ["x" * 500, "x" * 500, "x"]
    assert pieces("", 10) == []

"""What the chat page may ask of the server, called by hand with whatever comes to mind."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from bot.types import Message
from tests.channels.fakes import Shop

WEB, API = "a" * 32, "b" * 32


def call(client: TestClient, name: str, sent: Any) -> Any:
    """One of the page's server functions."""
    answer = ask(client, name, sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(client: TestClient, name: str, sent: Any) -> Response:
    """The server's answer to a call, as it comes."""
    (page,) = client.get("/config").json()["components"]
    body = {"data": sent, "component_id": page["id"], "fn_name": name, "session_hash": "test"}
    return client.post("/gradio_api/component_server/", json=body)


def say(shop: Shop, conversation_id: str, channel: str, message_id: str) -> None:
    """A customer's message, answered and stored."""
    list(shop.answer(Message(conversation_id, "hello", channel, message_id=message_id)))


def test_a_conversation_is_read_back_whole(client: TestClient, shop: Shop) -> None:
    say(shop, WEB, "web", "m1")
    told = call(client, "transcript", {"conversation_id": WEB})
    assert [entry["kind"] for entry in told["entries"]] == ["customer", "bot"]
    assert told["entries"][1]["replies"][0]["citations"][0]["title"]
    assert told["status"] == "bot"


def test_only_what_people_of_the_shop_wrote_is_news(client: TestClient, shop: Shop) -> None:
    say(shop, WEB, "web", "m2")
    before = call(client, "news", {"conversation_id": WEB, "after": 0})
    assert before["entries"] == []
    shop.parts.conversations.take_over(WEB, "anna")
    shop.parts.conversations.reply_as_agent(WEB, "anna", "Hello")
    told = call(client, "news", {"conversation_id": WEB, "after": before["last_id"]})
    assert [(entry["text"], entry["author"]) for entry in told["entries"]] == [("Hello", "anna")]
    assert told["status"] == "agent"
    again = call(client, "news", {"conversation_id": WEB, "after": told["last_id"]})
    assert again["entries"] == []
    assert again["last_id"] == told["last_id"]


@pytest.mark.parametrize("name", ["transcript", "news"])
def test_other_channels_conversations_are_not_there(
    client: TestClient, shop: Shop, name: str
) -> None:
    say(shop, API, "api", f"m3-{name}")
    assert call(client, name, {"conversation_id": API}) is None


@pytest.mark.parametrize("name", ["transcript", "news", "vote"])
@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "x",
        7,
        {},
        {"conversation_id": None},
        {"conversation_id": "../../etc"},
        {"conversation_id": ["a" * 32], "after": "1"},
        {"conversation_id": "A" * 32, "after": -1},
        {"conversation_id": "c" * 32, "after": 1e300},
        {"conversation_id": "c" * 32, "after": True},
        {"turn_id": {}, "value": 1},
        {"turn_id": "nobody", "value": 1},
        {"turn_id": "nobody", "value": "1"},
    ],
)
def test_nonsense_is_answered_with_nothing(client: TestClient, name: str, sent: Any) -> None:
    assert not call(client, name, sent)


def test_nothing_else_can_be_called(client: TestClient) -> None:
    assert ask(client, "get_config", []).status_code == 404

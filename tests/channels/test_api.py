"""The open API over the whole application, with a scripted answer and a real database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.channels.app import MAX_BODY_BYTES
from bot.types import Action, Mood, ReadinessCheck, Reply
from tests.channels.fakes import ENGLISH, Script, Shop

MESSAGES = "/api/v1/messages"
SSE = {"Accept": "text/event-stream"}


def events(text: str) -> list[tuple[str, Any]]:
    """Names and data of a stream's events."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_a_question_is_answered_with_its_sources(client: TestClient, shop: Shop) -> None:
    answer = client.post(MESSAGES, json={"text": "returns?", "lang": "en-GB"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["text"] == f"{ENGLISH[0].text} {ENGLISH[1].text}"
    assert [s["citations"][0]["passage_id"] for s in body["sentences"]] == [
        "faq-returns-01.en",
        "policy-shipping.en",
    ]
    assert (body["action"], body["reason"], body["mood"]) == ("answer", "answerable", "neutral")
    (message,) = shop.answer.calls
    assert message.interface_lang == "en"
    assert message.channel == "api"
    stored = shop.parts.queries.turn(body["turn_id"])
    assert stored is not None
    assert stored.turn.conversation_id == body["conversation_id"]


def test_the_stream_has_one_event_per_sentence(client: TestClient) -> None:
    answer = client.post(MESSAGES, json={"text": "returns?"}, headers=SSE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    names = [name for name, _ in events(answer.text)]
    assert names == ["started", "sentence", "sentence", "done"]
    (_, started), *_, (_, done) = events(answer.text)
    assert started["turn_id"] == done["turn_id"]
    assert done["action"] == "answer"


def test_line_breaks_in_a_sentence_do_not_break_the_stream(client: TestClient, shop: Shop) -> None:
    text = "one\n\nevent: done\ndata: {}\r\n\r\ntwo\u2028three"
    shop.answer.default = Script((Reply(text, "verbatim"),))
    answer = client.post(MESSAGES, json={"text": "hi"}, headers=SSE)
    assert [name for name, _ in events(answer.text)] == ["started", "sentence", "done"]
    assert events(answer.text)[1][1]["text"] == text


def test_a_conversation_continues_under_its_id(client: TestClient, shop: Shop) -> None:
    for text in ("first", "second"):
        client.post(MESSAGES, json={"text": text, "conversation_id": "web-42", "customer_id": "c1"})
    detail = shop.parts.queries.conversation("web-42")
    assert detail is not None
    assert detail.summary.turns == 2
    assert detail.summary.customer_id == "c1"


def test_an_angry_customer_is_told_and_labelled(client: TestClient, shop: Shop) -> None:
    shop.answer.default = Script(
        (Reply("A colleague will answer.", "notice"),),
        Action.HAND_OVER,
        "unhappy",
        Mood("negative", {}, 0.9, 0.2, unhappy=True),
    )
    body = client.post(MESSAGES, json={"text": "This is a scam!"}).json()
    assert (body["action"], body["reason"], body["mood"]) == ("hand_over", "unhappy", "negative")


def test_the_bot_keeps_silent_while_a_person_has_the_conversation(
    client: TestClient, shop: Shop
) -> None:
    client.post(MESSAGES, json={"text": "hello", "conversation_id": "web-1"})
    shop.parts.conversations.take_over("web-1", "anna")
    body = client.post(MESSAGES, json={"text": "are you there?", "conversation_id": "web-1"}).json()
    assert body["sentences"] == []
    assert body["action"] == "silent"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"text": ""}, "empty-text", "type a question"),
        ({"text": "\x00\x00"}, "empty-text", "type a question"),
        ({"text": "x" * 501}, "text-too-long", "under 500 characters"),
        ({"text": "hi", "conversation_id": "chatwoot:1:2"}, "bad-id", "identifier"),
        ({"text": "hi", "customer_id": "a b"}, "bad-id", "identifier"),
        ({"text": 7}, "invalid-request", "text"),
        ({}, "invalid-request", "text"),
        ({"text": "hi", "txet": "x"}, "invalid-request", "txet"),
        ([], "invalid-request", ""),
    ],
)
def test_bad_input_is_refused_politely(
    client: TestClient, shop: Shop, body: object, code: str, words: str
) -> None:
    answer = client.post(MESSAGES, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == code
    assert words in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert shop.answer.calls == []


def test_refusals_speak_the_clients_language(client: TestClient) -> None:
    answer = client.post(MESSAGES, json={"text": ""}, headers={"Accept-Language": "zh-CN"})
    assert "请先输入" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b'{"text": "a', b"null", b"1e999", b'{"text":"\\ud800"}'],
)
def test_a_body_that_is_no_message_is_a_problem_object(client: TestClient, content: bytes) -> None:
    answer = client.post(MESSAGES, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 422)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "text", ["😀😀😀", "مرحبا كيف حالك", "<img src=x onerror=alert(1)>", "退货\n怎么办", "a\u202eb"]
)
def test_unusual_texts_come_through_unchanged(client: TestClient, shop: Shop, text: str) -> None:
    assert client.post(MESSAGES, json={"text": text}).status_code == 200
    assert shop.answer.calls[-1].text == text


@pytest.mark.parametrize("chunked", [True, False])
def test_a_huge_body_is_refused_before_it_is_read(
    client: TestClient, shop: Shop, chunked: bool
) -> None:
    blob = b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}'
    parts = (blob[start : start + 65_536] for start in range(0, len(blob), 65_536))
    answer = client.post(
        MESSAGES,
        content=parts if chunked else blob,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["type"] == "too-large"
    assert shop.answer.calls == []


def test_a_failure_shows_a_prepared_sentence_and_no_detail(client: TestClient, shop: Shop) -> None:
    shop.answer.default = Script(ENGLISH[:1], error=RuntimeError("password=hunter2"))
    plain = client.post(MESSAGES, json={"text": "hi"})
    assert plain.status_code == 500
    assert plain.json()["detail"].startswith("Sorry, something went wrong")
    streamed = client.post(MESSAGES, json={"text": "hi"}, headers=SSE)
    assert [name for name, _ in events(streamed.text)] == ["started", "sentence", "error"]
    for answer in (plain, streamed):
        assert "hunter2" not in answer.text
        assert "Traceback" not in answer.text


def test_feedback_is_stored_changed_and_taken_back(client: TestClient, shop: Shop) -> None:
    turn_id = client.post(MESSAGES, json={"text": "hi"}).json()["turn_id"]
    for value, stored in (("up", 1), ("down", -1), ("none", 0)):
        body = {"turn_id": turn_id, "value": value, "comment": "说得不对"}
        assert client.post("/api/v1/feedback", json=body).status_code == 204
        record = shop.parts.queries.turn(turn_id)
        assert record is not None
        assert record.feedback == stored


def test_feedback_on_an_unknown_turn_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/feedback", json={"turn_id": "nope", "value": "up"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "unknown-turn"


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"][0]["name"] == "database"


def test_readiness_tells_the_truth(shop: Shop) -> None:
    from dataclasses import replace

    from bot.channels.app import create_app

    def broken() -> list[ReadinessCheck]:
        raise RuntimeError("secret path")

    for readiness, name in (
        (lambda: [ReadinessCheck("index", ok=False, detail="not loaded")], "index"),
        (broken, "readiness"),
        (lambda: [], None),
    ):
        app = create_app(replace(shop.parts, readiness=readiness))
        with TestClient(app) as opened:
            answer = opened.get("/readyz")
        assert answer.status_code == 503
        assert [check["name"] for check in answer.json()["checks"]] == ([name] if name else [])
        assert "secret" not in answer.text


def test_the_documentation_describes_the_events(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    ok = paths[MESSAGES]["post"]["responses"]["200"]
    assert "event: sentence" in ok["content"]["text/event-stream"]["example"]
    assert ok["content"]["application/json"]["schema"]
    assert "/console" not in paths

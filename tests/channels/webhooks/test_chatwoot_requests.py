"""What is let in and what is refused: signatures, times, shapes; nothing ever raises."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.webhooks.adapter import (
    Confirmed,
    Failure,
    Ignored,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.chatwoot_payload import KEY_ATTRIBUTE
from tests.channels.webhooks.chatwoot_peer import SECRET, ChatwootPeer, PeerMessage

CHATWOOT = Chatwoot("http://chatwoot.example", "bot-token", SECRET)
VECTOR_BODY = '{"event":"message_created","id":1,"content":"退货怎么办?"}'.encode()
VECTOR = {
    "x-chatwoot-timestamp": "1780000000",
    "x-chatwoot-signature": (
        "sha256=a6e1ed8c3bf53a8dea19c901e73166d732676bbe69100433a34be7e0c0a55571"
    ),
}
VECTOR_TIME = datetime.fromtimestamp(1780000000, UTC)


def event(**changes: Any) -> dict[str, Any]:
    """A message_created event as the peer makes it."""
    peer = ChatwootPeer()
    conversation = peer.conversation()
    message = PeerMessage(4711, "hello", "incoming", sender={"id": 9, "name": "Li Lei"})
    return peer.message_event(conversation, message) | changes


def parsed(payload: object) -> Received | Confirmed | Ignored | Refused:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    result = CHATWOOT.parse(body, {})
    if isinstance(result, Refused):
        return result
    (item,) = result.items
    return item


def test_the_published_vector_is_accepted() -> None:
    assert CHATWOOT.verify(VECTOR, VECTOR_BODY, VECTOR_TIME) is None


@pytest.mark.parametrize(
    ("body", "headers", "failure"),
    [
        (VECTOR_BODY + b" ", {}, Failure.BAD_SIGNATURE),
        (json.dumps(json.loads(VECTOR_BODY)).encode(), {}, Failure.BAD_SIGNATURE),
        (VECTOR_BODY[:-1], {}, Failure.BAD_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-timestamp": "1780000001"}, Failure.BAD_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-timestamp": ""}, Failure.NO_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-signature": ""}, Failure.NO_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-signature": "sha256="}, Failure.BAD_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-signature": "sha256=" + "0" * 64}, Failure.BAD_SIGNATURE),
        (VECTOR_BODY, {"x-chatwoot-signature": "é退\ud800"}, Failure.BAD_SIGNATURE),
        (
            VECTOR_BODY,
            {"x-chatwoot-signature": VECTOR["x-chatwoot-signature"].removeprefix("sha256=")},
            Failure.BAD_SIGNATURE,
        ),
    ],
)
def test_what_was_not_signed_like_this_is_refused(
    body: bytes, headers: dict[str, str], failure: Failure
) -> None:
    refused = CHATWOOT.verify(VECTOR | headers, body, VECTOR_TIME)
    assert refused is not None
    assert refused.failure is failure


def test_a_signature_of_another_secret_is_refused() -> None:
    other = Chatwoot("http://chatwoot.example", "bot-token", SECRET + "x")
    assert other.verify(VECTOR, VECTOR_BODY, VECTOR_TIME) == Refused(Failure.BAD_SIGNATURE)


@pytest.mark.parametrize(
    ("later_s", "failure"),
    [(300, None), (301, Failure.TOO_OLD), (-300, None), (-301, Failure.IN_THE_FUTURE)],
)
def test_a_signed_request_is_good_for_five_minutes(later_s: int, failure: Failure | None) -> None:
    refused = CHATWOOT.verify(
        VECTOR, VECTOR_BODY, datetime.fromtimestamp(1780000000 + later_s, UTC)
    )
    assert (refused.failure if refused else None) is failure


@pytest.mark.parametrize(
    "timestamp", ["1e9", "-1", " 1780000000", "１７８０００００００", "9" * 40]
)
def test_a_signed_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    signed = timestamp.encode() + b"." + VECTOR_BODY
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    headers = {"x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": f"sha256={digest}"}
    refused = CHATWOOT.verify(headers, VECTOR_BODY, VECTOR_TIME)
    assert refused == Refused(Failure.BAD_TIMESTAMP)


def test_secrets_hide_in_repr() -> None:
    assert SECRET not in repr(CHATWOOT)
    assert "bot-token" not in repr(CHATWOOT)


def test_a_customers_message() -> None:
    item = parsed(event())
    assert isinstance(item, Received)
    assert item.dedupe_key == "message_created:1:4711"
    assert item.event.kind == "customer_message"
    assert item.event.conversation_id == "chatwoot:1:42"
    assert item.event.text == "hello"
    assert item.event.may_answer
    assert (item.event.account_ref, item.event.conversation_ref) == ("1", "42")


def test_only_pending_conversations_may_be_answered() -> None:
    payload = event()
    for status in ("open", "resolved", "snoozed", ""):
        payload["conversation"]["status"] = status
        item = parsed(payload)
        assert isinstance(item, Received)
        assert not item.event.may_answer


def test_the_language_of_the_browser_is_passed_on() -> None:
    payload = event()
    payload["conversation"]["additional_attributes"] = {"browser_language": "zh-TW"}
    item = parsed(payload)
    assert isinstance(item, Received)
    assert item.event.lang == "zh-Hant"


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"private": True}, "private_note"),
        ({"message_type": "activity"}, "activity_message"),
        ({"message_type": "template"}, "template_message"),
        ({"message_type": "whisper"}, "unknown_message_type"),
        ({"content": None}, "empty_message"),
        ({"content": " \u0000 "}, "empty_message"),
        ({"sender": {"id": 9, "blocked": True}}, "blocked_contact"),
        ({"message_type": "outgoing", "sender": {"type": "agent_bot"}}, "message_of_a_bot"),
        ({"event": "contact_created"}, "event_not_used"),
    ],
)
def test_what_is_ignored_and_why(changes: dict[str, Any], because: str) -> None:
    assert parsed(event(**changes)) == Ignored(because)


def test_our_own_message_confirms_its_delivery() -> None:
    own = {"message_type": "outgoing", "sender": {"id": 2, "type": "agent_bot"}}
    item = parsed(event(**own, content_attributes={KEY_ATTRIBUTE: "k:reply"}))
    assert item == Confirmed("k:reply", "4711")


def test_a_person_without_sender_is_a_person() -> None:
    item = parsed(event(message_type="outgoing", sender=None))
    assert isinstance(item, Received)
    assert (item.event.kind, item.event.agent) == ("taken_over", "chatwoot")


@pytest.mark.parametrize(
    ("name", "status", "before", "kind"),
    [
        ("conversation_opened", "open", "", "opened"),
        ("conversation_resolved", "resolved", "", "resolved"),
        ("conversation_status_changed", "open", "pending", "opened"),
        ("conversation_status_changed", "resolved", "open", "resolved"),
        ("conversation_status_changed", "pending", "open", "handed_back"),
        ("conversation_status_changed", "pending", "snoozed", "handed_back"),
        # A lost conversation_resolved is made up for by the customer's return.
        ("conversation_status_changed", "pending", "resolved", "resolved"),
        ("conversation_status_changed", "pending", "", None),
        ("conversation_status_changed", "snoozed", "pending", None),
    ],
)
def test_changes_of_status(name: str, status: str, before: str, kind: str | None) -> None:
    conversation = event()["conversation"] | {"status": status, "event": name}
    if before:
        change = {"previous_value": before, "current_value": status}
        conversation["changed_attributes"] = [{"labels": {}}, {"status": change}]
    item = parsed(conversation)
    if kind is None:
        assert item == Ignored("status_not_used")
        return
    assert isinstance(item, Received)
    assert item.event.kind == kind
    assert item.event.conversation_id == "chatwoot:1:42"


def test_two_changes_of_one_conversation_are_two_events() -> None:
    conversation = event()["conversation"] | {"status": "open", "event": "conversation_opened"}
    first, again = parsed(conversation), parsed(conversation)
    later = parsed(conversation | {"updated_at": conversation["updated_at"] + 1})
    assert isinstance(first, Received)
    assert isinstance(later, Received)
    assert first == again
    assert first.dedupe_key != later.dedupe_key


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b'"x"', b"{", b"{}", b'{"event":7}', b"\xff\xfe", b"[" * 100_000),
        *(b'{"event":"message_created"}', b"webhook_id=5"),
    ],
)
def test_a_body_that_is_no_event_is_refused_by_name(body: bytes) -> None:
    item = parsed(body)
    assert isinstance(item, Refused)
    assert item.failure in (Failure.NOT_JSON, Failure.UNEXPECTED_SHAPE)


@pytest.mark.parametrize("bad_id", [0, -1, True, 1.5, "42", None, 2**60, {"a": 1}])
def test_ids_are_positive_whole_numbers(bad_id: object) -> None:
    """They become part of a path."""
    payload = event()
    payload["conversation"]["id"] = bad_id
    assert isinstance(parsed(payload), Refused)


def test_a_refusal_names_the_field_and_not_what_was_in_it() -> None:
    payload = event(private="my secret is 1234")
    item = parsed(payload)
    assert isinstance(item, Refused)
    assert "private" in item.detail
    assert "1234" not in item.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert isinstance(CHATWOOT.parse(body, {}), Parsed | Refused)


@given(st.text(max_size=80), st.text(max_size=30), st.binary(max_size=50))
def test_any_headers_are_refused(signature: str, timestamp: str, body: bytes) -> None:
    headers = {"x-chatwoot-signature": signature, "x-chatwoot-timestamp": timestamp}
    assert isinstance(CHATWOOT.verify(headers, body, VECTOR_TIME), Refused)


@given(st.data())
def test_an_event_with_anything_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """Take a good event and put any JSON in some of its places."""
    name = data.draw(
        st.sampled_from(["message_created", "conversation_opened", "conversation_status_changed"])
    )
    payload = event(event=name) if name == "message_created" else event()["conversation"]
    payload = json.loads(json.dumps(payload)) | {"event": name}
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = payload
        while True:
            key = data.draw(
                st.sampled_from(sorted(place)) if isinstance(place, dict) else st.just(0)
            )
            deeper = place[key]
            if isinstance(deeper, dict | list) and deeper and data.draw(st.booleans()):
                place = deeper
                continue
            place[key] = data.draw(JSON)
            break
    result = CHATWOOT.parse(json.dumps(payload).encode(), {})
    if isinstance(result, Refused):
        assert result.failure in (Failure.NOT_JSON, Failure.UNEXPECTED_SHAPE)
        return
    for item in result.items:
        if isinstance(item, Received):
            assert item.event.conversation_id.startswith("chatwoot:")
            assert len(item.event.conversation_id.split(":")) == 3

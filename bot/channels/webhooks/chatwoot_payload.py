"""What Chatwoot sends to an agent bot, read into events.

Covered: messages and changes of status, as of Chatwoot 4.14; every other event is ignored by
name. Not covered: CSAT ratings, contacts, inboxes.

Traps, all of them real: the bot is told of its own messages and of private notes; a reply typed on
a phone has no sender, and neither has one of an automation rule; a contact has no `type`; the
outer `message_type` is a word, the inner one a number.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, field_validator
from pydantic_core import from_json

from bot.channels.intake import to_lang
from bot.channels.webhooks.adapter import (
    ChannelEvent,
    Confirmed,
    EventKind,
    Failure,
    Ignored,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.plain_text import plain_text
from bot.channels.webhooks.reading import Lenient
from bot.types import Lang

NAME: Final = "chatwoot"
KEY_ATTRIBUTE: Final = "shopkeeper_key"
"""In `content_attributes` of what we post. Not `source_id`: Chatwoot does not pass a message that
has one on to WhatsApp and other channels, because it takes it for one that came from there."""

_Id = Annotated[int, Field(strict=True, gt=0, le=2**53)]


class _Account(Lenient):
    id: _Id


class _Sender(Lenient):
    id: int | None = None
    name: str | None = None
    type: str | None = None
    blocked: bool | None = None


class _Conversation(Lenient):
    id: _Id
    status: str | None = None
    account: _Account | None = None
    additional_attributes: dict[str, Any] = Field(default_factory=dict)

    @field_validator("additional_attributes", mode="before")
    @classmethod
    def _mapping(cls, value: object) -> object:
        return value if isinstance(value, dict) else {}


class _Message(Lenient):
    id: _Id
    content: str | None = None
    content_attributes: dict[str, Any] = Field(default_factory=dict)
    additional_attributes: dict[str, Any] = Field(default_factory=dict)
    message_type: str
    private: bool | None = None
    sender: _Sender | None = None
    account: _Account | None = None
    conversation: _Conversation
    attachments: list[Any] | None = None

    @field_validator("content_attributes", "additional_attributes", mode="before")
    @classmethod
    def _mapping(cls, value: object) -> object:
        return value if isinstance(value, dict) else {}


def parse_event(body: bytes) -> Parsed | Refused:
    """Read the body of a verified request. Never raises."""
    try:
        payload = from_json(body, cache_strings="none")
    except ValueError:
        return Refused(Failure.NOT_JSON)
    if not isinstance(payload, dict) or not isinstance(payload.get("event"), str):
        return Refused(Failure.UNEXPECTED_SHAPE, "event")
    event = payload["event"]
    try:
        if event == "message_created":
            return Parsed((_message(_Message.model_validate(payload)),))
        if event in ("conversation_opened", "conversation_resolved", "conversation_status_changed"):
            return Parsed((_change(event, payload, body),))
    except ValidationError as error:
        # The place alone: what a customer wrote must not get into the log.
        fields = {".".join(str(part) for part in e["loc"]) for e in error.errors()}
        return Refused(Failure.UNEXPECTED_SHAPE, f"{event}: {', '.join(sorted(fields))[:200]}")
    return Parsed((Ignored("event_not_used"),))


def _message(message: _Message) -> Received | Confirmed | Ignored:
    account = message.account or message.conversation.account
    if account is None:
        raise ValidationError.from_exception_data(
            "message_created", [{"type": "missing", "loc": ("account",), "input": None}]
        )
    if message.message_type == "outgoing":
        return _outgoing(message, account.id)
    if message.message_type != "incoming":
        known = message.message_type in ("activity", "template")
        return Ignored(f"{message.message_type}_message" if known else "unknown_message_type")
    if message.private:
        return Ignored("private_note")
    if message.sender is not None and message.sender.blocked:
        return Ignored("blocked_contact")
    text, attachments = plain_text(message.content or ""), len(message.attachments or ())
    if not text and not attachments:
        return Ignored("empty_message")
    sender_id = message.sender.id if message.sender is not None else None
    event = _event(
        "customer_message",
        account.id,
        message.conversation,
        message_id=str(message.id),
        text=text,
        attachments=attachments,
        may_answer=message.conversation.status == "pending",
        customer_id=f"{NAME}:{account.id}:{sender_id}" if sender_id is not None else "",
    )
    return Received(_message_key(account.id, message.id), event)


def _outgoing(message: _Message, account_id: int) -> Received | Confirmed | Ignored:
    key = message.content_attributes.get(KEY_ATTRIBUTE)
    if isinstance(key, str) and key:
        return Confirmed(key, str(message.id))
    if message.private:
        return Ignored("private_note")
    if (
        "automation_rule_id" in message.content_attributes
        or "campaign_id" in message.additional_attributes
    ):
        return Ignored("automated_message")
    kind = message.sender.type if message.sender is not None else None
    if kind not in (None, "user"):
        return Ignored("message_of_a_bot")
    event = _event(
        "taken_over",
        account_id,
        message.conversation,
        message_id=str(message.id),
        text=plain_text(message.content or ""),
        agent=(message.sender.name if message.sender is not None else None) or NAME,
    )
    return Received(_message_key(account_id, message.id), event)


def _change(event: str, payload: dict[str, Any], body: bytes) -> Received | Ignored:
    conversation = _Conversation.model_validate(payload)
    if conversation.account is None:
        raise ValidationError.from_exception_data(
            event, [{"type": "missing", "loc": ("account",), "input": None}]
        )
    kind: EventKind | None = None
    if event == "conversation_opened" or conversation.status == "open":
        kind = "opened"
    elif event == "conversation_resolved" or conversation.status == "resolved":
        kind = "resolved"
    elif conversation.status == "pending":
        before = _previous_status(payload)
        # A resolved conversation that a customer writes to again becomes pending; this is a second
        # chance to learn that it had been resolved, as Chatwoot does not repeat a lost event.
        kind = "resolved" if before == "resolved" else "handed_back" if before else None
    if kind is None:
        return Ignored("status_not_used")
    # One conversation is opened many times: what tells two events apart is their content, which
    # holds the time of the change. The delivery's id is not signed, so it cannot serve.
    digest = hashlib.sha256(body).hexdigest()[:32]
    account_id = conversation.account.id
    return Received(
        f"{event}:{account_id}:{conversation.id}:{digest}", _event(kind, account_id, conversation)
    )


def _previous_status(payload: dict[str, Any]) -> str:
    changes = payload.get("changed_attributes")
    for change in changes if isinstance(changes, list) else ():
        status = change.get("status") if isinstance(change, dict) else None
        before = status.get("previous_value") if isinstance(status, dict) else None
        if isinstance(before, str) and before != "pending":
            return before
    return ""


def _event(
    kind: EventKind, account_id: int, conversation: _Conversation, **values: Any
) -> ChannelEvent:
    return ChannelEvent(
        kind,
        f"{NAME}:{account_id}:{conversation.id}",
        lang=_browser_lang(conversation),
        account_ref=str(account_id),
        conversation_ref=str(conversation.id),
        **values,
    )


def _browser_lang(conversation: _Conversation) -> Lang | None:
    tag = conversation.additional_attributes.get("browser_language")
    return to_lang(tag[:35]) if isinstance(tag, str) else None


def _message_key(account_id: int, message_id: int) -> str:
    return f"message_created:{account_id}:{message_id}"

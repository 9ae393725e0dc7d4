"""WhatsApp, through Meta's Cloud API.

Covered: batches, texts, buttons and lists, attachments with and without words, statuses (which
confirm what we sent and are otherwise passed over), replies. Not covered: templates, which WhatsApp
wants for anything said more than 24 hours after the customer's last message; the typing indicator;
handover within WhatsApp: it waits in our console, and `conversation.handoff` tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import httpx
from pydantic import Field, ValidationError

from bot.channels.webhooks.adapter import (
    ChannelEvent,
    Confirmed,
    Delivered,
    Delivery,
    Dropped,
    Ignored,
    NotDeliveredError,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.chat_rows import pieces, reply_rows, why_not
from bot.channels.webhooks.meta import ACK, MetaApp, listed, read_object
from bot.channels.webhooks.plain_text import plain_text
from bot.channels.webhooks.reading import Lenient
from bot.store.queue_records import Outgoing
from bot.types import Turn

NAME: Final = "whatsapp"
MAX_CHARS: Final = 4096
_MEDIA: Final = ("image", "video", "audio", "document", "sticker")
_Number = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
_MessageId = Annotated[str, Field(min_length=1, max_length=300)]


class _Message(Lenient):
    sender: _Number = Field(alias="from")
    id: _MessageId
    timestamp: Annotated[str, Field(pattern=r"^[0-9]{1,12}$")] = "0"
    type: str


class _Status(Lenient):
    id: _MessageId
    status: str = ""
    biz_opaque_callback_data: str = ""


@dataclass(frozen=True)
class WhatsApp:
    """`bot.channels.webhooks.adapter.Adapter` for the numbers of one business account."""

    app: MetaApp
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        """`whatsapp`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:  # noqa: ARG002
        """See `meta`."""
        return self.app.verify(headers, body)

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """See `meta`."""
        return self.app.challenge(query)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:  # noqa: ARG002
        """Every message of every change; one that cannot be read does not hold up the others."""
        entries = read_object(body, "whatsapp_business_account")
        if isinstance(entries, Refused):
            return entries
        items = [item for entry in entries for item in _entry(entry)]
        return Parsed(tuple(items) or (Ignored("no_messages"),), ACK, "text/plain")

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """The reply."""
        return reply_rows(turn, answered_ref, NAME, MAX_CHARS)

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Not shown."""

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one message.

        Raises:
            NotDeliveredError: it was not taken.
        """
        stopped = why_not(delivery, "WhatsApp")
        if stopped is not None:
            return stopped
        outgoing, number = delivery.outgoing, ""
        ours, customer = _parties(outgoing.conversation_key)
        for text in pieces(outgoing.text, MAX_CHARS):
            message = {
                "messaging_product": "whatsapp",
                "to": customer,
                "type": "text",
                "text": {"body": text},
                "biz_opaque_callback_data": outgoing.key,
            }
            delivery.about_to_send()
            said = self.app.post(client, f"{ours}/messages", self.token, message, NAME)
            made = listed(said.get("messages"))
            number = str(made[0].get("id", "")) if made and isinstance(made[0], dict) else ""
        return Delivered(number)


def _entry(entry: Mapping[str, Any]) -> Iterator[Received | Confirmed | Ignored]:
    for change in listed(entry.get("changes")):
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict) or change.get("field") != "messages":
            yield Ignored("event_not_used")
            continue
        metadata = value.get("metadata")
        ours = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
        for message in listed(value.get("messages")):
            yield _message(message, ours)
        for status in listed(value.get("statuses")):
            yield _status(status)


def _message(item: object, ours: object) -> Received | Ignored:
    known = isinstance(ours, str) and ours.isascii() and ours.isdigit() and len(ours) <= 32
    try:
        told = _Message.model_validate(item)
    except ValidationError:
        return Ignored("unreadable_item")
    if not known or not isinstance(item, dict):
        return Ignored("unreadable_item")
    text, attachments = _said(told.type, item.get(told.type))
    if not text and not attachments:
        return Ignored("event_not_used")
    event = ChannelEvent(
        "customer_message",
        f"{NAME}:{ours}:{told.sender}",
        message_id=told.id,
        text=plain_text(text),
        attachments=attachments,
        customer_id=f"{NAME}:{told.sender}",
        account_ref=str(ours),
        conversation_ref=told.sender,
        sent_ms=1000 * int(told.timestamp),
    )
    return Received(told.id, event)


def _said(kind: str, content: object) -> tuple[str, int]:
    """Words and the number of attachments of a message of some kind."""
    if not isinstance(content, dict):
        return "", 0
    if kind in _MEDIA:
        return _text(content.get("caption")), 1
    if kind == "interactive":
        chosen = content.get("button_reply") or content.get("list_reply")
        return (_text(chosen.get("title")), 0) if isinstance(chosen, dict) else ("", 0)
    return _text(content.get({"text": "body", "button": "text"}.get(kind, ""))), 0


def _status(item: object) -> Confirmed | Ignored:
    try:
        told = _Status.model_validate(item)
    except ValidationError:
        return Ignored("unreadable_item")
    arrived = told.status in ("sent", "delivered", "read") and told.biz_opaque_callback_data
    return Confirmed(told.biz_opaque_callback_data, told.id) if arrived else Ignored("status")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parties(conversation_id: str) -> tuple[str, str]:
    name, _, rest = conversation_id.partition(":")
    ours, _, customer = rest.partition(":")
    if name != NAME or not (ours.isascii() and ours.isdigit() and customer.isdigit()):
        raise NotDeliveredError(
            f"{conversation_id[:80]!r} is no conversation of WhatsApp", permanent=True
        )
    return ours, customer

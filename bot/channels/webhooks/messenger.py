"""Facebook Messenger: customers write to a page.

Covered: batches, texts, buttons, attachments without words, echoes (which confirm what we sent and
are otherwise passed over), replies, the typing indicator. Not covered: Instagram, Meta's own
handover between apps: a handover waits in our console, and `conversation.handoff` tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
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

NAME: Final = "messenger"
MAX_CHARS: Final = 2000
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
_Mid = Annotated[str, Field(min_length=1, max_length=300)]


class _Party(Lenient):
    id: _Id


class _Text(Lenient):
    mid: _Mid
    text: str | None = None
    is_echo: bool = False
    metadata: str | None = None
    attachments: list[Any] | None = None


class _Postback(Lenient):
    mid: _Mid
    title: str = ""


class _Messaging(Lenient):
    sender: _Party
    recipient: _Party
    timestamp: int = 0
    message: _Text | None = None
    postback: _Postback | None = None


@dataclass(frozen=True)
class Messenger:
    """`bot.channels.webhooks.adapter.Adapter` for one page."""

    app: MetaApp
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        """`messenger`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:  # noqa: ARG002
        """See `meta`."""
        return self.app.verify(headers, body)

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """See `meta`."""
        return self.app.challenge(query)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:  # noqa: ARG002
        """Every item of every entry; one that cannot be read does not hold up the others."""
        entries = read_object(body, "page")
        if isinstance(entries, Refused):
            return entries
        items = [item for entry in entries for item in listed(entry.get("messaging"))]
        return Parsed(tuple(map(_read, items)) or (Ignored("no_messages"),), ACK, "text/plain")

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """The reply."""
        return reply_rows(turn, answered_ref, NAME, MAX_CHARS)

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Never raises."""
        action = "typing_on" if on else "typing_off"
        with suppress(NotDeliveredError):
            self._post(client, _customer(conversation_id), {"sender_action": action})

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one message.

        Raises:
            NotDeliveredError: it was not taken.
        """
        stopped = why_not(delivery, "Messenger")
        if stopped is not None:
            return stopped
        outgoing, number = delivery.outgoing, ""
        customer = _customer(outgoing.conversation_key)
        for text in pieces(outgoing.text, MAX_CHARS):
            message = {"text": text, "metadata": outgoing.key}
            delivery.about_to_send()
            said = self._post(client, customer, {"messaging_type": "RESPONSE", "message": message})
            number = str(said.get("message_id", ""))
        return Delivered(number)

    def _post(self, client: httpx.Client, customer: str, what: dict[str, Any]) -> dict[str, Any]:
        message = {"recipient": {"id": customer}, **what}
        return self.app.post(client, "me/messages", self.token, message, NAME)


def _read(item: object) -> Received | Confirmed | Ignored:
    try:
        told = _Messaging.model_validate(item)
    except ValidationError:
        return Ignored("unreadable_item")
    said = told.message
    if said is not None and said.is_echo:
        return Confirmed(said.metadata, said.mid) if said.metadata else Ignored("echo")
    if said is not None:
        mid, text, attachments = said.mid, plain_text(said.text or ""), len(said.attachments or ())
    elif told.postback is not None:
        mid, text, attachments = told.postback.mid, plain_text(told.postback.title), 0
    else:
        return Ignored("event_not_used")
    if not text and not attachments:
        return Ignored("empty_message")
    event = ChannelEvent(
        "customer_message",
        f"{NAME}:{told.recipient.id}:{told.sender.id}",
        message_id=mid,
        text=text,
        attachments=attachments,
        customer_id=f"{NAME}:{told.sender.id}",
        account_ref=told.recipient.id,
        conversation_ref=told.sender.id,
        sent_ms=max(0, told.timestamp),
    )
    return Received(mid, event)


def _customer(conversation_id: str) -> str:
    name, _, rest = conversation_id.partition(":")
    page, _, customer = rest.partition(":")
    if name != NAME or not page or not customer:
        raise NotDeliveredError(
            f"{conversation_id[:80]!r} is no conversation of Messenger", permanent=True
        )
    return customer

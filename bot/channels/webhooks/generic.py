"""Anything that speaks Standard Webhooks 1.0.0, in and out, with one shared secret.

In: `message.created` (a customer wrote), `message.agent` (a person wrote, the bot keeps silent),
`conversation.opened`, `conversation.handed_back`, `conversation.resolved`; `data` holds
`conversation_id`, and for messages `message_id`, `text`, `customer_id`, `lang`, `agent`.
Out, to one address: `turn.answered`, `conversation.handoff`, `agent.replied`, `conversation.<what
agents did in our console>`.

Every request has an id that is the same on all its repetitions, so that delivering at least once
is once for a receiver that keeps them. Secrets rotate: several may be given, the first is the new
one. Not covered: asymmetric signatures (`v1a`), several endpoints, replay by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from standardwebhooks import Webhook

from bot.channels.intake import to_lang
from bot.channels.webhooks.adapter import (
    ChannelEvent,
    Delivered,
    Delivery,
    Dropped,
    EventKind,
    Failure,
    Ignored,
    NotDeliveredError,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.handover_note import handover_note
from bot.channels.webhooks.http_failures import failure, send
from bot.channels.webhooks.plain_text import plain_text
from bot.channels.webhooks.signing import check_time, same
from bot.store.codec import to_json
from bot.store.queue_records import Outgoing
from bot.types import Action, Turn

NAME: Final = "generic"
TIMEOUT_S: Final = 20.0
_KINDS: Final[Mapping[str, EventKind]] = {
    "message.created": "customer_message",
    "message.agent": "taken_over",
    "conversation.opened": "opened",
    "conversation.handed_back": "handed_back",
    "conversation.resolved": "resolved",
}
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,128}$")]


class _Conversation(BaseModel):
    model_config = ConfigDict(extra="ignore")
    conversation_id: _Id
    customer_id: _Id | Literal[""] = ""
    lang: str = ""
    agent: str = ""


class _Message(_Conversation):
    message_id: _Id
    text: str = ""


@dataclass(frozen=True)
class Generic:
    """`bot.channels.webhooks.adapter.Adapter` for Standard Webhooks."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """`generic`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
        """The signature covers id, timestamp and body; any of the secrets will do."""
        number = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        given = headers.get("webhook-signature", "")
        if not number or not timestamp or not given:
            return Refused(Failure.NO_SIGNATURE)
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 10):
            return Refused(Failure.BAD_TIMESTAMP)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return Refused(Failure.BAD_SIGNATURE, "not UTF-8")
        moment = datetime.fromtimestamp(int(timestamp), UTC)
        # A space separates signatures, so a list of a thousand costs a thousand comparisons.
        offered = given.split(" ")[:16]
        fits = False
        for secret in self.secrets:
            try:
                expected = Webhook(secret).sign(number, moment, text)
            except UnicodeEncodeError:
                return Refused(Failure.BAD_SIGNATURE)
            for signature in offered:
                fits = same(expected, signature) or fits
        return check_time(timestamp, now) if fits else Refused(Failure.BAD_SIGNATURE)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:
        """One event; types that are not ours are ignored."""
        try:
            payload = from_json(body)
        except ValueError:
            return Refused(Failure.NOT_JSON)
        kind_of = payload.get("type") if isinstance(payload, dict) else None
        if not isinstance(kind_of, str):
            return Refused(Failure.UNEXPECTED_SHAPE, "type")
        kind = _KINDS.get(kind_of)
        if kind is None:
            return Parsed((Ignored("event_not_used"),))
        model = _Message if kind_of.startswith("message.") else _Conversation
        try:
            data = model.model_validate(payload.get("data"))
        except ValidationError as error:
            fields = {".".join(str(part) for part in e["loc"]) for e in error.errors()}
            return Refused(Failure.UNEXPECTED_SHAPE, f"data: {', '.join(sorted(fields))[:200]}")
        event = _event(kind, data)
        if kind == "customer_message" and not event.text:
            return Parsed((Ignored("empty_message"),))
        return Parsed((Received(headers.get("webhook-id", ""), event),))

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """`turn.answered`, if something is said, and `conversation.handoff`."""
        out: list[Outgoing] = []
        data: dict[str, object]
        said = turn.reply_text
        cited = {c.number: c for reply in turn.replies for c in reply.citations}
        if said:
            data = {
                "conversation_id": _their_id(turn.conversation_id),
                "in_reply_to": answered_ref,
                "turn_id": turn.turn_id,
                "text": said,
                "lang": turn.query.lang,
                "sources": [{"id": c.passage_id, "title": c.title} for c in cited.values()],
            }
            payload = to_json({"type": "turn.answered", "data": data})
            key = f"{turn.turn_id}:reply"
            out.append(Outgoing(key, NAME, turn.conversation_id, "reply", said, payload))
        if turn.decision.action is Action.HAND_OVER:
            data = {
                "conversation_id": _their_id(turn.conversation_id),
                "turn_id": turn.turn_id,
                "reason": turn.decision.reason,
                "mood": turn.mood.label,
                "frustration": round(turn.mood.frustration, 3),
                "unhappy": turn.mood.unhappy,
                "summary": handover_note(turn),
            }
            payload = to_json({"type": "conversation.handoff", "data": data})
            key = f"{turn.turn_id}:handoff"
            out.append(Outgoing(key, NAME, turn.conversation_id, "handoff", "", payload))
        return tuple(out)

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Standard Webhooks has nothing like it."""

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one event. The receiver knows a repetition by its `webhook-id`.

        Raises:
            NotDeliveredError: it was not taken.
        """
        outgoing = delivery.outgoing
        by_bot = bool(outgoing.payload)
        if by_bot and outgoing.kind == "reply" and delivery.with_person():
            return Dropped("a person has the conversation")
        # A turn's own timestamp would be better still; this one is signed, and fresh each time.
        now = datetime.now(UTC)
        body = outgoing.payload if by_bot else _agents_doing(outgoing)
        stamped = f'{body[:-1]},"timestamp":"{now.isoformat().replace("+00:00", "Z")}"}}'
        number = f"msg_{hashlib.sha256(outgoing.key.encode()).hexdigest()[:32]}"
        headers = {
            "content-type": "application/json",
            "webhook-id": number,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(
                Webhook(secret).sign(number, now, stamped) for secret in self.secrets
            ),
        }
        delivery.about_to_send()
        response = send(client, "POST", self.url, NAME, headers, stamped.encode(), TIMEOUT_S)
        if response.status_code == 410:
            raise NotDeliveredError(
                "the receiver is gone (410)", permanent=True, fix="unset SHOPKEEPER_GENERIC_URL"
            )
        if not response.is_success:
            raise failure(response, NAME, "POST", fix="correct SHOPKEEPER_GENERIC_URL")
        return Delivered(number)


def _event(kind: EventKind, data: _Conversation) -> ChannelEvent:
    message = data if isinstance(data, _Message) else None
    return ChannelEvent(
        kind,
        f"{NAME}:{data.conversation_id}",
        message_id=message.message_id if message else "",
        text=plain_text(message.text) if message else "",
        customer_id=f"{NAME}:{data.customer_id}" if data.customer_id else "",
        agent=(data.agent[:100] or NAME) if kind == "taken_over" else "",
        lang=to_lang(data.lang[:35]),
        conversation_ref=data.conversation_id,
    )


def _agents_doing(outgoing: Outgoing) -> str:
    """What an agent said or did in our console, as an event."""
    data = {"conversation_id": _their_id(outgoing.conversation_key)}
    if outgoing.kind == "reply":
        return to_json({"type": "agent.replied", "data": data | {"text": outgoing.text}})
    return to_json({"type": f"conversation.{outgoing.text}", "data": data})


def _their_id(conversation_id: str) -> str:
    return conversation_id.removeprefix(f"{NAME}:")

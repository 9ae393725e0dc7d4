"""Slack: people write to the app directly, or mention it in a channel.

Covered: the Events API (signature, `url_verification`, retries), direct messages, mentions, threads
(a mention is answered in a thread of its own, and each thread is a conversation), replies by
`chat.postMessage`, the note for colleagues in a channel of theirs when a conversation is handed
over. Not covered: slash commands, buttons, editing, messages in a thread that do not mention the
app.

A message of ours carries its key as metadata. Slack tells us of it, which confirms it; an attempt
in doubt is looked up in the conversation first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import httpx
from pydantic import Field, ValidationError
from pydantic_core import from_json
from slack_sdk.signature import Clock, SignatureVerifier

from bot.channels.webhooks.adapter import (
    ChannelEvent,
    Confirmed,
    Delivered,
    Delivery,
    Dropped,
    Failure,
    Ignored,
    NotDeliveredError,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.chat_rows import pieces, reply_rows, why_not
from bot.channels.webhooks.handover_note import handover_note
from bot.channels.webhooks.reading import Lenient, refused_shape
from bot.channels.webhooks.signing import check_time
from bot.channels.webhooks.slack_api import SlackApi
from bot.store.queue_records import Outgoing
from bot.types import Action, Turn

NAME: Final = "slack"
MAX_CHARS: Final = 3500
_USED_SUBTYPES: Final = (None, "file_share", "thread_broadcast")
_Id = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,32}$")]
_Ts = Annotated[str, Field(pattern=r"^[0-9]{1,12}\.[0-9]{1,6}$")]
_MENTION: Final = re.compile(r"<@[A-Z0-9]{2,32}(?:\|[^>]*)?>")
_LINK: Final = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


class _Metadata(Lenient):
    event_payload: dict[str, Any] = Field(default_factory=dict)


class _Event(Lenient):
    type: str
    subtype: str | None = None
    channel: _Id
    channel_type: str = ""
    user: _Id | None = None
    bot_id: str | None = None
    text: str = ""
    ts: _Ts
    thread_ts: _Ts | None = None
    files: list[Any] | None = None
    metadata: _Metadata | None = None


class _Callback(Lenient):
    type: str
    event_id: str = ""
    team_id: _Id | None = None
    challenge: Annotated[str, Field(max_length=300)] = ""
    event: dict[str, Any] | None = None


@dataclass(frozen=True)
class Slack:
    """`bot.channels.webhooks.adapter.Adapter` for one workspace.

    Attributes:
        api: the few calls that are made.
        signing_secret: of the app.
        handoff_channel: id of a channel that is told of handovers; none when empty.
    """

    api: SlackApi
    signing_secret: str = field(repr=False)
    handoff_channel: str = ""

    @property
    def name(self) -> str:
        """`slack`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
        """The signature covers timestamp and body; Slack's own verifier checks it."""
        given = headers.get("x-slack-signature", "")
        timestamp = headers.get("x-slack-request-timestamp", "")
        if not given or not timestamp:
            return Refused(Failure.NO_SIGNATURE)
        stale = check_time(timestamp, now)
        if stale is not None and stale.failure is Failure.BAD_TIMESTAMP:
            return stale
        try:
            # The verifier compares text, which raises on what no signature holds.
            given.encode("ascii")
            clock = _At(float(timestamp))
            fits = SignatureVerifier(self.signing_secret, clock).is_valid(body, timestamp, given)
        except UnicodeError:
            return Refused(Failure.BAD_SIGNATURE)
        return stale if fits else Refused(Failure.BAD_SIGNATURE)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:  # noqa: ARG002
        """One event. A retry has the same message, so it is known by that."""
        try:
            payload = from_json(body)
        except ValueError:
            return Refused(Failure.NOT_JSON)
        try:
            told = _Callback.model_validate(payload)
            if told.type == "url_verification":
                return Parsed((Ignored("url_verification"),), told.challenge, "text/plain")
            used = told.type == "event_callback" and told.event is not None
            if not used or (told.event or {}).get("type") not in ("message", "app_mention"):
                return Parsed((Ignored("event_not_used"),))
            if (told.event or {}).get("subtype") not in _USED_SUBTYPES:
                return Parsed((Ignored("subtype_not_used"),))
            return Parsed((_read(told, _Event.model_validate(told.event)),))
        except ValidationError as error:
            return refused_shape("event", error)

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """The reply; for a handover also a note in the colleagues' channel."""
        rows = reply_rows(turn, answered_ref, NAME, MAX_CHARS)
        if turn.decision.action is not Action.HAND_OVER or not self.handoff_channel:
            return rows
        key, note = f"{turn.turn_id}:note", handover_note(turn)
        return (*rows, Outgoing(key, NAME, turn.conversation_id, "note", note, "note"))

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Slack shows no such thing for apps that post."""

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one message.

        Raises:
            NotDeliveredError: it was not taken.
        """
        outgoing = delivery.outgoing
        channel, thread = _place(outgoing.conversation_key)
        if outgoing.kind == "note":
            channel, thread = self.handoff_channel, ""
            if not channel:
                return Dropped("no channel for handovers is set")
        if delivery.in_doubt:
            there = ""
            with suppress(NotDeliveredError):
                there = self.api.find(client, channel, thread, outgoing.key)
            if there:
                return Delivered(there)
        stopped = None if outgoing.kind == "note" else why_not(delivery, "Slack")
        if stopped is not None:
            return stopped
        number = ""
        for text in pieces(outgoing.text, MAX_CHARS):
            delivery.about_to_send()
            number = self.api.post(client, channel, thread, text, outgoing.key)
        return Delivered(number)


class _At(Clock):
    """The time of the request itself: its age is checked by us, for all systems alike."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment


def _read(told: _Callback, event: _Event) -> Received | Confirmed | Ignored:
    if event.bot_id is not None or event.user is None:
        key = event.metadata.event_payload.get("key") if event.metadata is not None else None
        return Confirmed(key, event.ts) if isinstance(key, str) and key else Ignored("bot_message")
    direct = event.channel_type == "im" or event.channel.startswith("D")
    if not direct and event.type != "app_mention":
        return Ignored("not_mentioned")
    text, attachments = _plain(event.text), len(event.files or ())
    if not text and not attachments:
        return Ignored("empty_message")
    team = told.team_id or "T0"
    place = f"{NAME}:{team}:{event.channel}"
    thread = event.thread_ts or ("" if direct else event.ts)
    seconds, _, rest = event.ts.partition(".")
    customer = f"{NAME}:{team}:{event.user}"
    made = ChannelEvent(
        "customer_message",
        f"{place}:{thread}" if thread else place,
        message_id=event.ts,
        text=text,
        attachments=attachments,
        customer_id=customer,
        account_ref=team,
        conversation_ref=event.channel,
        sent_ms=1000 * int(seconds) + int(rest.ljust(6, "0")) // 1000,
    )
    # A mention comes twice when the app also follows the channel: as a message and as a mention.
    return Received(f"{place}:{event.ts}", made)


def _plain(text: str) -> str:
    """Slack's markup as text: mentions of the app dropped, links and entities as they read."""
    text = _MENTION.sub("", text)
    text = _LINK.sub(lambda found: found[2] or found[1], text)
    return html.unescape(text).strip()


def _place(conversation_id: str) -> tuple[str, str]:
    parts = conversation_id.split(":")
    if parts[0] != NAME or len(parts) not in (3, 4):
        raise NotDeliveredError(
            f"{conversation_id[:80]!r} is no conversation of Slack", permanent=True
        )
    return parts[2], parts[3] if len(parts) == 4 else ""

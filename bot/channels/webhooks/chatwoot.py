"""Chatwoot as an agent bot: who may speak when, and how a conversation is handed to people.

Covered: signatures, what a turn sends and in which order, one delivery. The payloads are read in
`chatwoot_payload`, the calls made in `chatwoot_api`.

A reply is posted once. An attempt that was cut short (a crash, a timeout) may have arrived: before
it is repeated, Chatwoot is asked for the newest message of the conversation, which tells us of ours
by its key; besides, Chatwoot sends us every message of ours, which confirms it (`Confirmed`). One
case stays open: the attempt was cut short, its echo was lost as well, and somebody has written
since, so that the newest message is another one. A bot token cannot look further back. A reply to
a customer is then *not* repeated (at most once: an attempt is marked right before it leaves, so it
has most likely arrived); a private note and an agent's own words are (at least once). Status,
labels and priority may be set any number of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import httpx

from bot.channels.webhooks.adapter import (
    Delivered,
    Delivery,
    Dropped,
    Failure,
    NotDeliveredError,
    Parsed,
    Refused,
)
from bot.channels.webhooks.chatwoot_api import ChatwootApi, ConversationState
from bot.channels.webhooks.chatwoot_payload import NAME, parse_event
from bot.channels.webhooks.handover_note import escalation_note, handover_note
from bot.channels.webhooks.signing import check_time, hmac_sha256_hex, same
from bot.channels.webhooks.wording import reply_text
from bot.store.codec import dump, load
from bot.store.queue_records import Outgoing
from bot.types import Action, Turn

HANDED_OVER_LABEL: Final = "handed-over"
UNHAPPY_LABEL: Final = "unhappy-customer"
WAITING_LABEL: Final = "waiting-too-long"
_PRIORITIES: Final = ("", "low", "medium", "high", "urgent")
_STATUS_AFTER: Final = {"taken_over": "open", "handed_back": "pending", "resolved": "resolved"}


@dataclass(frozen=True, slots=True)
class Task:
    """What a row of the outbox holds beside its text. Empty for what agents did in our console.

    `answered` is Chatwoot's id of the last message that the turn answers.
    """

    turn_id: str = ""
    answered: int = 0
    labels: tuple[str, ...] = ()
    priority: str = ""


@dataclass(frozen=True)
class Chatwoot:
    """`bot.channels.webhooks.adapter.Adapter` for Chatwoot 4.13 and newer."""

    url: str
    token: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        """`chatwoot`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
        """The signature covers timestamp and body."""
        given = headers.get("x-chatwoot-signature", "")
        timestamp = headers.get("x-chatwoot-timestamp", "")
        if not given or not timestamp:
            return Refused(Failure.NO_SIGNATURE)
        signed = timestamp.encode("utf-8", "surrogatepass") + b"." + body
        if not same(f"sha256={hmac_sha256_hex(self.secret, signed)}", given):
            return Refused(Failure.BAD_SIGNATURE)
        return check_time(timestamp, now)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:  # noqa: ARG002
        """See `chatwoot_payload`."""
        return parse_event(body)

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """The reply; then, for a handover, a private note, and the step that opens the
        conversation with labels and priority. In this order, each once."""
        answered = int(answered_ref) if answered_ref.isdecimal() else 0
        task = Task(turn.turn_id, answered)
        out: list[Outgoing] = []
        text = reply_text(turn)
        if text:
            out.append(_row(turn.conversation_id, f"{turn.turn_id}:reply", "reply", text, task))
        if turn.decision.action is Action.HAND_OVER:
            unhappy = turn.mood.unhappy
            labels = (HANDED_OVER_LABEL, UNHAPPY_LABEL) if unhappy else (HANDED_OVER_LABEL,)
            urgent = Task(turn.turn_id, answered, labels, "high" if unhappy else "medium")
            key, note = turn.turn_id, handover_note(turn)
            out += [
                _row(turn.conversation_id, f"{key}:note", "note", note, task),
                _row(turn.conversation_id, f"{key}:handoff", "handoff", "", urgent),
            ]
        return tuple(out)

    def escalated(
        self, conversation_id: str, key: str, minutes: int, unhappy: bool
    ) -> tuple[Outgoing, ...]:
        """A private note; then labels and a higher priority."""
        labels = (HANDED_OVER_LABEL, WAITING_LABEL, *([UNHAPPY_LABEL] if unhappy else []))
        urgent = Task(key, 0, labels, "urgent" if unhappy else "high")
        return (
            _row(conversation_id, f"{key}:note", "note", escalation_note(minutes), Task(key)),
            _row(conversation_id, f"{key}:handoff", "handoff", "", urgent),
        )

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Never raises."""
        try:
            api = ChatwootApi.of(conversation_id, client, self.url, self.token)
        except NotDeliveredError:
            return
        api.set_typing(on)

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """See the head of this file for what is promised.

        Raises:
            NotDeliveredError: Chatwoot was not reached or refused.
        """
        outgoing = delivery.outgoing
        api = ChatwootApi.of(outgoing.conversation_key, client, self.url, self.token)
        task = load(Task, outgoing.payload) if outgoing.payload else Task()
        state = api.show()
        if outgoing.kind in ("reply", "note"):
            return _say(api, state, delivery, task)
        if outgoing.kind == "handoff":
            return _open(api, state, task)
        return _follow(api, state, outgoing.text)


def _row(
    conversation_id: str,
    key: str,
    kind: Literal["reply", "note", "handoff"],
    text: str,
    task: Task,
) -> Outgoing:
    return Outgoing(key, NAME, conversation_id, kind, text, dump(task))


def _say(
    api: ChatwootApi, state: ConversationState, delivery: Delivery, task: Task
) -> Delivered | Dropped:
    outgoing = delivery.outgoing
    private = outgoing.kind == "note"
    by_bot = bool(task.turn_id)
    last = state.last
    if delivery.in_doubt and last is not None:
        if last.key == outgoing.key:
            return Delivered(str(last.id))
        nothing_since = last.id <= task.answered or last.key.startswith(f"{task.turn_id}:")
        if by_bot and not private and not nothing_since:
            return Dropped(
                "it may have arrived, and newer messages hide whether", perhaps_sent=True
            )
    reason = _why_not(state, delivery, task) if by_bot else ""
    if reason:
        api.set_typing(False)
        return Dropped(reason)
    delivery.about_to_send()
    number = api.post_message(outgoing.text, outgoing.key, private=private)
    if not private:
        api.set_typing(False)
    return Delivered(number)


def _why_not(state: ConversationState, delivery: Delivery, task: Task) -> str:
    """Why the bot must not say this any more; empty when it may."""
    if delivery.outgoing.kind == "note":
        return "" if state.status in ("pending", "open") else f"the conversation is {state.status}"
    if state.status != "pending":
        return f"the conversation is {state.status}"
    last = state.last
    if delivery.with_person() or (last is not None and last.by_person and last.id > task.answered):
        return "a person has replied"
    return ""


def _open(api: ChatwootApi, state: ConversationState, task: Task) -> Delivered | Dropped:
    if state.status not in ("pending", "open"):
        return Dropped(f"the conversation is {state.status}")
    if state.status == "pending":
        api.set_status("open")
    api.add_labels(task.labels)
    there = _PRIORITIES.index(state.priority) if state.priority in _PRIORITIES else 0
    if task.priority in _PRIORITIES[there + 1 :]:
        api.set_priority(task.priority)
    return Delivered()


def _follow(api: ChatwootApi, state: ConversationState, done: str) -> Delivered | Dropped:
    """Repeat in Chatwoot what an agent did in our console."""
    wanted = _STATUS_AFTER.get(done)
    if wanted is None:
        return Dropped("Chatwoot has nothing like it")
    if state.status != wanted:
        api.set_status(wanted)
    return Delivered()

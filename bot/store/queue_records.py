"""What goes through inbox and outbox, as frozen records.

Covered: events as a channel received them, replies as a channel will send them, leases, counts.
Not covered: what a payload means; the channel that wrote it reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.handover.states import ElsewhereEvent

Box = Literal["inbox", "outbox"]
OutgoingKind = Literal["reply", "note", "handoff", "event"]
"""`reply` for the customer, `note` for the agents, `handoff` asks for a person, `event` says what
agents did here: its text is `taken_over`, `handed_back` or `resolved`."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One verified event. Events of one `conversation_key` are worked one after the other.

    `dedupe_key` is unique within its `source`; an empty `conversation_key` belongs to no
    conversation and waits for nobody. `headers` are those the worker still needs.
    """

    source: str
    dedupe_key: str
    conversation_key: str
    payload: str
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to send. `key` makes it happen once; replies of a conversation keep their order."""

    key: str
    channel: str
    conversation_key: str
    kind: OutgoingKind
    text: str
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to a row until `until`; `attempt` counts from 1 and fences off old ones."""

    row_id: int
    worker: str
    attempt: int
    until: datetime


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An event that a worker has claimed."""

    lease: Lease
    event: Inbound


@dataclass(frozen=True, slots=True)
class Following:
    """An event that waits behind a claimed one of the same conversation. Nobody has claimed it."""

    row_id: int
    event: Inbound


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A reply that a worker has claimed. `in_doubt`: an earlier attempt may have arrived."""

    lease: Lease
    outgoing: Outgoing
    created_at: datetime
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """How the connected system calls the conversation."""

    account_id: str = ""
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What people did with a conversation in the connected system.

    `taken_over`: `agent` wrote `text` to the customer; `opened`: it waits for people;
    `handed_back`: the bot may answer again. `message_id` is unique within the conversation.
    """

    event: ElsewhereEvent
    conversation_id: str
    channel: str
    customer_id: str = ""
    agent: str = ""
    text: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class BoxStats:
    """Rows by status; `oldest_open_s` is the age of the oldest unfinished one, 0 if none."""

    pending: int
    working: int
    done: int
    discarded: int
    dead: int
    oldest_open_s: float


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Both boxes."""

    inbox: BoxStats
    outbox: BoxStats

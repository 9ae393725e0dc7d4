"""What one connected system has to know: the contract that a file `<system>.py` fulfils.

Covered: how a request is checked and read, what is put into the outbox, how that is delivered.
Not covered: when each of it happens (`pipeline`, `bot.channels.worker`), storing (`bot.store`).

An adapter holds no state between calls and is used from many threads. `verify` and `parse` see
bytes from strangers: they never raise, a bad request is a `Refused` value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

import httpx

from bot.channels.webhooks.shop_records import PrivacyRequest, ProductChange
from bot.errors import DeliveryError
from bot.store.queue_records import Outgoing
from bot.types import Lang, Turn

EventKind = Literal["customer_message", "taken_over", "opened", "handed_back", "resolved"]
"""`customer_message`; `taken_over`: a person wrote to the customer; the others: the conversation
was opened for people, handed back to the bot, or closed."""


class Failure(StrEnum):
    """Why a request is refused. The code goes to the log, the metrics and the sender."""

    NO_SIGNATURE = "no_signature"
    BAD_SIGNATURE = "bad_signature"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NOT_JSON = "not_json"
    UNEXPECTED_SHAPE = "unexpected_shape"
    TOO_LARGE = "too_large"
    CUT_OFF = "cut_off"
    UNKNOWN_SYSTEM = "unknown_system"
    WRONG_SENDER = "wrong_sender"
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not accepted. `detail` is for the log: field names, never their values."""

    failure: Failure
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One thing that happened in a conversation, as it is kept in the inbox.

    `conversation_id` is ours and the key by which events are worked in order; it starts with the
    system's name and a colon. `may_answer` is False for a message the bot only takes note of.
    `sent_ms` orders messages that came together, where the system tells when each was written.
    """

    kind: EventKind
    conversation_id: str
    message_id: str = ""
    text: str = ""
    attachments: int = 0
    may_answer: bool = True
    customer_id: str = ""
    agent: str = ""
    lang: Lang | None = None
    account_ref: str = ""
    conversation_ref: str = ""
    sent_ms: int = 0

    @property
    def order_key(self) -> str:
        """Events of one conversation are worked in order."""
        return self.conversation_id


@dataclass(frozen=True, slots=True)
class Received:
    """An event to be stored. `dedupe_key` is the same for every repetition of it."""

    dedupe_key: str
    event: ChannelEvent | ProductChange | PrivacyRequest


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The system tells us of a message of our own: what `key` stands for has arrived."""

    key: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to do, because of this stable code."""

    because: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a request holds. `ack` is the body that the system wants to see in a 200."""

    items: tuple[Received | Confirmed | Ignored, ...]
    ack: str = '{"ok":true}'
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to deliver.

    Attributes:
        outgoing: what the adapter put into the outbox, or an agent's doing in our console.
        in_doubt: an earlier attempt may have arrived.
        about_to_send: to be called right before a request that must not happen twice leaves; it
            makes the attempt known to whoever takes over after a crash.
        with_person: whether a person has the conversation by now.
    """

    outgoing: Outgoing
    in_doubt: bool = False
    about_to_send: Callable[[], None] = field(default=lambda: None)
    with_person: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is there. `external_id` is what the system calls it."""

    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """It was not sent and shall not be. `perhaps_sent`: an earlier attempt may have arrived."""

    because: str
    perhaps_sent: bool = False


class NotDeliveredError(DeliveryError):
    """The system did not take it.

    `in_doubt` says that it may have arrived all the same, `retry_after_s` what the system asked
    us to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        in_doubt: bool = False,
        retry_after_s: float | None = None,
        fix: str = "",
    ) -> None:
        super().__init__(message, permanent=permanent, fix=fix)
        self.in_doubt = in_doubt
        self.retry_after_s = retry_after_s


class Delivers(Protocol):
    """What takes things out of the outbox."""

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:
        """Send one thing.

        Raises:
            NotDeliveredError: it was not taken.
        """
        ...


class Adapter(Delivers, Protocol):
    """One connected system. One that verifies its address by GET is `Challenging` as well."""

    @property
    def name(self) -> str:
        """Path of the webhook, `source` of inbox rows, `channel` of conversations."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:
        """Check signature and age over the raw bytes. None when all is well.

        Args:
            headers: names in lower case.
            body: the bytes as they came.
            now: timezone-aware.
        """
        ...

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:
        """Read a verified request."""
        ...

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:
        """What a turn sends: the reply and, for a handover, what brings people in.

        Args:
            turn: the turn, complete.
            answered_ref: the system's id of the last message that the turn answers.
        """
        ...

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Show or hide that the bot is writing. Never raises: it is a courtesy."""
        ...


@runtime_checkable
class Escalates(Protocol):
    """A system in which agents can be reminded of a conversation that nobody has taken."""

    def escalated(
        self, conversation_id: str, key: str, minutes: int, unhappy: bool
    ) -> tuple[Outgoing, ...]:
        """What reminds them, beside what the customer is told.

        Args:
            conversation_id: ours.
            key: unique to this reminder, the beginning of the rows' keys.
            minutes: how long the customer has waited.
            unhappy: whether they were unhappy.
        """
        ...


@runtime_checkable
class Challenging(Protocol):
    """A system that asks by GET, once, whether the address is ours."""

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The body of a 200, or None for a stranger."""
        ...


class InboundOnly:
    """The part of an adapter that sends nothing: for systems that only tell us things."""

    def outgoing(self, turn: Turn, answered_ref: str) -> tuple[Outgoing, ...]:  # noqa: ARG002
        """Nothing: there are no conversations."""
        return ()

    def typing(self, conversation_id: str, on: bool, client: httpx.Client) -> None:
        """Nothing."""

    def deliver(self, delivery: Delivery, client: httpx.Client) -> Delivered | Dropped:  # noqa: ARG002
        """Nothing is ever sent."""
        return Dropped("this system takes no messages")

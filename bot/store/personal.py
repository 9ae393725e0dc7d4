"""Which rows belong to one customer: the ground that export, erasure and retention stand on.

Covered: finding a customer's conversations by id, e-mail address, phone number or conversation,
and every row of every table that hangs on them. A table belongs to a conversation when it has a
column `conversation_id` or `conversation_key`, or to a turn when it has `turn_id`; a new table that
follows these names is exported and erased without a change here, and a test refuses one that holds
neither and is not listed in `IMPERSONAL`. Not covered: files (`bot.store.personal_files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, and_, func, or_, select

from bot.errors import InputError
from bot.privacy.contact import same_email, same_phone, spellings_of_phone
from bot.store.rows import chunks
from bot.store.tables import conversations, events, messages, metadata, outbox, turns
from bot.store.transactions import reading

IMPERSONAL = frozenset(
    {
        "passages",
        "passage_versions",
        "knowledge_changes",
        "product_links",
        "counters",
        "settings",
        "agents",
        "api_keys",
        "console_sessions",
        "shared_rates",
        "sign_in_attempts",
        "subscribers",
        "audit_log",
    }
)
"""Tables without anything a customer said: knowledge, people and systems of the shop, its values.
The audit log names conversations only; erasure replaces their names there."""

_CONVERSATION_COLUMNS = ("conversation_id", "conversation_key")
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """Whom an export or an erasure is about. Everything that is given widens the search.

    Attributes:
        customer_id: as the channel or the shop calls the customer.
        channel: only conversations of this channel; all when empty.
        conversation_id: one conversation, and all others of the same customer.
        email: an address the customer is known by.
        phone: a phone number the customer is known by, in any spelling.
        mentions: also conversations in which the customer wrote that address or number. Without it
            they are only reported: somebody may have written another person's.
    """

    customer_id: str = ""
    channel: str = ""
    conversation_id: str = ""
    email: str = ""
    phone: str = ""
    mentions: bool = False

    def __post_init__(self) -> None:
        if not (self.customer_id or self.conversation_id or self.email or self.phone):
            raise InputError(
                "no customer is named",
                fix="give a customer id, a conversation id, an e-mail address or a phone number",
            )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was found: the customer's conversations, their turns, the events that tell other systems
    of them, the names a channel has for the customer, and conversations that only mention the
    customer."""

    conversation_ids: tuple[str, ...]
    turn_ids: tuple[str, ...]
    event_ids: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()
    mentioned_in: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Everything by which other records may name the customer."""
        return frozenset((*self.conversation_ids, *self.turn_ids, *self.customer_ids))


def find_customer(engine: Engine, customer: CustomerRef) -> Holdings:
    """Look up everything that hangs on a customer, and change nothing."""
    with reading(engine) as connection:
        return holdings(connection, customer)


def holdings(connection: Connection, customer: CustomerRef) -> Holdings:
    """Look up everything that hangs on a customer, as part of a transaction."""
    own = _own_conversations(connection, customer)
    mentioned = _mentioning(connection, customer) - own
    if customer.mentions:
        own, mentioned = own | mentioned, set()
    found = holdings_of(connection, sorted(own))
    return replace(found, mentioned_in=tuple(sorted(mentioned)))


def holdings_of(connection: Connection, conversation_ids: Sequence[str]) -> Holdings:
    """The same for conversations that are known."""
    turn_ids: list[str] = []
    event_ids: list[str] = []
    customers: set[str] = set()
    for ids in chunks(conversation_ids):
        query = select(turns.c.turn_id).where(turns.c.conversation_id.in_(ids))
        turn_ids += connection.execute(query).scalars()
        told = select(events.c.event_id).where(events.c.conversation_id.in_(ids))
        event_ids += connection.execute(told).scalars()
        known = select(conversations.c.customer_id).where(conversations.c.id.in_(ids))
        customers |= set(connection.execute(known).scalars())
    return Holdings(
        tuple(conversation_ids), tuple(turn_ids), tuple(event_ids), tuple(sorted(customers - {""}))
    )


def personal_tables() -> list[Table]:
    """Every table with rows of customers, those that others refer to first."""
    return [table for table in metadata.sorted_tables if table.name not in IMPERSONAL]


def belonging(table: Table, found: Holdings) -> Iterator[ColumnElement[bool]]:
    """Conditions that together select the rows of `table` that belong to the holdings."""
    if table is conversations:
        for ids in chunks(found.conversation_ids):
            yield table.c.id.in_(ids)
        return
    if table is outbox:
        yield from _deliveries(found)
    for name in _CONVERSATION_COLUMNS:
        if name in table.c:
            for ids in chunks(found.conversation_ids):
                yield table.c[name].in_(ids)
    if "turn_id" in table.c:
        for ids in chunks(found.turn_ids):
            yield table.c.turn_id.in_(ids)


def _deliveries(found: Holdings) -> Iterator[ColumnElement[bool]]:
    """Rows of the outbox that send an event; they belong to no conversation (`bot.store.events`)."""
    key = outbox.c.idempotency_key
    for ids in chunks(found.event_ids, 100):
        # From "ID:" up to the next character: a range that the index answers.
        yield or_(*(and_(key >= f"{one}:", key < f"{one};") for one in ids))


def owner_of(row: Row[Any], table: Table) -> str:
    """The conversation a row names; empty when it names a turn only."""
    if table is conversations:
        return str(row.id)
    for name in _CONVERSATION_COLUMNS:
        if name in table.c:
            return str(getattr(row, name) or "")
    return ""


def _own_conversations(connection: Connection, customer: CustomerRef) -> set[str]:
    table = conversations.c
    names = _names(connection, customer)
    found: set[str] = set()
    if names:
        condition = func.lower(table.customer_id).in_({name.lower() for name in names})
        found |= set(connection.execute(_within(customer, condition)).scalars())
    if customer.conversation_id:
        query = select(table.id, table.channel, table.customer_id)
        row = connection.execute(query.where(table.id == customer.conversation_id)).one_or_none()
        if row is not None:
            found.add(row.id)
            if row.customer_id:
                same = (table.customer_id == row.customer_id) & (table.channel == row.channel)
                found |= set(connection.execute(select(table.id).where(same)).scalars())
    return found


def _within(customer: CustomerRef, condition: ColumnElement[bool]) -> Any:
    query = select(conversations.c.id).where(condition)
    return query.where(conversations.c.channel == customer.channel) if customer.channel else query


def _names(connection: Connection, customer: CustomerRef) -> set[str]:
    """Every spelling under which a channel may know the customer.

    Connected systems put their own name before the shop's id (`generic:42`), never anything else
    in between: `chatwoot:1:42` is contact 42 of an account, not the shop's customer 42.
    """
    plain = {customer.customer_id, customer.email.strip()} - {""}
    plain |= spellings_of_phone(customer.phone) if customer.phone else set()
    channels = connection.execute(select(conversations.c.channel).distinct()).scalars().all()
    return plain | {f"{channel}:{name}" for channel in channels for name in plain}


def _mentioning(connection: Connection, customer: CustomerRef) -> set[str]:
    """Conversations in which a customer wrote the e-mail address or phone number."""
    if not (customer.email or customer.phone):
        return set()
    found: set[str] = set()
    last = 0
    query = (
        select(messages.c.id, messages.c.conversation_id, messages.c.text)
        .where(messages.c.speaker == "customer")
        .order_by(messages.c.id)
        .limit(_PAGE)
    )
    if customer.channel:
        query = query.join(conversations, conversations.c.id == messages.c.conversation_id).where(
            conversations.c.channel == customer.channel
        )
    while rows := connection.execute(query.where(messages.c.id > last)).all():
        last = rows[-1].id
        for row in rows:
            if (customer.email and same_email(customer.email, row.text)) or (
                customer.phone and same_phone(customer.phone, row.text)
            ):
                found.add(row.conversation_id)
    return found

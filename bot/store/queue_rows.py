"""Rows of inbox and outbox: as records, and the writes that several transactions share.

Covered: reading rows, putting one thing into the outbox, what waits behind an event, an echo that
confirms a delivery. Not covered: leases (`bot.store.lane`), transactions (`bot.store.queue`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from bot.store.queue_records import ExternalRef, Following, Inbound, InboxItem, Outgoing
from bot.store.rows import insert_unless_there
from bot.store.tables import conversations, inbox, messages, outbox

IN_DOUBT = "in doubt: "
"""Begins the `error` of an outbox row whose last attempt may have arrived."""


def inbound_of_row(row: Row[Any]) -> Inbound:
    """The event in a row of the inbox."""
    return Inbound(
        source=row.source,
        dedupe_key=row.dedupe_key,
        conversation_key=row.conversation_key,
        payload=row.payload,
        headers=json.loads(row.headers),
        received_at=row.received_at,
    )


def outgoing_of_row(row: Row[Any]) -> Outgoing:
    """What a row of the outbox sends."""
    return Outgoing(
        key=row.idempotency_key,
        channel=row.channel,
        conversation_key=row.conversation_key,
        kind=row.kind,
        text=row.text,
        payload=row.payload,
    )


def receive(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Store an event, as part of a transaction. False if it was received before.

    Events of a conversation are stored one after the other: PostgreSQL gives out row numbers
    before the commit, and a later number must not be seen, and worked, before an earlier one.
    """
    if values["conversation_key"] and connection.dialect.name == "postgresql":
        key = f"{values['source']}:{values['conversation_key']}"
        lock = func.pg_advisory_xact_lock(func.hashtextextended(key, 0))
        connection.execute(select(lock))
    return insert_unless_there(connection, inbox, values)


def write_outgoing(connection: Connection, outgoing: Outgoing, now: datetime) -> bool:
    """Put one thing into the outbox, as part of a transaction. False if its key is there."""
    return insert_unless_there(
        connection,
        outbox,
        {
            "idempotency_key": outgoing.key,
            "channel": outgoing.channel,
            "conversation_key": outgoing.conversation_key,
            "kind": outgoing.kind,
            "text": outgoing.text,
            "payload": outgoing.payload,
            "created_at": now,
            "next_attempt_at": now,
        },
    )


def following(connection: Connection, item: InboxItem, limit: int) -> tuple[Following, ...]:
    """Events that wait behind `item`, oldest first."""
    table = inbox.c
    query = (
        select(inbox)
        .where(
            table.conversation_key == item.event.conversation_key,
            table.conversation_key != "",
            table.source == item.event.source,
            table.id > item.lease.row_id,
            table.status == "pending",
        )
        .order_by(table.id)
        .limit(max(0, limit))
    )
    return tuple(Following(row.id, inbound_of_row(row)) for row in connection.execute(query))


def absorb(connection: Connection, followers: Sequence[Following], now: datetime) -> None:
    """Mark events as done that were worked together with the one before them.

    Nobody can have claimed them: the one before them is still open, and this transaction holds it.
    """
    ids = [follower.row_id for follower in followers]
    if ids:
        connection.execute(
            update(inbox)
            .where(inbox.c.id.in_(ids), inbox.c.status == "pending")
            .values(status="done", finished_at=now)
        )


def unconfirmed(connection: Connection, key: str) -> bool:
    """Whether the outbox holds something under `key` that is not known to have arrived."""
    query = select(outbox.c.id).where(outbox.c.idempotency_key == key, outbox.c.status != "done")
    return connection.execute(query).first() is not None


def confirm(connection: Connection, key: str, external_id: str, now: datetime) -> bool:
    """Mark as done what arrived, whoever is sending it. False if that was known."""
    statement = (
        update(outbox)
        .where(outbox.c.idempotency_key == key, outbox.c.status != "done")
        .values(status="done", finished_at=now, lease_until=None, external_id=external_id, error="")
    )
    return connection.execute(statement).rowcount == 1


def take_back_reply(connection: Connection, turn_id: str) -> None:
    """Remove from the transcript what the bot was going to say but did not; the turn stays."""
    connection.execute(
        delete(messages).where(messages.c.turn_id == turn_id, messages.c.speaker == "bot")
    )


def refer(connection: Connection, conversation_id: str, external: ExternalRef | None) -> None:
    """Note how the connected system calls a conversation."""
    if external is None:
        return
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            external_account_id=external.account_id,
            external_conversation_id=external.conversation_id,
        )
    )

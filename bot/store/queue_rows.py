"""Rows of inbox and outbox: as records, and the writes that several transactions share.

Covered: reading rows, putting one thing into the outbox, what waits behind an event, an echo that
confirms a delivery. Not covered: leases (`bot.store.lane`), transactions (`bot.store.queue`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from bot.store.queue_records import ExternalRef, Following, Inbound, InboxItem, Outgoing
from bot.store.rows import insert_unless_there
from bot.store.tables import conversations, inbox, messages, outbox

IN_DOUBT = "in doubt: "
"""Begins the `error` of an outbox row whose last attempt may have arrived."""

_REFER: Final = (
    update(conversations)
    .where(conversations.c.id == bindparam("one"))
    .values(
        external_account_id=bindparam("account"),
        external_conversation_id=bindparam("conversation"),
    )
)


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
    names = {"account": external.account_id, "conversation": external.conversation_id}
    connection.execute(_REFER, {"one": conversation_id, **names})

"""Everything the shop holds about one customer, as one JSON document.

Covered: every column of every row that belongs to the customer (conversations, messages, turns
whole, with mood and what was found, feedback, handovers and other review items, queue rows), told
by conversation. Not covered: which rows those are (`bot.store.personal`), writing files.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, Table, select

from bot.store.audit import write_audit
from bot.store.columns import utc_now
from bot.store.personal import (
    CustomerRef,
    Holdings,
    belonging,
    holdings,
    owner_of,
    personal_tables,
)
from bot.store.tables import conversations
from bot.store.transactions import writing

log = structlog.get_logger(__name__)

FORMAT = "shopkeeper-customer-export/1"
_DERIVED = ("search_text",)
"""Columns that repeat another one in a form for machines."""

_JSON_COLUMNS = ("data", "payload", "headers")


@dataclass(frozen=True, slots=True)
class CustomerExport:
    """An export. `document` is JSON text; `rows` counts by table what is in it."""

    conversation_ids: tuple[str, ...]
    mentioned_in: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]
    document: str


def export_customer(engine: Engine, customer: CustomerRef, *, actor: str) -> CustomerExport:
    """Collect everything about a customer. An unknown customer gives a document without rows.

    Args:
        engine: the database.
        customer: whom.
        actor: who asks, for the audit log: `console:li`, `command:root`, `webhook:shopify` …

    Raises:
        StoreError: the database failed, or holds texts that the given key does not open.
    """
    with writing(engine) as connection:
        found = holdings(connection, customer)
        counts, told = _collect(connection, found)
        subject = customer.customer_id or customer.conversation_id
        detail = f"{len(found.conversation_ids)} conversations"
        write_audit(connection, actor, "customer.export", subject, detail)
    log.info("customer_exported", actor=actor, conversations=len(found.conversation_ids))
    document = {
        "format": FORMAT,
        "created_at": utc_now().isoformat(),
        "customer": {
            name: getattr(customer, name)
            for name in ("customer_id", "channel", "conversation_id", "email", "phone")
            if getattr(customer, name)
        },
        "conversations": [told[key] for key in sorted(told) if key],
        # What belongs to no conversation: deliveries of events about the customer.
        "other": {name: rows for name, rows in told.get("", {}).items() if name != "id"},
        "mentioned_in": list(found.mentioned_in),
    }
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return CustomerExport(found.conversation_ids, found.mentioned_in, tuple(counts.items()), text)


def _collect(
    connection: Connection, found: Holdings
) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    counts: dict[str, int] = {}
    told: dict[str, dict[str, Any]] = {}
    owners: dict[str, str] = {}
    for table in personal_tables():
        rows = _rows(connection, table, found)
        counts[table.name] = len(rows)
        grouped: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            owner = owner_of(row, table) or owners.get(str(row._mapping.get("turn_id")), "")
            if "turn_id" in table.c and owner:
                owners[str(row.turn_id)] = owner
            if table is conversations:
                told[owner] = _as_json(table, row)
            else:
                grouped[owner].append(_as_json(table, row))
        for owner, items in grouped.items():
            # Events of a conversation may wait in the queue before there is a row of it.
            told.setdefault(owner, {"id": owner})[table.name] = items
    return counts, told


def _rows(connection: Connection, table: Table, found: Holdings) -> list[Row[Any]]:
    keys = list(table.primary_key)
    seen: dict[tuple[Any, ...], Row[Any]] = {}
    for condition in belonging(table, found):
        for row in connection.execute(select(table).where(condition).order_by(*keys)):
            # A row may belong to a conversation and to one of its turns.
            seen.setdefault(tuple(row._mapping[key.name] for key in keys), row)
    return list(seen.values())


def _as_json(table: Table, row: Row[Any]) -> dict[str, Any]:
    return {
        column.name: _value(column.name, row._mapping[column.name])
        for column in table.c
        if column.name not in _DERIVED
    }


def _value(name: str, value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if name in _JSON_COLUMNS and isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value

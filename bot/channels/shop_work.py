"""The work on what shop systems tell us: products become knowledge, privacy requests are obeyed.

Covered: messages out of order and repeated ones, products that lose their passages, exports as
files, erasure. Every step may be repeated: a worker that dies in between leaves the event to the
next one. Not covered: reading messages (`bot.channels.webhooks`), the index, which follows the
knowledge by itself (`retrieval.live`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from bot.channels.webhooks.shop_records import PrivacyRequest, ProductChange
from bot.errors import StoreError
from bot.protocols import KnowledgeStore
from bot.store.codec import load
from bot.store.personal import CustomerRef
from bot.store.products import ProductLink, SqlProductLinks
from bot.store.queue import SqlQueue
from bot.store.queue_records import InboxItem

log = structlog.get_logger(__name__)


class CustomerData(Protocol):
    """Everything the shop holds about one customer."""

    def export(self, customer: CustomerRef, actor: str) -> str:
        """A JSON document."""
        ...

    def erase(self, customer: CustomerRef, actor: str) -> None:
        """Erase it; twice is harmless."""
        ...


@dataclass(frozen=True)
class ShopWork:
    """Works events of shop systems; safe to use from many threads.

    Attributes:
        queue: inbox.
        knowledge: where passages are.
        links: which passage belongs to which product.
        customers: exports and erases.
        exports: folder for exports.
    """

    queue: SqlQueue
    knowledge: KnowledgeStore
    links: SqlProductLinks
    customers: CustomerData
    exports: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def work(self, item: InboxItem) -> None:
        """Work one event to its end.

        Raises:
            StoreError: the database failed; the event stays claimed until its lease ends.
        """
        kind = item.event.headers.get("event", "")
        tell = log.bind(system=item.event.source, about=item.event.conversation_key, kind=kind)
        try:
            if kind == "product":
                outcome = self.change_product(load(ProductChange, item.event.payload), item)
            else:
                outcome = self.obey(load(PrivacyRequest, item.event.payload), item.event.source)
                self.links.forget_payload(item)
            self.queue.complete(item)
            tell.info("shop_event_worked", outcome=outcome)
        except StoreError as error:
            tell.warning("shop_event_failed", error=error.message)
            self.queue.fail(item, error.message)
        except Exception as error:
            # Its text may quote a customer; the row gets the kind alone.
            tell.exception("shop_event_failed")
            self.queue.fail(item, type(error).__name__)

    def change_product(self, change: ProductChange, item: InboxItem) -> str:
        """Make the knowledge say what the shop says now; what was done, as a code."""
        known = self.links.get(change.source, change.product_id)
        received = item.event.received_at or self.clock()
        changed_at = change.changed_at or received
        if known is not None and not change.deleted and changed_at < known.changed_at:
            return "older_than_known"
        if known is not None:
            changed_at = max(changed_at, known.changed_at)
        now_said = tuple(passage.passage_id for passage in change.passages)
        link = ProductLink(change.source, change.product_id, now_said, changed_at, change.deleted)
        gone = set(known.passage_ids if known is not None else ()) - set(now_said)
        gone -= self.links.elsewhere(sorted(gone), link) if gone else frozenset()
        if change.passages:
            self.knowledge.upsert(change.passages)
        if gone:
            self.knowledge.delete(sorted(gone))
        self.links.put(link)
        return "deleted" if change.deleted else "changed" if now_said else "not_for_sale"

    def obey(self, request: PrivacyRequest, system: str) -> str:
        """Export or erase; what was done, as a code."""
        actor = f"webhook:{system}"
        if request.wanted == "shop_redact":
            said = {p for link in self.links.of_source(request.source) for p in link.passage_ids}
            self.knowledge.delete(sorted(said))
            self.links.forget_source(request.source)
            return "shop_forgotten"
        if not (request.customer_id or request.email or request.phone):
            return "no_customer_named"
        redact = request.wanted == "customer_redact"
        customer = CustomerRef(
            customer_id=request.customer_id,
            email=request.email,
            phone=request.phone,
            # Erasing may take too much, an export must not: somebody else may have written it.
            mentions=redact,
        )
        if redact:
            self.customers.erase(customer, actor)
            return "erased"
        file = self.exports / f"{system}-data-request-{request.reference}.json"
        _write_private(file, self.customers.export(customer, actor))
        log.warning("customer_export_ready", file=str(file), fix="send it to the merchant")
        return "exported"


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_suffix(".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    draft.replace(file)

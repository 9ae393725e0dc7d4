"""Which passages came from which product of a connected shop system.

Covered: links, also of products that are gone, so that an older message cannot bring them back;
and taking personal data out of a request that was worked. Not covered: the passages themselves
(`bot.store.knowledge`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, select, update

from bot.store.link_tables import product_links
from bot.store.queue_records import InboxItem
from bot.store.rows import insert_unless_there
from bot.store.tables import inbox
from bot.store.transactions import reading, writing


@dataclass(frozen=True, slots=True)
class ProductLink:
    """A product of another system and what we say about it.

    Attributes:
        source: system and shop.
        product_id: the system's.
        passage_ids: ours; empty for a product that is not for sale.
        changed_at: what the newest message said, by the system's clock.
        deleted: the product is gone.
    """

    source: str
    product_id: str
    passage_ids: tuple[str, ...]
    changed_at: datetime
    deleted: bool = False


class SqlProductLinks:
    """Links in SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, source: str, product_id: str) -> ProductLink | None:
        """One link; None for a product nobody told us of."""
        table = product_links.c
        query = select(product_links).where(table.source == source, table.product_id == product_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _of_row(row)

    def of_source(self, source: str) -> tuple[ProductLink, ...]:
        """All products of one shop."""
        query = select(product_links).where(product_links.c.source == source)
        with reading(self._engine) as connection:
            return tuple(map(_of_row, connection.execute(query)))

    def elsewhere(self, passage_ids: Sequence[str], besides: ProductLink) -> frozenset[str]:
        """Those of `passage_ids` that another product that is there stands for as well."""
        others = (
            link
            for link in self.of_source(besides.source)
            if link.product_id != besides.product_id and not link.deleted
        )
        return frozenset(passage_ids) & {name for link in others for name in link.passage_ids}

    def put(self, link: ProductLink) -> None:
        """Store a link instead of an earlier one."""
        key = {"source": link.source, "product_id": link.product_id}
        values = {
            "passage_ids": json.dumps(list(link.passage_ids), ensure_ascii=False),
            "changed_at": link.changed_at,
            "deleted": link.deleted,
        }
        table = product_links.c
        with writing(self._engine) as connection:
            if not insert_unless_there(connection, product_links, key | values):
                connection.execute(
                    update(product_links)
                    .where(table.source == link.source, table.product_id == link.product_id)
                    .values(**values)
                )

    def forget_source(self, source: str) -> int:
        """Remove every link of one shop; how many."""
        with writing(self._engine) as connection:
            return connection.execute(
                delete(product_links).where(product_links.c.source == source)
            ).rowcount

    def forget_payload(self, item: InboxItem) -> None:
        """Take what a worked request said out of its row; the row still knows repetitions."""
        with writing(self._engine) as connection:
            connection.execute(
                update(inbox).where(inbox.c.id == item.lease.row_id).values(payload="{}")
            )


def _of_row(row: Row[Any]) -> ProductLink:
    passage_ids = tuple(json.loads(row.passage_ids))
    return ProductLink(row.source, row.product_id, passage_ids, row.changed_at, row.deleted)

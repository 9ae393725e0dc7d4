"""The connected systems of an open shop: everything a worker needs, from the shop's own parts.

Covered: who works products and privacy requests, who sends events. Not covered: settings
(`bot.channels.webhooks.connecting`), the application (`bot.channels.serving`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bot.build import Shop
from bot.channels.shop_work import ShopWork
from bot.channels.webhooks.assembly import Webhooks, build_webhooks
from bot.channels.webhooks.connecting import events_subscriber
from bot.channels.webhooks.events import EventSender
from bot.service import Service
from bot.store.erasure import erase_customer
from bot.store.events import CHANNEL
from bot.store.export import export_customer
from bot.store.personal import CustomerRef
from bot.store.subscribers import SETTINGS_NAME


@dataclass(frozen=True)
class StoredCustomers:
    """`bot.channels.shop_work.CustomerData` over the database."""

    engine: Engine
    exports: Path

    def export(self, customer: CustomerRef, actor: str) -> str:
        """See `bot.store.export`."""
        return export_customer(self.engine, customer, actor=actor).document

    def erase(self, customer: CustomerRef, actor: str) -> None:
        """See `bot.store.erasure`; export files are searched too."""
        erase_customer(self.engine, customer, actor=actor, exports=self.exports)


def webhooks_of(shop: Shop, service: Service) -> Webhooks:
    """Routes and worker of an open shop.

    Raises:
        ConfigError: a system is connected by halves.
        StoreError: the database failed.
    """
    settings = shop.settings
    shop.subscribers.declare(SETTINGS_NAME, *events_subscriber(settings))
    exports = settings.exports_dir
    work = ShopWork(
        shop.queue,
        shop.knowledge,
        shop.product_links,
        StoredCustomers(shop.engine, exports),
        exports,
    )
    return build_webhooks(
        settings,
        shop.queue,
        service.answer_turn,
        shop.turns.is_with_agent,
        shop_work=work.work,
        senders={CHANNEL: EventSender(shop.events, shop.subscribers)},
    )

"""Products of Shopify and WooCommerce change what the bot answers, through the live index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from bot.channels.connected import StoredCustomers
from bot.channels.shop_work import ShopWork
from bot.channels.webhooks.adapter import InboundOnly
from bot.channels.webhooks.pipeline import Pipeline
from bot.channels.worker import Worker
from bot.store.knowledge import SqlKnowledgeStore
from bot.store.products import SqlProductLinks
from bot.store.queue import SqlQueue
from bot.store.turns import SqlTurnStore
from bot.types import Message, Query, Turn
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.retriever import HybridRetriever
from tests.channels.webhooks.support import IMPATIENT, QUICK, serving, wait_for
from tests.channels.webhooks.systems import (
    SYSTEMS,
    as_json,
    shopify_product,
    sign_shopify,
    sign_woo,
    woo_product,
)
from tests.retrieval.fakes import FakeEncoder


@dataclass
class ShopSide:
    """Edge, worker, knowledge and live index, running."""

    queue: SqlQueue
    knowledge: SqlKnowledgeStore
    links: SqlProductLinks
    live: LiveRetriever
    client: httpx.Client

    def shopify(self, topic: str, body: dict[str, Any], **changes: str) -> int:
        raw = as_json(body)
        headers = {**sign_shopify(raw, 0, topic), **changes}
        return self.client.post("/webhooks/shopify", content=raw, headers=headers).status_code

    def woo(self, topic: str, body: dict[str, Any], delivery: str = "d") -> int:
        raw = as_json(body)
        headers = {**sign_woo(raw, 0, topic), "X-WC-Webhook-Delivery-ID": delivery}
        return self.client.post("/webhooks/woocommerce", content=raw, headers=headers).status_code

    def found(self, text: str) -> str:
        """The text of the best passage; empty if nothing is found."""
        hits = self.live.search(Query(text, "en", text), 1).hits
        return hits[0].passage.text if hits else ""

    def settle(self) -> None:
        wait_for(lambda: self.queue.stats().inbox.pending == self.queue.stats().inbox.working == 0)


def nobody_answers(_message: Message) -> Turn:
    raise AssertionError("products are no questions")


@contextmanager
def shop_side(engine: Engine, exports: Path) -> Iterator[ShopSide]:
    queue, knowledge, links = SqlQueue(engine, IMPATIENT), SqlKnowledgeStore(engine), None
    links = SqlProductLinks(engine)
    work = ShopWork(queue, knowledge, links, StoredCustomers(engine, exports), exports)
    systems = {
        name: system.adapter
        for name, system in SYSTEMS.items()
        if isinstance(system.adapter, InboundOnly)
    }
    worker = Worker(
        queue,
        nobody_answers,
        {},
        SqlTurnStore(engine).is_with_agent,
        QUICK,
        shops=dict.fromkeys(systems, work.work),
    )
    encoder = FakeEncoder()
    searching = HybridRetriever(HybridIndex.build((), encoder), encoder)
    live = LiveRetriever(searching, knowledge, encoder)
    with (
        live,
        worker,
        serving(Pipeline(systems, queue, worker.wake)) as url,
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        yield ShopSide(queue, knowledge, links, live, client)


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[ShopSide]:
    with shop_side(engine, tmp_path) as running:
        yield running


def test_a_product_of_shopify_is_answered_and_forgotten_at_once(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    with shop_side(sqlite_engine, tmp_path) as shop:
        for topic, change, seen in (
            ("products/create", {}, "$29.99"),
            (
                "products/update",
                {
                    "updated_at": "2025-04-23T14:30:00-05:00",
                    "variants": [{"title": "Default Title", "price": "24.50", "sku": "TSHIRT-001"}],
                },
                "$24.50",
            ),
        ):
            assert shop.shopify(topic, shopify_product(**change)) == 200
            wait_for(lambda seen=seen: seen in shop.found("Cotton T-Shirt price"), seen)
        assert shop.shopify("products/delete", {"id": 9554194432293}) == 200
        wait_for(lambda: shop.found("Cotton T-Shirt price") == "")
        assert shop.knowledge.live_passages() == ()


def test_what_stands_in_the_passage(shop: ShopSide) -> None:
    variants = [
        {"title": "S", "price": "29.99", "sku": "TS-S", "inventory_quantity": 3},
        {"title": "L", "price": "31.99", "sku": "TS-L", "inventory_quantity": 0},
    ]
    html = "<p>Soft &amp; warm.</p><script>alert(1)</script>"
    options = [{"name": "Size", "values": ["S", "L"]}]
    body = shopify_product(title="T-Shirt", variants=variants, body_html=html, options=options)
    shop.shopify("products/update", body)
    shop.settle()
    (passage,) = shop.knowledge.live_passages()
    for part in (
        "S (TS-S, $29.99)",
        "L (TS-L, $31.99, out of stock)",
        "Soft & warm.",
        "Size: S, L",
    ):
        assert part in passage.text
    assert "alert" not in passage.text
    assert (passage.kind, passage.title, passage.lang) == ("product", "T-Shirt", "en")
    assert passage.source == "shopify:snowdevil.myshopify.com"


def test_a_product_of_woocommerce(shop: ShopSide) -> None:
    assert shop.woo("product.created", woo_product()) == 200
    shop.settle()
    (passage,) = shop.knowledge.live_passages()
    assert passage.passage_id.startswith("product-COFFEE-1")
    for part in ("€21.99", "Roasted on Mondays.", "Coffee", "dark"):
        assert part in passage.text
    shop.woo("product.deleted", {"id": 794}, "d2")
    shop.settle()
    assert shop.knowledge.live_passages() == ()
    restored = woo_product(date_modified_gmt="2099-06-01T08:00:00")
    shop.woo("product.restored", restored, "d3")
    shop.settle()
    assert len(shop.knowledge.live_passages()) == 1


@pytest.mark.parametrize(
    "hidden",
    [{"status": "draft"}, {"status": "archived"}, {"published_at": None}],
)
def test_a_product_that_is_taken_off_the_shop_is_taken_off_the_answers(
    shop: ShopSide, hidden: dict[str, Any]
) -> None:
    shop.shopify("products/update", shopify_product())
    shop.settle()
    later = {"updated_at": "2025-04-23T14:30:00-05:00", **hidden}
    shop.shopify("products/update", shopify_product(**later))
    shop.settle()
    assert shop.knowledge.live_passages() == ()


def test_messages_out_of_order_do_not_turn_time_back(shop: ShopSide) -> None:
    """An update that Shopify repeats hours later must not bring back an old price."""
    newer = shopify_product(title="New name", updated_at="2025-04-23T09:00:00Z")
    older = shopify_product(title="Old name", updated_at="2025-04-22T09:00:00Z")
    for body in (newer, older):
        shop.shopify("products/update", body)
        shop.settle()
    assert [p.title for p in shop.knowledge.live_passages()] == ["New name"]
    shop.shopify("products/delete", {"id": newer["id"]})
    shop.settle()
    replayed = {"X-Shopify-Webhook-Id": "a new one: the header is not signed"}
    assert shop.shopify("products/update", newer, **replayed) == 200
    shop.settle()
    assert shop.knowledge.live_passages() == (), "a deleted product never answers again"


def test_another_article_number_takes_the_place_of_the_first(shop: ShopSide) -> None:
    shop.shopify("products/update", shopify_product())
    shop.settle()
    renamed = shopify_product(
        updated_at="2025-05-01T00:00:00Z",
        variants=[{"title": "Default Title", "price": "29.99", "sku": "TSHIRT-002"}],
    )
    shop.shopify("products/update", renamed)
    shop.settle()
    (passage,) = shop.knowledge.live_passages()
    assert "TSHIRT-002" in passage.passage_id


def test_an_article_number_that_two_products_share_stays_while_one_has_it(shop: ShopSide) -> None:
    shop.shopify("products/create", shopify_product(id=1))
    shop.shopify("products/create", shopify_product(id=2, title="Its twin"))
    shop.settle()
    shop.shopify("products/delete", {"id": 1})
    shop.settle()
    assert len(shop.knowledge.live_passages()) == 1


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("products/delete", shopify_product()),
        ("products/update", {"id": 9554194432293}),
        ("customers/redact", {"id": 9554194432293}),
        ("shop/redact", {"shop_domain": "snowdevil.myshopify.com", "customer": {"id": 1}}),
        ("customers/redact", {"shop_domain": "other.myshopify.com", "customer": {"id": 1}}),
    ],
)
def test_the_topic_is_not_signed_so_the_body_must_fit_it(
    shop: ShopSide, topic: str, body: dict[str, Any]
) -> None:
    """Who replays an update as a deletion must not empty the shop."""
    assert shop.shopify(topic, body) == 400


def test_another_shop_with_the_same_app_is_refused(shop: ShopSide) -> None:
    other = {"X-Shopify-Shop-Domain": "other.myshopify.com"}
    assert shop.shopify("products/update", shopify_product(), **other) == 401


def test_the_newer_events_deliveries_of_shopify(shop: ShopSide) -> None:
    raw = as_json(shopify_product())
    old = sign_shopify(raw)
    new = {name.removeprefix("X-").lower(): value for name, value in old.items()}
    both = {**new, "X-Shopify-Hmac-Sha256": "of something else"}
    answer = shop.client.post("/webhooks/shopify", content=raw, headers=both)
    assert answer.status_code == 200
    shop.settle()
    assert len(shop.knowledge.live_passages()) == 1


def test_topics_that_are_not_used_are_accepted_and_ignored(shop: ShopSide) -> None:
    assert shop.shopify("orders/create", {"id": 1}) == 200
    assert shop.woo("order.created", {"id": 1}) == 200
    assert shop.queue.stats().inbox.done == 0


def test_the_unsigned_ping_of_a_new_webhook_is_answered_and_does_nothing(shop: ShopSide) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body, status in ((b"webhook_id=5", 200), (b"webhook_id=5&x=1", 401), (b"webhook_id=", 401)):
        answer = shop.client.post("/webhooks/woocommerce", content=body, headers=form)
        assert answer.status_code == status, body
    assert shop.queue.stats().inbox.pending == 0


def test_two_deliveries_of_woocommerce_within_a_second_are_two(shop: ShopSide) -> None:
    """They share their delivery id."""
    for number in (1, 2):
        assert shop.woo("product.created", woo_product(id=number, sku=f"S{number}")) == 200
    shop.settle()
    assert len(shop.knowledge.live_passages()) == 2

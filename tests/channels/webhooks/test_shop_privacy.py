"""Shopify's privacy topics: what is held about a customer is exported, or erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bot.store.tables import inbox
from bot.store.turns import SqlTurnStore
from bot.types import Message
from tests.channels.webhooks.support import a_turn, wait_for
from tests.channels.webhooks.systems import SHOP, shopify_product
from tests.channels.webhooks.test_shop_products import ShopSide, shop_side

CUSTOMER = {"id": 191167, "email": "john@example.com", "phone": "555-625-1199"}
REQUEST = {"shop_id": 1, "shop_domain": SHOP, "customer": CUSTOMER}


@pytest.fixture
def shop(sqlite_engine: Engine, tmp_path: Path) -> Iterator[ShopSide]:
    turns = SqlTurnStore(sqlite_engine)
    for who, text in (("191167", "Where is my kettle?"), ("7", "Do you sell kites?")):
        turns.save(a_turn(Message(f"web:{who}", text, "web", who, f"web:{who}:m1")))
    with shop_side(sqlite_engine, tmp_path) as running:
        yield running


def test_a_customers_data_is_written_to_a_file_of_ours(
    shop: ShopSide, sqlite_engine: Engine, tmp_path: Path
) -> None:
    wanted = REQUEST | {"orders_requested": [1], "data_request": {"id": 9999}}
    assert shop.shopify("customers/data_request", wanted) == 200
    file = tmp_path / "shopify-data-request-9999.json"
    wait_for(file.exists)
    told = json.loads(file.read_text(encoding="utf-8"))
    assert "Where is my kettle?" in json.dumps(told)
    assert "kites" not in json.dumps(told), "another customer's"
    assert file.stat().st_mode & 0o077 == 0
    shop.settle()
    with sqlite_engine.connect() as connection:
        payloads = connection.execute(select(inbox.c.payload)).scalars().all()
    assert payloads == ["{}"], "the request itself holds an address"


def test_a_customer_is_erased_and_nobody_else(shop: ShopSide, sqlite_engine: Engine) -> None:
    assert shop.shopify("customers/redact", REQUEST | {"orders_to_redact": [1]}) == 200
    turns = SqlTurnStore(sqlite_engine)
    wait_for(lambda: turns.history("web:191167") == ())
    assert turns.history("web:7") != ()


def test_a_shop_that_leaves_is_forgotten(shop: ShopSide, sqlite_engine: Engine) -> None:
    shop.shopify("products/update", shopify_product())
    wait_for(lambda: len(shop.knowledge.live_passages()) == 1)
    assert shop.shopify("shop/redact", {"shop_id": 1, "shop_domain": SHOP}) == 200
    wait_for(lambda: shop.links.of_source(f"shopify:{SHOP}") == ())
    assert shop.knowledge.live_passages() == ()
    assert SqlTurnStore(sqlite_engine).history("web:7") != ()


def test_a_forged_request_erases_nobody(shop: ShopSide, sqlite_engine: Engine) -> None:
    forged = {"X-Shopify-Hmac-Sha256": "forged"}
    assert shop.shopify("customers/redact", REQUEST, **forged) == 401
    assert SqlTurnStore(sqlite_engine).history("web:191167") != ()

"""Every connected system as the tests meet it: its adapter, a good request, how it signs.

The requests have the shapes that the systems send; the signatures are computed here, not by the
code under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.channels.webhooks.adapter import Adapter
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.generic import Generic
from bot.channels.webhooks.messenger import Messenger
from bot.channels.webhooks.meta import MetaApp
from bot.channels.webhooks.shopify import Shopify
from bot.channels.webhooks.slack import Slack
from bot.channels.webhooks.slack_api import SlackApi
from bot.channels.webhooks.whatsapp import WhatsApp
from bot.channels.webhooks.woocommerce import WooCommerce

NOWHERE = "http://127.0.0.1:9"
SHOP = "snowdevil.myshopify.com"
CHATWOOT_SECRET = "cw_test_secret"
SHOPIFY_SECRET = "shpss_test"
WOO_SECRET = "woo_secret"
META_SECRET = "meta_app_secret"
META_VERIFY = "made-up-by-the-operator"
SLACK_SECRET = "slack_secret"
GENERIC_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Sign = Callable[[bytes, int], Mapping[str, str]]


def as_json(value: object) -> bytes:
    """As most systems send it: compact, not escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def hexed(key: str, signed: bytes) -> str:
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def base64ed(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def sign_chatwoot(body: bytes, at: int) -> Mapping[str, str]:
    return {
        "X-Chatwoot-Delivery": "0b5e1a52-5f3f-4bd7-93a2-2f4d8a3a2a11",
        "X-Chatwoot-Timestamp": str(at),
        "X-Chatwoot-Signature": f"sha256={hexed(CHATWOOT_SECRET, f'{at}.'.encode() + body)}",
    }


def sign_shopify(body: bytes, _at: int = 0, topic: str = "products/update") -> Mapping[str, str]:
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64ed(SHOPIFY_SECRET, body),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Webhook-Id": hashlib.sha256(topic.encode() + body).hexdigest()[:32],
        "X-Shopify-Event-Id": "59d6d79c",
    }


def sign_woo(body: bytes, _at: int = 0, topic: str = "product.updated") -> Mapping[str, str]:
    return {
        "X-WC-Webhook-Source": "https://shop.example/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": "product",
        "X-WC-Webhook-Signature": base64ed(WOO_SECRET, body),
        "X-WC-Webhook-ID": "5",
        "X-WC-Webhook-Delivery-ID": "8b8c2f2e",
    }


def sign_meta(body: bytes, _at: int = 0) -> Mapping[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hexed(META_SECRET, body)}"}


def sign_slack(body: bytes, at: int) -> Mapping[str, str]:
    return {
        "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": f"v0={hexed(SLACK_SECRET, f'v0:{at}:'.encode() + body)}",
    }


def sign_generic(body: bytes, at: int, number: str = "msg_1") -> Mapping[str, str]:
    key = base64.b64decode(GENERIC_SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": number, "webhook-timestamp": str(at), "webhook-signature": signature}


def chatwoot_message(text: str = "退货怎么办?", number: int = 4711) -> dict[str, Any]:
    account = {"id": 1, "name": "My Shop"}
    return {
        "event": "message_created",
        "id": number,
        "content": text,
        "message_type": "incoming",
        "private": False,
        "sender": {"id": 9, "name": "Li Lei"},
        "account": account,
        "conversation": {"id": 42, "status": "pending", "account": account},
    }


def shopify_product(**changes: Any) -> dict[str, Any]:
    variant = {"id": 123456789, "title": "Default Title", "price": "29.99", "sku": "TSHIRT-001"}
    return {
        "id": 9554194432293,
        "title": "Cotton T-Shirt 纯棉",
        "status": "active",
        "vendor": "My Store",
        "product_type": "Shirts",
        "updated_at": "2025-04-22T14:30:00-05:00",
        "variants": [variant | {"taxable": True}],
        "tags": "cotton, comfortable",
    } | changes


def woo_product(**changes: Any) -> dict[str, Any]:
    return {
        "id": 794,
        "name": "Premium Quality 咖啡",
        "status": "publish",
        "sku": "COFFEE-1",
        "price": "21.99",
        "description": "<p>Roasted on Mondays.</p>",
        "date_modified_gmt": "2026-06-01T08:00:00",
        "manage_stock": True,
        "stock_quantity": 12,
        "stock_status": "instock",
        "categories": [{"id": 9, "name": "Coffee"}],
        "attributes": [{"name": "Roast", "options": ["dark"], "visible": True}],
    } | changes


def messenger_body(*items: dict[str, Any]) -> dict[str, Any]:
    entry = {"id": "1", "time": 1458692752478, "messaging": list(items)}
    return {"object": "page", "entry": [entry]}


def messenger_item(mid: str = "m_1", text: str = "你好", sender: str = "2", **more: Any) -> Any:
    return {
        "sender": {"id": sender},
        "recipient": {"id": "1"},
        "timestamp": 1458692752478,
        "message": {"mid": mid, "text": text, **more},
    }


def whatsapp_body(**value: Any) -> dict[str, Any]:
    told = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}],
    } | value
    change = {"field": "messages", "value": told}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [change]}],
    }


def whatsapp_text(number: str = "wamid.HBgL1", text: str = "有别的颜色吗?") -> dict[str, Any]:
    return {
        "from": "16505551234",
        "id": number,
        "timestamp": "1749416383",
        "type": "text",
        "text": {"body": text},
    }


def slack_event(text: str = "退货怎么办?", ts: str = "1531420618.000200", **more: Any) -> Any:
    event = {
        "type": "message",
        "channel": "D024BE91L",
        "channel_type": "im",
        "user": "U061F7AUR",
        "text": text,
        "ts": ts,
    } | more
    return {"type": "event_callback", "event_id": f"Ev{ts[-3:]}", "team_id": "T061EG9R6"} | {
        "event": event
    }


def generic_message(text: str = "退货怎么办?") -> dict[str, Any]:
    data = {"conversation_id": "c1", "message_id": "1", "text": text}
    return {"type": "message.created", "timestamp": "2026-06-10T08:15:30Z", "data": data}


@dataclass(frozen=True)
class System:
    """One connected system.

    `big` makes a good request as large as is asked. `timed`: its signature covers the time.
    """

    adapter: Adapter
    request: dict[str, Any]
    sign: Sign
    big: Callable[[int], dict[str, Any]]
    timed: bool = False
    escaped: bool = False

    @property
    def body(self) -> bytes:
        """A good request, with Chinese in it."""
        return json.dumps(self.request).encode() if self.escaped else as_json(self.request)

    def headers(self, body: bytes | None = None, at: int | None = None) -> dict[str, str]:
        """The signature of a body, now unless told otherwise."""
        stamp = int(time.time()) if at is None else at
        return dict(self.sign(self.body if body is None else body, stamp))


APP = MetaApp(META_SECRET, META_VERIFY, NOWHERE)
SYSTEMS: Mapping[str, System] = {
    "chatwoot": System(
        Chatwoot(NOWHERE, "token", CHATWOOT_SECRET),
        chatwoot_message(),
        sign_chatwoot,
        lambda size: chatwoot_message("x" * size),
        timed=True,
    ),
    "shopify": System(
        Shopify(SHOP, (SHOPIFY_SECRET,), "USD"),
        shopify_product(),
        sign_shopify,
        lambda size: shopify_product(body_html="x" * size),
    ),
    "woocommerce": System(
        WooCommerce((WOO_SECRET,), "EUR"),
        woo_product(),
        sign_woo,
        lambda size: woo_product(description="x" * size),
    ),
    "messenger": System(
        Messenger(APP, "token"),
        messenger_body(messenger_item()),
        sign_meta,
        lambda size: messenger_body(messenger_item(text="x" * size)),
        escaped=True,
    ),
    "whatsapp": System(
        WhatsApp(APP, "token"),
        whatsapp_body(messages=[whatsapp_text()]),
        sign_meta,
        lambda size: whatsapp_body(messages=[whatsapp_text(text="x" * size)]),
        escaped=True,
    ),
    "slack": System(
        Slack(SlackApi(NOWHERE, "xoxb-token"), SLACK_SECRET),
        slack_event(),
        sign_slack,
        lambda size: slack_event("x" * size),
        timed=True,
    ),
    "generic": System(
        Generic(NOWHERE, (GENERIC_SECRET,)),
        generic_message(),
        sign_generic,
        lambda size: generic_message("x" * size),
        timed=True,
    ),
}

"""Every vector of the wire formats, and the signatures' edges that are common to all systems."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.channels.webhooks.adapter import Failure, Refused
from bot.channels.webhooks.woocommerce import WooCommerce, unescaped
from tests.channels.webhooks.systems import (
    CHATWOOT_SECRET,
    META_SECRET,
    SHOP,
    SHOPIFY_SECRET,
    SLACK_SECRET,
    SYSTEMS,
    WOO_SECRET,
    base64ed,
    hexed,
    sign_generic,
)

META_BODY = (
    rb'{"object":"page","entry":[{"id":"1","time":1458692752478,"messaging":[{"sender":{"id":"2"},'
    rb'"recipient":{"id":"1"},"timestamp":1458692752478,"message":{"mid":"m_1",'
    rb'"text":"\u4f60\u597d"}}]}]}'
)
VECTORS = {
    "chatwoot": (
        '{"event":"message_created","id":1,"content":"退货怎么办?"}'.encode(),
        {
            "x-chatwoot-timestamp": "1780000000",
            "x-chatwoot-signature": "sha256="
            "a6e1ed8c3bf53a8dea19c901e73166d732676bbe69100433a34be7e0c0a55571",
        },
        1780000000,
    ),
    "shopify": (
        b'{"id":9554194432293,"title":"T-Shirt"}',
        {
            "x-shopify-hmac-sha256": "HL80pYEyz+HVL31L7Uusadzz4+N52O5HcCGFAsIcLlw=",
            "x-shopify-shop-domain": SHOP,
        },
        0,
    ),
    "woocommerce": (
        b'{"id":794,"name":"Premium Quality"}',
        {"x-wc-webhook-signature": "0HYxnZhIp2XwiqbWGcNWwkTewS0K5cFjx8xAmqC6050="},
        0,
    ),
    "messenger": (
        META_BODY,
        {
            "x-hub-signature-256": "sha256="
            "97f2908d72bed42f4b1aacee47ecf4dd180db4441f060e79ab0ecf02a261219a"
        },
        0,
    ),
    "slack": (
        b'{"type":"event_callback","event_id":"Ev1"}',
        {
            "x-slack-request-timestamp": "1531420618",
            "x-slack-signature": "v0="
            "e99b0f8549c29997529a062dcc1e53d99cf73f7268de1ec81cb824d403d6aaec",
        },
        1531420618,
    ),
    "generic": (
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330,
    ),
}
VECTORS["whatsapp"] = VECTORS["messenger"]
"""Signed alike; what the body is about comes later."""


@pytest.mark.parametrize("system", sorted(VECTORS))
def test_the_vector_is_accepted_and_nothing_that_differs_from_it(system: str) -> None:
    body, headers, at = VECTORS[system]
    adapter, now = SYSTEMS[system].adapter, datetime.fromtimestamp(at, UTC)
    assert adapter.verify(headers, body, now) is None
    altered = body.replace(b'"', b' "', 1)
    assert adapter.verify(headers, altered, now) == Refused(Failure.BAD_SIGNATURE)
    for name, value in headers.items():
        if "signature" in name or "hmac" in name:
            for wrong in (value[:-1], value.swapcase(), value + "=", "é", f"x{value}"):
                refused = adapter.verify(headers | {name: wrong}, body, now)
                assert refused == Refused(Failure.BAD_SIGNATURE), wrong
            assert adapter.verify(headers | {name: ""}, body, now) == Refused(Failure.NO_SIGNATURE)


def test_the_tests_sign_as_the_vectors_do() -> None:
    """Otherwise the other tests would prove nothing."""
    chatwoot, shopify, woo, meta, slack, generic = (
        VECTORS[name]
        for name in ("chatwoot", "shopify", "woocommerce", "messenger", "slack", "generic")
    )
    assert chatwoot[1]["x-chatwoot-signature"][7:] == hexed(
        CHATWOOT_SECRET, b"1780000000." + chatwoot[0]
    )
    assert shopify[1]["x-shopify-hmac-sha256"] == base64ed(SHOPIFY_SECRET, shopify[0])
    assert woo[1]["x-wc-webhook-signature"] == base64ed(WOO_SECRET, woo[0])
    assert meta[1]["x-hub-signature-256"][7:] == hexed(META_SECRET, meta[0])
    assert slack[1]["x-slack-signature"][3:] == hexed(SLACK_SECRET, b"v0:1531420618:" + slack[0])
    signed = sign_generic(generic[0], 1614265330, generic[1]["webhook-id"])
    assert signed == generic[1]


@pytest.mark.parametrize(
    ("kept", "signs_with"),
    [
        ("a&amp;b", "a&b"),
        ("&lt;x&gt;", "<x>"),
        ("&quot;&#039;&#39;&#x27;", "\"'''"),
        ("&amp;lt;", "&lt;"),
        ("&apos; &nbsp; &", "&apos; &nbsp; &"),
    ],
)
def test_woocommerce_signs_with_the_secret_without_escapes(kept: str, signs_with: str) -> None:
    assert unescaped(kept) == signs_with
    adapter, body = WooCommerce((kept,), "EUR"), b'{"id":1}'
    headers = {"x-wc-webhook-signature": base64ed(signs_with, body)}
    assert adapter.verify(headers, body, datetime.now(UTC)) is None

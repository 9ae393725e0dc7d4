"""Shopify tells of products and of customers' privacy requests.

Covered: `products/create|update|delete`, `customers/data_request`, `customers/redact`,
`shop/redact`, the older `X-Shopify-…` headers and those of the newer Events deliveries. Not
covered: orders, collections, prices per market.

The signature covers the body alone. Topic and shop stand in headers that are not signed, so what a
request may do follows from its body too: an update replayed as a deletion has the wrong shape. A
replayed older update is passed over by its `updated_at` (`bot.channels.shop_work`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from bot.channels.webhooks.adapter import (
    Failure,
    Ignored,
    InboundOnly,
    Parsed,
    Received,
    Refused,
)
from bot.channels.webhooks.product_passages import (
    ShopProduct,
    Variant,
    passages_of,
    price_of,
)
from bot.channels.webhooks.reading import Lenient, refused_shape, with_zone
from bot.channels.webhooks.shop_records import PrivacyKind, PrivacyRequest, ProductChange
from bot.channels.webhooks.signing import hmac_sha256_base64, same

NAME: Final = "shopify"
_PRIVACY: Final[Mapping[str, PrivacyKind]] = {
    "customers/data_request": "data_request",
    "customers/redact": "customer_redact",
    "shop/redact": "shop_redact",
}
_Id = Annotated[int, Field(strict=True, gt=0)]


class _Variant(Lenient):
    title: str = ""
    sku: str | None = None
    price: Any = None
    inventory_quantity: int | None = None
    inventory_management: str | None = ""
    inventory_policy: str | None = None


class _Option(Lenient):
    name: str = ""
    values: list[str] = Field(default_factory=list)


class _Product(Lenient):
    id: _Id
    title: str
    status: str | None = "active"
    vendor: str | None = None
    product_type: str | None = None
    body_html: str | None = None
    tags: str | list[str] | None = None
    updated_at: datetime | None = None
    published_at: datetime | None = None
    variants: list[_Variant] = Field(default_factory=list)
    options: list[_Option] = Field(default_factory=list)


class _Deleted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: _Id
    admin_graphql_api_id: str | None = None


class _Customer(Lenient):
    id: int | None = None
    email: str | None = None
    phone: str | None = None


class _Number(Lenient):
    id: int


class _Privacy(Lenient):
    shop_domain: str
    customer: _Customer | None = None
    data_request: _Number | None = None
    orders_to_redact: list[Any] | None = None


@dataclass(frozen=True)
class Shopify(InboundOnly):
    """`bot.channels.webhooks.adapter.Adapter` for one Shopify shop.

    Attributes:
        shop: its domain, `….myshopify.com`.
        secrets: the app's client secrets; more than one while they rotate.
        currency: ISO code of the shop's prices; the webhooks do not say it.
    """

    shop: str
    secrets: tuple[str, ...] = field(repr=False)
    currency: str

    @property
    def name(self) -> str:
        """`shopify`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:  # noqa: ARG002
        """The signature covers the body; there is no signed time."""
        # The newer deliveries carry both kinds of headers, and sign the first.
        given = headers.get("shopify-hmac-sha256") or headers.get("x-shopify-hmac-sha256", "")
        if not given:
            return Refused(Failure.NO_SIGNATURE)
        fits = False
        for secret in self.secrets:
            fits = same(hmac_sha256_base64(secret, body), given) or fits
        if not fits:
            return Refused(Failure.BAD_SIGNATURE)
        if _header(headers, "shop-domain").casefold() != self.shop:
            return Refused(Failure.WRONG_SENDER, "shop-domain")
        return None

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:
        """One event; topics that are not ours are ignored."""
        topic = _header(headers, "topic")
        try:
            payload = from_json(body)
        except ValueError:
            return Refused(Failure.NOT_JSON)
        try:
            if topic in ("products/create", "products/update"):
                event: ProductChange | PrivacyRequest = self._changed(payload)
            elif topic == "products/delete":
                gone = _Deleted.model_validate(payload)
                event = ProductChange(self._source, str(gone.id), None, deleted=True)
            elif topic in _PRIVACY:
                event = self._privacy(_PRIVACY[topic], payload)
            else:
                return Parsed((Ignored("event_not_used"),))
        except ValidationError as error:
            return refused_shape(topic, error)
        except _WrongTopicError as error:
            return Refused(Failure.UNEXPECTED_SHAPE, str(error))
        digest = hashlib.sha256(body).hexdigest()[:32]
        number = _header(headers, "webhook-id") or _header(headers, "event-id")
        return Parsed((Received(f"{topic}:{number[:80]}:{digest}", event),))

    @property
    def _source(self) -> str:
        return f"{NAME}:{self.shop}"

    def _changed(self, payload: object) -> ProductChange:
        product = _Product.model_validate(payload)
        hidden = "published_at" in product.model_fields_set and product.published_at is None
        for_sale = product.status == "active" and not hidden
        passages = passages_of(_read(product), self.currency, self._source) if for_sale else ()
        return ProductChange(self._source, str(product.id), with_zone(product.updated_at), passages)

    def _privacy(self, wanted: PrivacyKind, payload: object) -> PrivacyRequest:
        told = _Privacy.model_validate(payload)
        fits = {
            "data_request": told.data_request is not None and told.customer is not None,
            "customer_redact": told.data_request is None and told.customer is not None,
            "shop_redact": told.data_request is None and told.customer is None,
        }
        if not fits[wanted]:
            raise _WrongTopicError(f"{wanted}: the body is of another topic")
        if told.shop_domain.casefold() != self.shop:
            raise _WrongTopicError(f"{wanted}: shop_domain")
        customer = told.customer or _Customer()
        return PrivacyRequest(
            self._source,
            wanted,
            str(told.data_request.id) if told.data_request is not None else "",
            str(customer.id) if customer.id is not None else "",
            customer.email or "",
            customer.phone or "",
        )


class _WrongTopicError(Exception):
    """A header that is not signed says something else than the body, which is."""


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"shopify-{name}") or headers.get(f"x-shopify-{name}", "")


def _read(product: _Product) -> ShopProduct:
    options = {
        option.name: ", ".join(option.values)
        for option in product.options
        if option.name != "Title" and option.values
    }
    tags = product.tags if isinstance(product.tags, str) else ", ".join(product.tags or ())
    return ShopProduct(
        key=f"{NAME}-{product.id}",
        name=product.title,
        brand=product.vendor or "",
        category=product.product_type or "",
        description=product.body_html or "",
        variants=[
            Variant(one.title, one.sku or "", price_of(one.price), _stock(one))
            for one in product.variants
        ],
        attributes=options | ({"Tags": tags} if tags else {}),
    )


def _stock(variant: _Variant) -> int | None:
    """None when nobody counts, or when it is sold beyond what is there."""
    if variant.inventory_management is None or variant.inventory_policy == "continue":
        return None
    return variant.inventory_quantity

"""WooCommerce tells of products.

Covered: `product.created|updated|restored|deleted`, the unsigned ping of a new webhook, secrets
that WordPress keeps HTML-escaped. Not covered: orders, customers, coupons (their webhooks are
accepted and passed over), variations' own prices beyond the range that the product shows.

The signature covers the body alone: see `shopify` for what follows from that.
"""

from __future__ import annotations

import hashlib
import html
import re
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
from bot.channels.webhooks.shop_records import ProductChange
from bot.channels.webhooks.signing import hmac_sha256_base64, same

NAME: Final = "woocommerce"
_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")
_ESCAPE: Final = re.compile(
    r"&(?:(lt)|(gt)|(quot)|(amp)|#0*(34|38|39|60|62)|#x0*(22|26|27|3c|3e));", re.IGNORECASE
)
_Id = Annotated[int, Field(strict=True, gt=0)]


class _Named(Lenient):
    name: str = ""


class _Attribute(Lenient):
    name: str = ""
    options: list[str] = Field(default_factory=list)
    visible: bool = True


class _Product(Lenient):
    id: _Id
    name: str
    status: str = "publish"
    catalog_visibility: str = "visible"
    description: str | None = None
    short_description: str | None = None
    sku: str | None = None
    price: Any = None
    manage_stock: Any = False
    stock_quantity: int | None = None
    stock_status: str | None = None
    date_modified_gmt: datetime | None = None
    categories: list[_Named] = Field(default_factory=list)
    brands: list[_Named] = Field(default_factory=list)
    attributes: list[_Attribute] = Field(default_factory=list)


class _Deleted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: _Id


@dataclass(frozen=True)
class WooCommerce(InboundOnly):
    """`bot.channels.webhooks.adapter.Adapter` for one WooCommerce shop.

    Attributes:
        secrets: of the webhooks, as the shop's page shows them; more than one while they rotate.
        currency: ISO code of the shop's prices; the webhooks do not say it.
    """

    secrets: tuple[str, ...] = field(repr=False)
    currency: str

    @property
    def name(self) -> str:
        """`woocommerce`."""
        return NAME

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | None:  # noqa: ARG002
        """The signature covers the body; the ping of a new webhook has none, and does nothing."""
        given = headers.get("x-wc-webhook-signature", "")
        if not given:
            return None if _PING.fullmatch(body) else Refused(Failure.NO_SIGNATURE)
        fits = False
        for secret in self.secrets:
            fits = same(hmac_sha256_base64(unescaped(secret), body), given) or fits
        return None if fits else Refused(Failure.BAD_SIGNATURE)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Parsed | Refused:
        """One event; topics that are not ours are ignored."""
        if _PING.fullmatch(body):
            return Parsed((Ignored("ping"),))
        topic = headers.get("x-wc-webhook-topic", "")
        try:
            payload = from_json(body)
        except ValueError:
            return Refused(Failure.NOT_JSON)
        try:
            if topic in ("product.created", "product.updated", "product.restored"):
                event = self._changed(payload)
            elif topic == "product.deleted":
                gone = _Deleted.model_validate(payload)
                event = ProductChange(NAME, str(gone.id), None, deleted=True)
            else:
                return Parsed((Ignored("event_not_used"),))
        except ValidationError as error:
            return refused_shape(topic, error)
        # Two deliveries within a second share their id, so the body counts as well.
        digest = hashlib.sha256(body).hexdigest()[:32]
        number = headers.get("x-wc-webhook-delivery-id", "")[:80]
        return Parsed((Received(f"{topic}:{number}:{digest}", event),))

    def _changed(self, payload: object) -> ProductChange:
        product = _Product.model_validate(payload)
        for_sale = product.status == "publish" and product.catalog_visibility != "hidden"
        passages = passages_of(_read(product), self.currency, NAME) if for_sale else ()
        return ProductChange(NAME, str(product.id), with_zone(product.date_modified_gmt), passages)


def unescaped(secret: str) -> str:
    """The secret as WooCommerce signs with it: `wp_specialchars_decode(…, ENT_QUOTES)`."""
    return _ESCAPE.sub(lambda found: html.unescape(found[0].lower()), secret)


def _read(product: _Product) -> ShopProduct:
    return ShopProduct(
        key=f"{NAME}-{product.id}",
        name=product.name,
        brand=", ".join(brand.name for brand in product.brands if brand.name),
        category=", ".join(one.name for one in product.categories if one.name),
        description=product.description or product.short_description or "",
        variants=[Variant("", product.sku or "", price_of(product.price), _stock(product))],
        attributes={
            one.name: ", ".join(one.options)
            for one in product.attributes
            if one.name and one.options and one.visible
        },
    )


def _stock(product: _Product) -> int | None:
    """None when nobody counts."""
    if product.stock_status == "outofstock":
        return 0
    return product.stock_quantity if product.manage_stock is True else None

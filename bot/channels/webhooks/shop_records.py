"""What shop systems tell us beside conversations: products that changed, privacy requests.

Covered: both as they are kept in the inbox. Not covered: reading them from a system's JSON (each
adapter), acting on them (`bot.channels.shop_work`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.types import Passage

PrivacyKind = Literal["data_request", "customer_redact", "shop_redact"]


@dataclass(frozen=True, slots=True)
class ProductChange:
    """A product as it is now.

    Attributes:
        source: system and shop, e.g. `shopify:snowdevil.myshopify.com`.
        product_id: the system's.
        changed_at: by the system's clock; None when it does not say.
        passages: what the bot may say about it; empty when it is not for sale.
        deleted: the product is gone.
    """

    source: str
    product_id: str
    changed_at: datetime | None
    passages: tuple[Passage, ...] = ()
    deleted: bool = False

    kind: Literal["product"] = "product"

    @property
    def order_key(self) -> str:
        """Changes of one product are worked in order."""
        return f"{self.source}:product:{self.product_id}"


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """Somebody wants a customer's data, or wants it erased. Personal data hides in `repr`.

    Attributes:
        source: system and shop.
        wanted: what.
        reference: the system's number of the request, for the name of the export.
        customer_id: the system's.
        email: of the customer, if the system knows it.
        phone: the same.
    """

    source: str
    wanted: PrivacyKind
    reference: str = ""
    customer_id: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    kind: Literal["privacy"] = "privacy"

    @property
    def order_key(self) -> str:
        """Requests wait for nobody."""
        return ""


def kind_header(event: object) -> dict[str, str]:
    """What tells the worker how to read an event of the inbox; nothing for conversations."""
    return {"event": event.kind} if isinstance(event, ProductChange | PrivacyRequest) else {}

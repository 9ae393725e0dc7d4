"""What personal data there is, and what stands in a text instead of it.

Covered: the kinds, a finding, the placeholders. Not covered: finding (`bot.privacy.finding`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of personal data. The value, in brackets, is what stands in a masked text."""

    EMAIL = "email"
    PHONE = "phone"
    ID_CARD = "id_card"
    BANK_CARD = "bank_card"
    IBAN = "iban"
    TAX_NUMBER = "tax_number"
    ADDRESS = "address"
    ORDER = "order"
    ACCOUNT = "account"
    NUMBER = "number"
    """A number too long to be a price, a size or an article: of a card, a parcel, a person."""

    @property
    def placeholder(self) -> str:
        """The same in every language, so that masked texts can be counted and compared."""
        return f"[{self.value}]"


PLACEHOLDER = re.compile(r"\[(?:" + "|".join(kind.value for kind in Kind) + r")\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` at `start:end` (in characters of the original) is personal data of this kind."""

    start: int
    end: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """The same, in characters of the plain text."""

    start: int
    end: int
    kind: Kind

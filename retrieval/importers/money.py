"""Prices as shops write them: `€39,90`, `1.299,00 €`, `15.00 USD`, `299元`, and what is none.

Covered: signs and codes of the usual currencies, both ways of writing decimals, prices that are
told and not fixed ("￥99起", "about 20", "on request"), which are kept in the shop's own words. Not
covered: amounts in words, prices per piece or metre.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_AMOUNT = re.compile(r"-?\d[\d.,'’ \u00a0\u202f]*")
_CURRENCIES: tuple[tuple[str, str], ...] = (
    ("HK$", "HKD"),
    ("NT$", "TWD"),
    ("US$", "USD"),
    ("JP¥", "JPY"),
    ("RMB", "CNY"),
    ("CNY", "CNY"),
    ("EUR", "EUR"),
    ("USD", "USD"),
    ("GBP", "GBP"),
    ("JPY", "JPY"),
    ("HKD", "HKD"),
    ("TWD", "TWD"),
    ("CHF", "CHF"),
    ("CAD", "CAD"),
    ("AUD", "AUD"),
    ("SGD", "SGD"),
    ("人民币", "CNY"),
    ("欧元", "EUR"),
    ("歐元", "EUR"),
    ("美元", "USD"),
    ("港币", "HKD"),
    ("英镑", "GBP"),
    ("日元", "JPY"),
    ("元", "CNY"),
    ("块", "CNY"),
    ("¥", "CNY"),
    ("￥", "CNY"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("$", "USD"),
)
_VAGUE = re.compile(
    r"起|约|左右|大约|以上|以内|面议|询价|待定|电询|咨询|"
    r"\b(?:from|about|around|approx\w*|ca|circa|starting|up to|at least|per|ab|"
    r"on request|upon request|ask|call|tba|tbd|varies)\b|~|～|\d\s*(?:-|–|—|至|到)\s*[^\d\s]?\d",
    re.IGNORECASE,
)
_EXAMPLE = "expected a number such as 39.90"


@dataclass(frozen=True, slots=True)
class Price:
    """An amount and its ISO currency ("" when none is named), or the words when it is not fixed."""

    amount: Decimal | None
    currency: str = ""
    words: str = ""


def parse_money(text: str) -> Price | None:
    """A price; None for an empty cell.

    Raises:
        ValueError: it is neither an amount nor one of the ways to say that there is none.
    """
    text = text.strip()
    if not text:
        return None
    upper = text.upper()
    currency = next((code for sign, code in _CURRENCIES if sign in upper), "")
    if _VAGUE.search(text):
        return Price(None, currency, text)
    found = _AMOUNT.findall(text)
    rest = _AMOUNT.sub("", upper)
    for sign, _ in _CURRENCIES:
        rest = rest.replace(sign, "")
    if len(found) != 1 or re.search(r"\w", rest):
        raise ValueError(f"not a price; {_EXAMPLE}")
    return Price(_decimal(found[0]), currency)


def _decimal(amount: str) -> Decimal:
    """A number in any notation: of two kinds of separator the later one is the decimal's."""
    amount = re.sub(r"['’\s]", "", amount).rstrip(".,")
    last = max(amount.rfind(","), amount.rfind("."))
    decimals = len(amount) - last - 1
    both = "," in amount and "." in amount
    if last >= 0 and (both or amount.count(amount[last]) == 1) and (both or decimals != 3):
        amount = re.sub(r"[.,]", "", amount[:last]) + "." + amount[last + 1 :]
    else:
        amount = re.sub(r"[.,]", "", amount)
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"not a price; {_EXAMPLE}") from None
    if not 0 <= value < Decimal(10) ** 9:
        raise ValueError("not a price; expected an amount from 0 to a billion")
    return value

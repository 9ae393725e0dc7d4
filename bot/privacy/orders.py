"""Order, parcel and other reference numbers in plain text, and long numbers nobody named.

Covered: numbers that are called an order (订单号, order no., #1001 near the word order), formats of
couriers and market places, bare numbers of ten and more digits. Not covered: short numbers nobody
calls an order: they are articles, sizes and prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import stdnum.ean

from bot.privacy.kinds import Candidate, Kind

_REFERENCE = r"(?:\d{3,5}(?: \d{3,5}){1,5}|(?=[a-z_/-]{0,8}\d)[a-z0-9](?:[a-z0-9]|[-_/](?=[a-z0-9])){2,39})(?![a-z0-9])"
_AMOUNT = r"(?! ?(?:元|块|件|个|双|套|只|箱|盒|天|pcs|pieces?|units?|items?|pairs?|boxes|eur|usd|rmb|€|%|x\b|days?))"
_NOUN = (
    r"orders?|bestellung|commande|tracking|shipment|parcel|invoice|returns?|rma|reference|ref|confirmation"
    r"|booking|waybill|awb|consignment|package|ticket|case|transaction|payment|receipt|refund"
)
_NAMED = re.compile(
    rf"\b(?:{_NOUN})(?: ?(?:number|num|no|nr|id|code|reference|ref))+\b\.?(?: ?(?:is|was|[:=#-]))* ?(?P<n>{_REFERENCE})"
    rf"|\b(?:{_NOUN}) ?(?:#|no\.|n°|nº) ?:? ?(?P<h>{_REFERENCE})"
    r"|(?:订单|訂單|运单|運單|快递|快遞|物流|退货|售后|换货|流水|交易|发票|發票|取件|提货|支付|退款|会员|合同|单|單)"
    r"(?:单号|單號|号码?|號碼?|编号|編號|码|ID|id)(?: ?(?:是|为|為|[:#,=]))* ?"
    rf"(?P<c>{_REFERENCE})",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    rf"(?<!to )(?<!i )(?<!we )(?<!you )(?<!please )(?<!can )\b(?:my |the |our |this |for )?(?:{_NOUN})"
    rf"(?: (?:is|was|of|with))?[ :,]{{1,2}}(?P<n>{_REFERENCE}){_AMOUNT}"
    rf"|(?:订单|訂單|运单|包裹|快递|发票)(?: ?(?:是|为|[:,#]))* ?(?P<c>{_REFERENCE}){_AMOUNT}"
    rf"|(?<![a-z0-9])(?P<r>{_REFERENCE}) ?(?:这个|这笔|这张|这|那个|那笔|号|的)? ?(?:订单|訂單|包裹|快递|运单|单子)",
    re.IGNORECASE,
)
_HASH = re.compile(r"# ?(?P<n>[a-z]{0,4}-?\d{4,20})(?![a-z0-9])", re.IGNORECASE)
_ABOUT_ORDERS = re.compile(
    r"\b(?:orders?|ordered|parcel|package|shipment|deliver(?:y|ed)|refund|invoice)\b|订单|訂單|这单|單|单号|包裹|快递|发货|退款",
    re.IGNORECASE,
)
_FORMATS = re.compile(
    r"(?<![a-z0-9])(?:1Z[a-z0-9]{16}|[a-z]{2}\d{9}[a-z]{2}|[a-z]{1,4}-?\d{9,24}|[a-z]{1,5}-?20\d{6}-?\d{3,12}"
    r"|\d{3}-\d{7}-\d{7}|(?:JD|YT|ZTO|STO|SF)[a-z]{0,3}\d{8,18}|20\d{6}[-_]\d{3,12})(?![a-z0-9])",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w-])(?<!\d[.,])\d{10,40}(?!\w|\.\d)")
_NEEDED_BESIDE = 5
_NEEDED_NAMED = 3


def orders(text: str) -> Iterator[Candidate]:
    """Reference numbers, the surest first."""
    for found in _NAMED.finditer(text):
        yield from _with_digits(found, _NEEDED_NAMED)
    for found in _BESIDE.finditer(text):
        yield from _with_digits(found, _NEEDED_BESIDE)
    for found in _HASH.finditer(text):
        around = text[max(0, found.start() - 60) : found.end() + 60]
        if _ABOUT_ORDERS.search(around):
            yield from _with_digits(found, 4)
    for found in _FORMATS.finditer(text):
        yield Candidate(*found.span(), Kind.ORDER)


def long_numbers(text: str) -> Iterator[Candidate]:
    """Bare numbers of ten digits and more; valid barcodes are articles and stay."""
    for found in _BARE.finditer(text):
        barcode = len(found[0]) in (12, 13, 14) and stdnum.ean.is_valid(found[0])
        if not barcode:
            yield Candidate(*found.span(), Kind.NUMBER)


def _with_digits(found: re.Match[str], needed: int) -> Iterator[Candidate]:
    for name, number in found.groupdict().items():
        if number and sum(char.isdigit() for char in number) >= needed:
            yield Candidate(*found.span(name), Kind.ORDER)

"""E-mail addresses, identity papers, cards, accounts and tax numbers in plain text.

Covered: checksums by python-stdnum (Chinese identity card, Luhn, IBAN, European VAT, Chinese credit
code), and numbers that are called by their name though their checksum is wrong: people mistype.
Not covered: names of people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import stdnum.cn.ric
import stdnum.cn.uscc
import stdnum.eu.vat
import stdnum.iban
import stdnum.luhn
import stdnum.us.ssn

from bot.privacy.kinds import Candidate, Kind

_IS = r"\.?(?: ?(?:is|was|是|为|:|=|#|no|nr|number|号码?|号))* ?"
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%'-]{1,64} ?@ ?[\w-]{1,63}(?:\.[\w-]{1,63})*\.[a-z]{2,24}(?![\w-])"
    r"|(?<![\w.+-])[a-z0-9._+-]{1,64} ?[\[(] ?at ?[\])] ?[a-z0-9-]{1,63}"
    r"(?: ?(?:\.|[\[(] ?dot ?[\])]) ?[a-z0-9-]{2,63}){1,3}",
    re.IGNORECASE | re.ASCII,
)
_ID_CARD = re.compile(
    r"(?<![\dA-Za-z])\d{6}[ -]?(?:19|20)\d\d[ -]?(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dXx]"
    r"(?![\dA-Za-z])"
)
_ID_NAMED = re.compile(
    r"(?:身份证|身分證|证件|護照|护照|通行证|\b(?:id card|identity card|passport|national id)\b)"
    rf"{_IS}(?P<n>[A-Z]{{0,2}}\d[\dX -]{{5,22}}[\dX](?![\dA-Z]))",
    re.IGNORECASE,
)
_HONG_KONG_ID = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{6} ?\([0-9A]\)")
_CARD = re.compile(r"(?<![\dA-Za-z])(?<!\d[.,])[2-6]\d{3}(?:[ -]?\d){10,15}(?![\dA-Za-z])")
_CARD_GROUPS = re.compile(
    r"(?<![\d-])(?<!\d[.,])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1?\d{1,3})?(?![\d])"
)
_CARD_NAMED = re.compile(
    r"(?:银行卡|信用卡|借记卡|储蓄卡|卡号|卡號|银行账号|账号|帳號"
    r"|\b(?:credit card|debit card|bank card|card|account)(?: (?:number|no))\b)"
    rf"{_IS}(?P<n>\d(?:[ -]?\d){{9,22}})(?!\d)",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]{2,4}){3,9}(?![A-Za-z0-9])", re.IGNORECASE
)
_USCC = re.compile(r"(?<![A-Za-z0-9])[0-9A-Z]{18}(?![A-Za-z0-9])", re.IGNORECASE)
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)"
    r"[ ]?[A-Z]?\d[\dA-Z.]{6,13}(?![A-Za-z0-9])"
)
_SSN = re.compile(r"(?<![\dA-Za-z-])\d{3}-\d{2}-\d{4}(?![\dA-Za-z-])")
_TAX_NAMED = re.compile(
    r"(?:税号|稅號|纳税人识别号|信用代码|\b(?:vat|tax|btw|ust|mwst|tva|iva|ein|tin|ssn|social security|steuer"
    r"|bsn|nif|cif|siret|siren|abn|eori)(?:[ -]?(?:id|idnr|no|nr|nummer|number|registration|code))*\b)"
    rf"{_IS}(?P<n>[A-Z]{{0,3}} ?\d[A-Z0-9./-]*(?: [A-Z0-9./-]*\d[A-Z0-9./-]*){{0,5}})(?![A-Z0-9])",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    r"(?:微信号?|weixin|wechat|vx|qq)(?: ?(?:id|号|號|is|是|为|加|:))+ ?(?P<n>[a-z0-9][a-z0-9_-]{4,19})(?![a-z0-9])"
    r"|(?<![a-z])qq ?(?P<q>[1-9]\d{4,11})(?!\d)",
    re.IGNORECASE,
)


def emails(text: str) -> Iterator[Candidate]:
    """Addresses, also `name (at) host (dot) com`."""
    if "@" in text or "at" in text:
        for found in _EMAIL.finditer(text):
            yield Candidate(*found.span(), Kind.EMAIL)


def identities(text: str) -> Iterator[Candidate]:
    """Numbers of papers, cards, accounts and taxes, the surest first."""
    for found in _IBAN.finditer(text):
        end = _longest_iban(found)
        if end:
            yield Candidate(found.start(), end, Kind.IBAN)
    for found in _ID_CARD.finditer(text):
        number = _compact(found[0])
        if stdnum.cn.ric.is_valid(number) or number[-1] in "Xx":
            yield Candidate(*found.span(), Kind.ID_CARD)
    yield from _named(_ID_NAMED, text, Kind.ID_CARD)
    for pattern, kind in ((_HONG_KONG_ID, Kind.ID_CARD), (_CARD_GROUPS, Kind.BANK_CARD)):
        for found in pattern.finditer(text):
            yield Candidate(*found.span(), kind)
    for found in _CARD.finditer(text):
        number = _compact(found[0])
        if len(number) >= 15 and stdnum.luhn.is_valid(number):
            yield Candidate(*found.span(), Kind.BANK_CARD)
    yield from _named(_CARD_NAMED, text, Kind.BANK_CARD)
    yield from _taxes(text)
    for found in _HANDLE.finditer(text):
        group = "n" if found["n"] else "q"
        if any(char.isdigit() or char == "_" for char in found[group]):
            yield Candidate(*found.span(group), Kind.ACCOUNT)


def _taxes(text: str) -> Iterator[Candidate]:
    for pattern, valid in (
        (_USCC, stdnum.cn.uscc.is_valid),
        (_VAT, stdnum.eu.vat.is_valid),
        (_SSN, stdnum.us.ssn.is_valid),
    ):
        for found in pattern.finditer(text):
            digits = sum(char.isdigit() for char in found[0])
            if digits >= 8 and valid(found[0]):
                yield Candidate(*found.span(), Kind.TAX_NUMBER)
    for candidate in _named(_TAX_NAMED, text, Kind.TAX_NUMBER):
        if sum(char.isdigit() for char in text[candidate.start : candidate.end]) >= 6:
            yield candidate


def _named(pattern: re.Pattern[str], text: str, kind: Kind) -> Iterator[Candidate]:
    for found in pattern.finditer(text):
        yield Candidate(*found.span("n"), kind)


def _longest_iban(found: re.Match[str]) -> int:
    """Where the IBAN ends: words that follow it may look like more of it. 0 if it is none."""
    ends = [at for at in range(len(found[0]), 14, -1) if at == len(found[0]) or found[0][at] == " "]
    for end in ends:
        if stdnum.iban.is_valid(found[0][:end]):
            return found.start() + end
    return 0


def _compact(number: str) -> str:
    return number.replace(" ", "").replace("-", "")

"""Phone numbers in plain text.

Covered: Chinese mobile and landline numbers in every usual grouping, international numbers with
`+` or `00`, national numbers of the countries the shop sells to (`phonenumbers`), any number that
is called a phone number. Not covered: extensions on their own, short service numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, PhoneNumberType

from bot.privacy.kinds import Candidate, Kind

REGIONS = ("CN", "US", "GB", "DE", "NL", "FR", "HK", "TW")
"""Whose national numbers are recognised. A number with its country's code needs no region."""

_IMPERSONAL = (PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.PREMIUM_RATE)
_S = r"[ .-]{1,3}"
_MOBILE = re.compile(
    r"(?<!\d)(?<!\d[.,])(?:\(?(?:\+|00)?86\)?[ -]{0,2})?"
    rf"(?:1[3-9]\d{{9}}|1[3-9]\d{_S}\d{{4}}{_S}\d{{4}}|1[3-9]\d{_S}\d{{3}}{_S}\d{{5}}|1[3-9]\d{_S}\d{{8}}"
    rf"|1[3-9]\d\d{_S}\d{{3}}{_S}\d{{4}}|1[3-9]\d{{5}}{_S}\d{{4}}|1[3-9]\d{{3}}{_S}\d{{6}}"
    r"|1(?P<s>[ .-]{1,2})[3-9](?:(?P=s)\d){9})(?!\d)"
)
_WORTH_LOOKING = re.compile(r"\d(?:[ ().\-/]{0,3}\d){6}")
_DOUBLE_ZERO = re.compile(r"(?<![\d+])00(?=[1-9]\d{1,3}[ (.-]?\d)")
_CALLED = re.compile(
    r"(?:电话|電話|手机|手機|座机|固话|联系方式|聯絡|联系我|致电|拨打|打给|回电|号码|號碼"
    r"|\b(?:tel|telephone|phone|mobile|cell|call|ring|text|sms|whatsapp|fax|reach|contact|number)\b)"
    r"[^\d\n]{0,24}\+?\(?$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:(?:电话|電話|手机号?码?|手機號?碼?|座机|固话)(?:号码?|號碼?)?"
    r"|\b(?:tel|telephone|phone|mobile|cell|whatsapp)(?: ?(?:number|no|nr))?\b)"
    r"\.?(?: ?(?:is|are|是|为|:|=|#))* ?(?P<n>\+?\(?\d(?:[ ().-]{0,2}\d){6,14})(?!\d)",
    re.IGNORECASE,
)


def phones(text: str) -> Iterator[Candidate]:
    """Candidates, the surest first."""
    if _WORTH_LOOKING.search(text) is None:
        return
    # International numbers first: a part of one may look like a Chinese mobile number.
    spelled = _DOUBLE_ZERO.sub(" +", text)
    for match in phonenumbers.PhoneNumberMatcher(spelled, None):
        zeros = text[match.start - 1 : match.start + 1] == "00"
        yield Candidate(match.start - zeros, match.end, Kind.PHONE)
    for found in _MOBILE.finditer(text):
        yield Candidate(*found.span(), Kind.PHONE)
    for found in _NAMED.finditer(text):
        yield Candidate(*found.span("n"), Kind.PHONE)
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, Leniency.VALID):
            if _is_personal(match, text):
                yield Candidate(match.start, match.end, Kind.PHONE)


def _is_personal(match: phonenumbers.PhoneNumberMatch, text: str) -> bool:
    if phonenumbers.number_type(match.number) in _IMPERSONAL:
        return False
    digits = sum(char.isdigit() for char in match.raw_string)
    if _CALLED.search(text[max(0, match.start - 40) : match.start]):
        return digits >= 7
    # Unannounced, it must be written as people of that country write phone numbers.
    grouped = re.search(r"\d[ ().\-/]+\d", match.raw_string) is not None
    return grouped and digits >= 9 and _as_people_write(match)


def _as_people_write(match: phonenumbers.PhoneNumberMatch) -> bool:
    national = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return re.findall(r"\d+", national) == re.findall(r"\d+", match.raw_string)

"""Facts in a sentence that can be checked by comparison: numbers with units, dates, times, links…

`facts_of(text)` gives canonical `Fact`s; two texts that say the same thing in different spelling
give the same ones: ￥/¥/元/RMB, €/EUR/欧元, 1,299.00/1299, full-width digits, 七天/7天/seven days,
2026年3月1日/1 March 2026/2026-03-01, 16:00/4 pm.

Covered: Arabic and Chinese numerals, English number words before a unit, units of money, time,
length, weight, volume, power, storage; dates of the Gregorian calendar; e-mail, links, phones,
codes (letters mixed with digits). Not covered: fractions in words ("half"), Roman numerals,
discounts told as 八折 against "20 % off", conversions between units (they are never equal here).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import cn2an

from bot.answering.units import COUNTED, MONTHS, NUMBER_WORDS, UNITS

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_CN_DIGITS = "零〇一二三四五六七八九十百千万两"
_NUMBER = r"\d+(?:\.\d+)?"
_TAKEN = " ; "
"""Stands where a fact was taken out, so that what is left and right of it does not join."""

_EMAIL = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")  # ASCII: 邮箱 stands before it
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'，。；）)]+|\b[a-z0-9-]+\.(?:com|net|org|cn|io|shop|example)\b(?:/[^\s，。）)]*)?"
)
_PHONE = re.compile(
    r"(?<![a-z0-9_.])\+?\d{1,4}(?:[ -]\d{2,5}){2,4}(?![a-z0-9_])|(?<!\d)1[3-9]\d{9}(?!\d)"
)
_CODE = re.compile(r"(?<![\w])(?=[a-z0-9-]*[a-z])(?=[a-z0-9-]*\d)[a-z0-9]+(?:-[a-z0-9]+)*(?![\w])")
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)|(?<!\d)(\d{1,2})\s*(am|pm|a\.m\.|p\.m\.)")
_DATES = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?:(?P<y>\d{4})\s*年\s*)?(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号號]?"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH},?(?: (?P<y>\d{{4}}))?"),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,? (?P<y>\d{{4}}))?"),
)
_UNIT_NAMES = "|".join(sorted((re.escape(u) for u in UNITS), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?P<prefix>[¥€$]|rmb|eur|usd|cny)?\s?(?<![\w.])?(?P<number>{_NUMBER})"
    rf"(?:\s*(?:-|–|—|~|to|至|到)\s*(?P<upper>{_NUMBER}))?"
    rf"\s?-?(?P<unit>{_UNIT_NAMES})?(?![a-z])"
)
_WORD_AMOUNT = re.compile(
    rf"\b(?P<word>{'|'.join(NUMBER_WORDS)})[ -](?P<unit>(?:working|business)[ -]days?|"
    r"days?|weeks?|months?|years?|hours?|minutes?|euros?|percent|points|pieces|items|times)\b"
)
_CN_AMOUNT = re.compile(rf"(?P<number>[{_CN_DIGITS}]+)(?P<unit>{_UNIT_NAMES})")


@dataclass(frozen=True, slots=True)
class Fact:
    """One checkable fact. `kind`: number, date, time, link, email, phone or code.

    `value` is canonical; `unit` is canonical or "" (only numbers have one).
    """

    kind: str
    value: str
    unit: str = ""


def fold(text: str) -> str:
    """Compatibility forms folded, lower case, one kind of dash and yen sign, no thousands commas."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("￥", "¥")
    folded = re.sub(r"[‐‑‒–—−]", "-", folded)
    folded = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", folded)
    folded = re.sub(r"\b(working|business)[ -](days?)\b", r"working-\2", folded)
    return re.sub(r"\s+", " ", folded)


def facts_of(text: str) -> frozenset[Fact]:
    """All facts of a text.

    Each kind is taken out before the next is looked for, so that the digits of a date or a phone
    number do not count once more as amounts.
    """
    found: set[Fact] = set()
    rest = _take(_EMAIL, "email", fold(text), found)
    rest = _take(_LINK, "link", rest, found)
    rest = _take_dates(rest, found)
    rest = _take(_PHONE, "phone", rest, found)
    rest = _take_times(rest, found)
    rest = _take_codes(rest, found)
    _take_amounts(rest, found)
    return frozenset(found)


def _take(pattern: re.Pattern[str], kind: str, text: str, found: set[Fact]) -> str:
    """Add what a pattern finds; the text without it."""
    for match in pattern.finditer(text):
        value = match.group().strip(".-/")
        found.add(Fact(kind, re.sub(r"\D", "", value) if kind == "phone" else value))
    return pattern.sub(_TAKEN, text)


def _take_dates(text: str, found: set[Fact]) -> str:
    for pattern in _DATES:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            month = groups.get("m") or str(MONTHS[groups["month"][:3]])
            day, year = groups["d"], groups.get("y") or ""
            if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
                found.add(Fact("date", f"{year}-{int(month):02}-{int(day):02}"))
        text = pattern.sub(_TAKEN, text)
    return text


def _take_times(text: str, found: set[Fact]) -> str:
    for match in _TIME.finditer(text):
        hour, minute, hour12, half = match.groups()
        if hour12:
            hour, minute = str(int(hour12) % 12 + (12 if half.startswith("p") else 0)), "00"
        found.add(Fact("time", f"{int(hour)}:{minute}"))
    return _TIME.sub(_TAKEN, text)


def _take_codes(text: str, found: set[Fact]) -> str:
    """Codes such as k17 or ml-ket-1701; `30days` and `10kg` are amounts, not codes."""

    def replace(match: re.Match[str]) -> str:
        token = match.group()
        amount = re.fullmatch(rf"({_NUMBER})-?([a-z]+)", token)
        if amount and amount[2] in UNITS:
            return token
        if re.fullmatch(r"\d+(?:-\d+)*-[a-z-]+", token):
            return token
        found.add(Fact("code", token))
        return _TAKEN

    return _CODE.sub(replace, text)


def _take_amounts(text: str, found: set[Fact]) -> None:
    for match in _WORD_AMOUNT.finditer(text):
        unit = match["unit"].replace(" ", "-")
        found.add(Fact("number", NUMBER_WORDS[match["word"]], UNITS.get(unit, "")))
    for match in _CN_AMOUNT.finditer(text):
        value, unit = _chinese_number(match["number"]), UNITS[match["unit"]]
        # 十分 is "very", 一个 and 一次 are hardly numbers.
        if value is None or match["unit"] == "分" or (value == "1" and unit in COUNTED):
            continue
        found.add(Fact("number", value, unit))
    for match in _AMOUNT.finditer(text):
        unit = UNITS.get(match["prefix"] or match["unit"] or "", "")
        for name in ("number", "upper"):
            if match[name]:
                found.add(Fact("number", _plain(match[name]), unit))


def _chinese_number(text: str) -> str | None:
    try:
        return _plain(str(cn2an.cn2an(text, "smart")))
    except ValueError:
        return None


def _plain(number: str) -> str:
    """Without leading zeros or an empty fraction: 0099.50 → 99.5, 12.00 → 12."""
    whole, _, fraction = number.partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def is_supported(fact: Fact, by: frozenset[Fact]) -> bool:
    """Whether `fact` is among the facts of a passage.

    A number without a unit is supported by the same number with any unit; with one, by the same
    unit or by the bare number (tables put the unit in a heading). A date without a year is
    supported by the same day of any year; days and working days are told apart.
    """
    if fact in by:
        return True
    if fact.kind == "number":
        same = [other for other in by if other.kind == "number" and other.value == fact.value]
        return any(not fact.unit or not other.unit for other in same)
    if fact.kind == "date" and fact.value.startswith("-"):
        return any(other.kind == "date" and other.value.endswith(fact.value) for other in by)
    if fact.kind == "link":
        return any(other.kind == "link" and fact.value in other.value for other in by)
    return False

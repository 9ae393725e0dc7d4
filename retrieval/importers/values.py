"""Cells to values: dates, counts, languages, lists and specifications as shops write them.

Every parser raises `ValueError` with a sentence that says what was expected; the caller adds file,
line and field. Covered: the ways Excel, web shops and people write these in English and Chinese.
Prices are in `retrieval.importers.money`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from bot.types import Lang

MAX_CELL = 100_000
"""Characters; the longest text that is taken for a passage."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_PERIOD = re.compile(r"(\d+)(?:\.0+)?\s*(months?|mo|个月|月|years?|yrs?|年)?")
_LANGS: dict[str, Lang] = {
    "en": "en",
    "english": "en",
    "英文": "en",
    "英语": "en",
    "zh": "zh-Hans",
    "cn": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "zh-hans": "zh-Hans",
    "chinese": "zh-Hans",
    "中文": "zh-Hans",
    "简体": "zh-Hans",
    "简体中文": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-hant": "zh-Hant",
    "繁体": "zh-Hant",
    "繁體": "zh-Hant",
    "繁体中文": "zh-Hant",
    "繁體中文": "zh-Hant",
    "other": "other",
}
_LANG_CODE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of a spreadsheet that was never calculated, so that nobody knows its value."""

    text: str

    def __str__(self) -> str:
        return self.text


def clean(value: object) -> str:
    """A cell as text: trimmed, without control characters.

    Raises:
        ValueError: it holds half a character, a formula, an error of Excel's, or far too much.
    """
    if value is None:
        return ""
    if isinstance(value, Formula):
        raise ValueError("a formula without a value; open and save it in Excel")  # noqa: TRY004
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, str | int | float | date | Decimal):
        raise ValueError("expected text, found a list or an object")  # noqa: TRY004
    text = str(value)
    if len(text) > MAX_CELL:
        raise ValueError(f"longer than {MAX_CELL:,} characters; split it into several entries")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("holds half a character (a lone surrogate)") from None
    if "\ufffd" in text:
        raise ValueError("holds characters that could not be read; save the file as UTF-8")
    text = _CONTROL.sub("", text).strip()
    literal = re.fullmatch(r'="([^"]*)"', text)
    if literal:  # Excel's way to keep a code such as ="001" from becoming a number
        return literal.group(1)
    if re.match(r"=\s*[\w+\-(]", text):
        raise ValueError("a formula, not a value; save the sheet with values only")
    if re.fullmatch(r"#(?:REF|N/A|VALUE|DIV/0|NAME|NULL|NUM)[!?]?", text):
        raise ValueError("an error of the spreadsheet; correct the formula behind it")
    return text


def parse_lang(text: str) -> Lang:
    """A language from its name or code; codes of languages other than ours are `other`."""
    folded = text.strip().casefold().replace("_", "-")
    if folded in _LANGS:
        return _LANGS[folded]
    if folded.startswith("en-"):
        return "en"
    if folded.startswith(("zh-hant", "zh-tw", "zh-hk")):
        return "zh-Hant"
    if folded.startswith("zh-"):
        return "zh-Hans"
    if _LANG_CODE.fullmatch(folded):
        return "other"
    raise ValueError("not a language; expected en, zh-Hans or zh-Hant")


def parse_date(text: str) -> date | None:
    """A day, year first; None for an empty cell."""
    if not text:
        return None
    match = _DATE.match(text)
    if not match:
        raise ValueError("not a date; expected year-month-day, such as 2026-03-01")
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise ValueError("no such day in the calendar") from None


def parse_count(text: str) -> int | None:
    """A whole number of pieces; None when empty."""
    if not text:
        return None
    digits = re.fullmatch(r"(-?\d{1,12})(?:\.0+)?", text.replace(",", ""), re.ASCII)
    if not digits:
        raise ValueError("not a count; expected a whole number such as 12")
    return max(0, int(digits.group(1)))


def parse_months(text: str) -> int | None:
    """A warranty period in months; `2 years` and `2年` count as 24; None when empty."""
    if not text:
        return None
    match = _PERIOD.fullmatch(text.casefold())
    if not match or len(match.group(1)) > 4:
        raise ValueError("not a period; expected months, such as 24")
    count = int(match.group(1))
    return count * 12 if (match.group(2) or "").startswith(("y", "年")) else count


def parse_list(value: object) -> tuple[str, ...]:
    """Other phrasings: a list, or text with `|` or line ends between them."""
    parts = value if isinstance(value, list) else re.split(r"[|｜\n]", clean(value))
    return tuple(text for text in (clean(part) for part in parts) if text)


def parse_attributes(value: object) -> dict[str, str]:
    """Specifications: an object, a JSON object as text, or `Key: value; Key: value`."""
    if isinstance(value, Mapping):
        pairs = {clean(str(key)): clean(item) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if key and item}
    text = clean(value)
    if text.startswith("{"):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("looks like JSON but is not complete") from None
        return parse_attributes(parsed)
    attributes = {}
    for part in re.split(r"[;；|\n]", text):
        key, colon, item = re.sub("：", ":", part, count=1).partition(":")
        if not part.strip():
            continue
        if not colon or not key.strip() or not item.strip():
            raise ValueError("expected specifications as `Key: value; Key: value`")
        attributes[key.strip()] = item.strip()
    return attributes

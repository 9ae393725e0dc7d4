"""Postal addresses in plain text.

Covered: a Chinese street, village or estate with its number, with all that stands around it (省 市
区 … 号楼 单元 室); an English, Dutch, German or French street with its house number, with city and
postcode behind it; post-office boxes; postcodes of the Netherlands and the United Kingdom with a
house number. Not covered: a city or district alone ("do you deliver to Suzhou?"), addresses without
any number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.privacy.kinds import Candidate, Kind

_HAN = "\u4e00-\u9fff"
_NOT = "的了在是到寄发送请问和与吗呢个件号我你您他她们就要把给"
"""Characters that do not occur in names of places but beside them."""

_N = rf"[{_HAN}0-9A-Za-z]"
_NAME = rf"(?:(?![{_NOT}])[{_HAN}]){{1,8}}?"
_NUM = r"(?:[0-9A-Za-z]{1,6}|[零一二三四五六七八九十百]{1,5})(?:-[0-9A-Za-z]{1,5}){0,3}"
_REGION = rf"(?:{_NAME}(?:省|自治区|特别行政区)[ ,]?)?(?:{_NAME}(?:市|州|盟|地区)[ ,]?)?(?:{_NAME}(?:区|县|旗|市)[ ,]?)?"
_TOWN = rf"(?:{_NAME}(?:镇|乡|街道|开发区|新区|园区)[ ,]?)?"
_STREET = rf"{_NAME}(?:路|街|大道|道|巷|弄|胡同|里|村|屯|庄|社区|小区|花园|公寓|苑|城|广场|大厦|新村|家园|工业园|校区)"
_UNIT = rf"[ ,]?(?:第?{_NUM} ?(?:号楼|号院|号|弄|栋|幢|座|楼|层|单元|室|房|户|组|门|期)|[A-Za-z]{{0,8}}{_NAME}(?:大厦|小区|花园|公寓|苑|广场|中心|大楼|城|园)|{_NUM}(?![{_HAN}]))"
_CHINESE = re.compile(
    rf"{_REGION}{_TOWN}(?:{_STREET}[ ,]?(?:[东南西北中]段?)?){{1,3}}(?:{_UNIT}){{1,6}}"
    rf"|{_REGION}{_TOWN}{_NAME}(?:栋|幢|号楼|单元){_NUM}(?:室|号|房)"
)
_HAS_NUMBER = re.compile(rf"{_NUM} ?(?:号|弄|栋|幢|座|楼|层|单元|室|房|户|组|门)|\d")

_WORD = r"(?:[A-ZÀ-Þ][\w'’.-]*|de|la|le|du|des|van|der|den|of|the|am|an|\d{1,3}(?:st|nd|rd|th))"
_SUFFIX = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Square|Sq|Terrace"
    r"|Close|Crescent|Cres|Parkway|Pkwy|Highway|Hwy|Alley|Row|Mews|Gardens|Quay|Walk|Hill)\b\.?"
)
_POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4} ?[A-Z]{2}\b|(?:[A-Z]{2} )?\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d)"
_FLAT = r"(?:(?i:flat|apt|apartment|unit|suite|room|floor|building|block|#)\.? ?[\dA-Z-]{1,6})"
_TAIL = (
    rf"(?:(?:,|\n| -)? ?(?:{_FLAT}|{_POSTCODE}|[A-ZÀ-Þ][a-zà-ÿ'’.-]+(?: [A-ZÀ-Þ][a-zà-ÿ'’.-]+){{0,2}}"
    rf"(?=,| ?{_POSTCODE}|[ .!?\n]|$)|[A-Z]{{2,3}}\b))"
)
_ENDS = r"(?=[,.;:!?)\n]|$| ?-| (?:in|and|please|thanks|is|as|by|for|not|flat|apt|unit|suite|near|instead|before|on|at|to|from|but|if|when|can|will|would|it|i|the|my|today|tomorrow)\b| [A-Z]{1,2}\d| \d{4,5}| [A-ZÀ-Þ][a-zà-ÿ]+)"
_ENGLISH = re.compile(
    rf"(?:{_FLAT},? )?(?<![\w€$£#-])(?<!\d[.,])\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,? (?:[NSEW]\.? )?{_WORD}(?: {_WORD}){{0,3}} ?{_SUFFIX}(?: [NSEW]{{1,2}}\b)?"
    rf"{_ENDS}(?:{_TAIL}){{0,5}}"
)
_CONTINENT = re.compile(
    r"(?<!\w)(?:[A-ZÀ-Þ][\w'’.-]*[ -]){0,2}"
    r"(?:[\w'’.-]*[\w-](?:straat|laan|gracht|plein|singel|stra(?:ß|ss)e|str\.|allee|platz|gasse)"
    r"|[A-ZÀ-Þ][\w'’.-]+(?:weg|kade|dijk|steeg|ufer|damm))"
    rf" \d{{1,4}} ?[A-Za-z]?(?:[-/]\d{{1,4}})?\b(?:{_TAIL}){{0,4}}"
)
_FRENCH = re.compile(
    r"(?<![\w.,])\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|allée|quai|impasse|route|cours)"
    rf" (?:(?:de|du|des|la|le|l['’]|d['’]|aux?|à) ?)*[A-ZÀ-Þ][\w'’-]*(?:[ -](?:(?:de|du|des|la|le) )?[A-ZÀ-Þ][\w'’-]*){{0,3}}(?:{_TAIL}){{0,4}}",
)
_BOX = re.compile(r"\b(?:P\.? ?O\.? ?Box|Postbus|Postfach|BP) \d{1,6}\b" + rf"(?:{_TAIL}){{0,3}}")
_HOUSE_AND_CODE = re.compile(
    r"(?<![\w.,])(?:\d{4} ?[A-Z]{2}|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}),? (?:(?:no|nr|number|house|huisnummer)\.? ?)\d{1,4}[A-Za-z]?\b"
)


def addresses(text: str) -> Iterator[Candidate]:
    """Addresses; a candidate begins at the region and ends at the last part that belongs to it."""
    if not re.search(r"\d|[零一二三四五六七八九十]", text):
        return
    for found in _CHINESE.finditer(text):
        if _HAS_NUMBER.search(found[0]):
            yield Candidate(*_trimmed(found), Kind.ADDRESS)
    for pattern in (_ENGLISH, _CONTINENT, _FRENCH, _BOX, _HOUSE_AND_CODE):
        for found in pattern.finditer(text):
            yield Candidate(*_trimmed(found), Kind.ADDRESS)


def _trimmed(found: re.Match[str]) -> tuple[int, int]:
    start, end = found.span()
    while end > start and found[0][end - start - 1] in " ,.\n-":
        end -= 1
    while start < end and found[0][start - found.start()] in " ,\n":
        start += 1
    return start, end

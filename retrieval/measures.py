"""Numbers with units, read from questions and from products' facts, in one base unit each.

Covered: "1.5 l", "1,5 L", "1500 ml", "1升", "两升", "半升", "20–30 °C", "零下5度", "200 × 230 cm",
"10,000 mAh", in English and Chinese, full-width included. Not covered: pounds as a weight (they are
money), inches written as "in", fractions in words, units that no shop writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import cn2an

from retrieval.text import fold

_UNITS: dict[str, tuple[str, dict[str, float]]] = {
    "mass": (
        "g",
        {"kg kilo kilos kilogram kilograms kilogramme 千克 公斤": 1000.0, "斤 市斤": 500}
        | {"g gr gram grams gramme 克": 1, "lb lbs": 453.59, "oz ounce ounces 盎司": 28.35},
    ),
    "length": (
        "mm",
        {"mm millimetre millimetres millimeter millimeters 毫米": 1.0, "km 公里": 1_000_000}
        | {"cm centimetre centimetres centimeter centimeters 厘米 公分": 10}
        | {"m metre metres meter meters 米": 1000, "inch inches inch. 英寸 寸 吋": 25.4}
        | {"ft foot feet 英尺": 304.8},
    ),
    "volume": (
        "ml",
        {"ml millilitre millilitres milliliter milliliters 毫升": 1.0, "cl": 10}
        | {"l litre litres liter liters ltr 升 公升": 1000},
    ),
    "power": ("W", {"w watt watts 瓦": 1, "kw kilowatt kilowatts 千瓦": 1000}),
    "energy": ("Wh", {"wh 瓦时": 1, "kwh 千瓦时": 1000.0}),
    "charge": ("mAh", {"mah 毫安时 毫安": 1, "ah 安时": 1000}),
    "time": (
        "min",
        {"h hr hrs hour hours 小时 个小时 钟头": 60, "min mins minute minutes 分钟": 1},
    ),
    "period": ("months", {"month months 个月": 1, "year years yr yrs 年": 12}),
    "temperature": ("°C", {"°c °c. c° degrees degree deg 度 摄氏度 °": 1}),
    "light": ("lm", {"lm lumen lumens 流明": 1}),
    "sound": ("dB", {"db decibel decibels 分贝": 1}),
    "people": ("persons", {"person persons people man men 人 个人 位": 1}),
}
BASE_UNITS = {dimension: base for dimension, (base, _) in _UNITS.items()}
_FACTORS: dict[str, tuple[str, float]] = {
    name: (dimension, factor)
    for dimension, (_, groups) in _UNITS.items()
    for names, factor in groups.items()
    for name in names.split()
}


def _either(names: list[str]) -> str:
    """Longest first; a Latin name must not go on, a Chinese one may."""
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(re.escape(n) + ("(?![a-z0-9])" if n[-1].isascii() else "") for n in ordered)


UNIT = _either(list(_FACTORS))
ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
HAN_DIGITS = "零〇一二两三四五六七八九十百千万"
HAN_NUMBER = rf"(?:[{HAN_DIGITS}]+(?:点[{HAN_DIGITS}]+)?|半|[单双](?=人))"
APART = r"(?<![a-z0-9.])(?<![a-z0-9][-_/,])"
"""Before a number: not in the middle of a code or of another number."""
TO = r"(?:-|–|—|~|to|bis|到|至)"

_MEASURE = re.compile(
    rf"{APART}(?P<minus>(?<![\w)])[-−]\s?|零下|minus )?(?P<first>{ARABIC}|{HAN_NUMBER})\s*"
    rf"(?:(?:{UNIT})?\s*{TO}\s*(?P<last>{ARABIC}|{HAN_NUMBER})\s*)?-?(?P<unit>{UNIT})"
)
_BOX = re.compile(rf"{APART}({ARABIC}(?:\s*[×x*]\s*{ARABIC})+)\s*(?P<unit>{UNIT})?")
_NUMBER = re.compile(ARABIC)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MAX = 1e12


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity, `low` to `high` in the base unit of its dimension, and where it stood."""

    dimension: str
    low: float
    high: float
    start: int = 0
    end: int = 0


def number_of(text: str) -> float | None:
    """The value of an Arabic or Chinese number; None when it is none."""
    if text in {"半", "双", "单"}:
        return {"半": 0.5, "双": 2.0, "单": 1.0}[text]
    if _NUMBER.fullmatch(text):
        plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", ".")
        value = float(plain)
        return value if value < _MAX else None
    try:
        return float(cn2an.cn2an(text, "normal"))
    except (ValueError, KeyError):  # KeyError: a number that begins with its unit, "百二十四"
        return None


def unit_of(text: str) -> tuple[str, float] | None:
    """Dimension and factor of a unit as it is written; None for an unknown one."""
    return _FACTORS.get(text)


def measures_in(folded: str) -> list[Measure]:
    """Everything measured in a folded text, in order."""
    found = []
    for match in _BOX.finditer(folded):
        dimension, factor = unit_of(match["unit"] or "") or ("", 1.0)
        if not dimension:
            continue
        for number in _NUMBER.findall(match[1]):
            value = number_of(number)
            if value is not None:
                found.append(_measure(dimension, value * factor, value * factor, match))
    boxed = [(m.start, m.end) for m in found]
    for match in _MEASURE.finditer(folded):
        unit = unit_of(match["unit"])
        low, high = number_of(match["first"]), number_of(match["last"] or match["first"])
        inside = any(start <= match.start() < end for start, end in boxed)
        if unit is None or low is None or high is None or inside:
            continue
        sign = -1 if match["minus"] else 1
        dimension, factor = unit
        values = sorted((sign * low * factor, high * factor * (1 if match["last"] else sign)))
        found.append(_measure(dimension, values[0], values[1], match))
    return sorted(found, key=lambda measure: measure.start)


@lru_cache(maxsize=100_000)
def measures_of(value: str) -> tuple[Measure, ...]:
    """Everything measured in a value of a product; remembered, since shops repeat themselves."""
    return tuple(measures_in(fold(value)))


def _measure(dimension: str, low: float, high: float, match: re.Match[str]) -> Measure:
    return Measure(dimension, low, high, match.start(), match.end())

"""Names of units and numbers in both languages, and what each stands for.

Covered: money, time, length, weight, volume, power, storage, counted things; English number words
as they stand before a unit; English months. Not covered: conversions: no two units are equal.
"""

from __future__ import annotations

UNITS: dict[str, str] = {}
for _canonical, _names in {
    "cny": "¥ 元 块 块钱 圆 rmb cny yuan 人民币",
    "eur": "€ eur euro euros 欧元 歐元",
    "usd": "$ usd dollar dollars 美元 美金",
    "%": "% percent 个百分点",
    "day": "day days 天 日 自然日 个自然日",
    "workday": "个工作日 工作日 個工作日 business-day business-days working-day working-days",
    "hour": "hour hours hr hrs h 小时 小時 个小时 個小時",
    "minute": "minute minutes min mins 分钟 分鐘",
    "second": "second seconds sec secs 秒",
    "week": "week weeks 周 週 个星期 星期 個星期",
    "month": "month months 个月 個月",
    "year": "year years 年",
    "kg": "kg kilogram kilograms 公斤 千克",
    "g": "g gram grams 克",
    "t": "tog",
    "mm": "mm 毫米",
    "cm": "cm 厘米 公分 釐米",
    "m": "m metre metres meter meters 米",
    "km": "km 公里 千米",
    "inch": "inch inches in 英寸 寸",
    "l": "l litre litres liter liters 升",
    "ml": "ml 毫升",
    "w": "w watt watts 瓦",
    "v": "v volt volts 伏",
    "mah": "mah 毫安时 毫安",
    "wh": "wh 瓦时",
    "db": "db 分贝",
    "lm": "lm lumen lumens 流明",
    "k": "k",
    "°c": "°c ℃ 度 摄氏度",
    "gb": "gb",
    "point": "point points 积分 積分 分",
    "piece": "piece pieces item items 件 个 個 只 片 条 套 双 盒 支 张 台",
    "person": "person people persons 人",
    "times": "times 次",
}.items():
    for _name in _names.split():
        UNITS[_name] = _canonical
"""Every way of writing a unit, folded, and its canonical name."""

COUNTED = frozenset({"piece", "person", "times"})
"""Units of which one (一个, 一次) hardly says a number."""

_UP_TO_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty
"""
_BEYOND = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
NUMBER_WORDS = {word: str(n) for n, word in enumerate(_UP_TO_TWENTY.split())} | {
    word: str(n) for word, n in _BEYOND.items()
}
"""English number words and their digits."""

_MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), start=1)}
"""The first three letters of a month and its number."""

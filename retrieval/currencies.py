"""Currencies as customers write them, in English and Chinese.

Covered: signs, codes and names. One that several currencies share ("$", 元) stands for all of them,
the likeliest first; a shop has prices in one of them. Not covered: rates of exchange.
"""

from __future__ import annotations

import re

_CURRENCIES: dict[str, tuple[str, ...]] = {
    "€ eur euro euros 欧元 欧": ("EUR",),
    "¥ 元 块钱 块 圆": ("CNY", "TWD", "HKD", "JPY"),
    "cny rmb yuan 人民币": ("CNY",),
    "$ dollar dollars 刀": ("USD", "AUD", "CAD", "HKD", "TWD", "SGD"),
    "usd us$ 美元 美金": ("USD",),
    "£ gbp quid 英镑": ("GBP",),
    "hkd hk$ 港币 港元": ("HKD",),
    "twd nt$ 台币 新台币": ("TWD",),
    "jpy yen 日元 円": ("JPY",),
}
CODES: dict[str, tuple[str, ...]] = {
    name: codes for names, codes in _CURRENCIES.items() for name in names.split()
}
CURRENCY = "|".join(
    re.escape(name) + ("(?![a-z])" if name[-1].isalpha() and name.isascii() else "")
    for name in sorted(CODES, key=len, reverse=True)
)
"""A pattern for any of them in folded text."""

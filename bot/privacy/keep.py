"""Numbers that are a shop's everyday talk and are never masked.

Covered: prices, percentages, dates, times, sizes, amounts, labelled articles (SKU, 货号, EAN …),
service hotlines. Not covered: bare article numbers (rules for bare numbers ask for ten digits, and
leave valid barcodes alone).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = r"\d[\d,.]*"
_UNITS = (
    r"元|块|圆|角|分钱|刀|欧|rmb|cny|usd|eur(?:os?)?|gbp|hkd|dollars?|yuan|bucks|pounds?|cents?"
    r"|[€£$¥%‰℃°]|天|日|周|个|月|年|小时|分钟|秒|件|双|套|只|条|支|瓶|盒|箱|包|张|台|把|片|本|码|克|斤|公斤|千克"
    r"|厘米|毫米|公分|米|寸|升|毫升|瓦|伏|人|次|倍|折|cm|mm|km|m|kg|g|mg|ml|cl|l|mah|wh|w|v|hz|gb|mb|tb"
    r"|in|inch(?:es)?|ft|oz|lbs?|days?|hours?|hrs?|h|minutes?|mins?|weeks?|months?|years?|pcs|pieces?"
    r"|pairs?|units?|items?|sets?|packs?|boxes|times|people|customers|orders|points?|积分|reviews?"
)
_LABELS = (
    r"sku|spu|货号|貨號|款号|款號|型号|型號|商品编[号码]|商品編號|商品(?:ID|id|号)|产品(?:编号|型号|号)"
    r"|条形?码|條碼|批次号?|色号|尺码|ean(?:-?13)?|upc|gtin|isbn|asin|barcode|batch|lot(?: (?:no|number))?"
    r"|art(?:icle|ikel)?[ .-]{0,2}(?:no|nr|number|code|nummer)|item (?:no|number|code)|item #"
    r"|models?(?: (?:no|number|name))?|part (?:no|number)|style (?:no|number)|version|v"
    r"|product (?:id|code|no|number)"
)
_CURRENCIES = r"(?:[¥$€£₩]|\b(?:rmb|cny|usd|eur|gbp|hkd|ntd?)(?![a-z]))"
_KEEP = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_CURRENCIES}\s?{_NUMBER}",
        rf"(?<![\d.,]){_NUMBER} ?-? ?(?:{_UNITS})(?![a-z])",
        # Dates and times, also together.
        r"(?<!\d)(?:19|20)\d\d ?[-/.年] ?(?:1[0-2]|0?[1-9]) ?[-/.月] ?(?:3[01]|[12]\d|0?[1-9])"
        r"(?:日|号)?(?:[ t]{1,2}\d{1,2}:\d\d(?::\d\d)?)?(?![\d])",
        r"(?<![\d-])(?:3[01]|[12]\d|0?[1-9])[-/.](?:3[01]|[12]\d|0?[1-9])[-/.](?:19|20)?\d\d(?![\d-])",
        r"(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?!\d)",
        # Sizes: 120x60x75, 30*40.
        r"(?<![\d.])\d+(?:\.\d+)?(?: ?[x×*] ?\d+(?:\.\d+)?)+",
        rf"(?<![a-z])(?:{_LABELS})(?: ?(?:is|是|为|:|#|=))* ?(?=[a-z_./-]{{0,12}}\d)[a-z0-9][a-z0-9._/-]*",
        # Hotlines belong to a business: 400 and 800 in China, 0800 elsewhere.
        r"(?<!\d)[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)",
        r"(?<!\d)[48]00[- ]?\d{4}[- ]?\d{3}(?!\d)",
        r"(?<!\d)0800[- ]?\d{3,4}[- ]?\d{2,4}(?!\d)",
    )
)


def kept_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers stay, in plain text. Spans may overlap."""
    for pattern in _KEEP:
        for found in pattern.finditer(text):
            yield found.span()

"""The words around a product's facts, in English and Chinese: labels, prices, stock, warranty.

Covered: the two languages the shop writes in and the currencies of its regions. A currency
without a sign here is written with its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

SIGNS = {"EUR": "€", "CNY": "¥", "USD": "$", "GBP": "£", "JPY": "JP¥", "HKD": "HK$", "TWD": "NT$"}
_REGION_OF = {"EUR": "EU", "CNY": "CN"}
_FEW = 5


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language states facts."""

    lang: str
    labels: Mapping[str, str]
    regions: Mapping[str, str]
    home: str
    colon: str
    semicolon: str
    stop: str

    def fact(self, label: str, value: str) -> str:
        """One line: `Price: €39.90`."""
        return f"{label}{self.colon}{value}{self.stop}"

    def facts(self, values: Mapping[str, str]) -> str:
        """All specifications on one line."""
        pairs = (f"{key}{self.colon}{value}" for key, value in values.items())
        return self.semicolon.join(pairs) + self.stop

    def prices(self, prices: Mapping[str, Decimal | None]) -> str:
        """The price of every region, the language's own first, and where it is not sold."""
        parts = []
        for currency in sorted(prices, key=lambda code: _REGION_OF.get(code) != self.home):
            price = prices[currency]
            region = self.regions.get(_REGION_OF.get(currency, ""), "")
            amount = self.labels["not sold"] if price is None else money(price, currency)
            parts.append(self._in_region(amount, region if len(prices) > 1 else ""))
        return self.semicolon.join(parts)

    def stock(self, stock: Mapping[str, int]) -> str:
        """What is left in every region, the language's own first."""
        parts = []
        for region in sorted(stock, key=lambda name: name != self.home):
            pieces = stock[region]
            kind = "sold out" if pieces <= 0 else "few" if pieces <= _FEW else "in stock"
            words = self.labels[kind].format(count=pieces)
            parts.append(self._in_region(words, self.regions.get(region, region)))
        return self.semicolon.join(parts)

    def months(self, count: int) -> str:
        """A warranty period; whole years are said as years too."""
        if count <= 0:
            return self.labels["no warranty"]
        years, rest = divmod(count, 12)
        plural = "s" if self.lang == "en" and count != 1 else ""
        months = self.labels["months"].format(count=count, plural=plural)
        if rest or not years:
            return months
        plural = "s" if self.lang == "en" and years != 1 else ""
        return months + self.labels["years"].format(count=years, plural=plural)

    def _in_region(self, words: str, region: str) -> str:
        if not region:
            return words
        return f"{region}{words}" if self.lang == "zh" else f"{words} {region}"


def money(amount: Decimal, currency: str) -> str:
    """`€39.90`, `¥299`: yuan and yen without empty decimals, everything else with two."""
    whole = amount == amount.to_integral_value() and currency in {"CNY", "JPY", "TWD"}
    digits = f"{amount:.0f}" if whole else f"{amount:.2f}"
    sign = SIGNS.get(currency)
    return f"{sign}{digits}" if sign else f"{digits} {currency}".rstrip()


WORDING: Mapping[str, Wording] = {
    "en": Wording(
        lang="en",
        labels={
            "sku": "SKU",
            "category": "Category",
            "brand": "Brand",
            "price": "Price",
            "stock": "Availability",
            "warranty": "Warranty",
            "not sold": "not sold",
            "sold out": "out of stock",
            "few": "only {count} left",
            "in stock": "in stock ({count} pieces)",
            "months": "{count} month{plural}",
            "years": " ({count} year{plural})",
            "no warranty": "none beyond the law",
        },
        regions={"EU": "in the EU", "CN": "in China"},
        home="EU",
        colon=": ",
        semicolon="; ",
        stop=".",
    ),
    "zh": Wording(
        lang="zh",
        labels={
            "sku": "货号",
            "category": "类别",
            "brand": "品牌",
            "price": "价格",
            "stock": "库存",
            "warranty": "保修",
            "not sold": "不销售",
            "sold out": "缺货",
            "few": "仅剩{count}件",
            "in stock": "有货（{count}件）",
            "months": "{count}个月",
            "years": "（{count}年）",
            "no warranty": "仅法定保障",
        },
        regions={"EU": "欧盟", "CN": "中国"},
        home="CN",
        colon="：",
        semicolon="；",
        stop="。",
    ),
}

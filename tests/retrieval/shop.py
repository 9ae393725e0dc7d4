"""A small bilingual shop that the tests of retrieval search in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from bot.types import Lang, Passage, Query
from retrieval.passages import Product, faq_passage, product_passage

TODAY = date(2026, 10, 15)


def product(sku: str, name: str, lang: Lang = "en", price: str = "39.90") -> Passage:
    return product_passage(Product(sku, lang, name, prices={"EUR": Decimal(price)}))


PASSAGES: tuple[Passage, ...] = (
    faq_passage("faq-ship.en", "en", "How long does delivery take?", "Delivery takes 3 days."),
    faq_passage("faq-ship.zh", "zh-Hans", "快递要几天到货？", "快递一般3天送达。"),
    faq_passage("faq-ret.en", "en", "Can I return an item?", "Returns are free for 30 days."),
    faq_passage("faq-ret.zh", "zh-Hans", "可以退货吗？", "30天内免费退货。"),
    faq_passage("faq-pay.en", "en", "Which cards do you take?", "Visa and Mastercard."),
    faq_passage(
        "faq-old.en",
        "en",
        "Can I return an item bought last year?",
        "Returns are free for 7 days.",
        valid_until=date(2025, 12, 31),
    ),
    faq_passage(
        "faq-next.en",
        "en",
        "Can I return an item next year?",
        "Returns are free for 60 days.",
        valid_from=date(2027, 1, 1),
    ),
    product("ML-KET-1701", "Tidewell K17 Gooseneck Kettle 1.0 L"),
    product("ML-KET-1701", "汐澜 K17 细嘴手冲壶 1.0升", "zh-Hans"),
    product("ML-KET-1711", "Tidewell K17S Gooseneck Kettle with temperature control"),
    product("ML-KET-1711", "汐澜 K17S 控温细嘴手冲壶", "zh-Hans"),
    product("ML-TNT-2101", "Northfell Ridge 2 Tent, 2 persons"),
    product("ML-TNT-2101", "北岭 山脊2 双人帐篷", "zh-Hans"),
)


def ask(text: str, lang: Lang = "en") -> Query:
    return Query(text, lang, text)

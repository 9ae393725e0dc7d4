from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.types import Hit, Lang, Passage
from retrieval.filters import Shelf
from retrieval.index import HybridIndex
from retrieval.passages import Product, product_passage
from retrieval.product_facts import facts_of, size_of
from retrieval.retriever import HybridRetriever
from tests.retrieval.fakes import FakeEncoder, FakeReader
from tests.retrieval.shop import PASSAGES, TODAY, ask


def bag(
    sku: str,
    eur: str,
    cny: str,
    *,
    eu: int = 5,
    cn: int = 5,
    name: str = "Daypack",
    name_zh: str = "双肩背包",
    **facts: str,
) -> tuple[Passage, Passage]:
    english = {key.replace("_", " "): value for key, value in facts.items()}
    made = Product(
        sku,
        "en",
        f"{name} {sku}",
        category="bags",
        prices={"EUR": Decimal(eur), "CNY": Decimal(cny)},
        stock={"EU": eu, "CN": cn},
        attributes=english,
    )
    return product_passage(made), product_passage(
        replace(made, lang="zh-Hans", name=f"{name_zh} {sku}", attributes={})
    )


BAGS = (
    *bag("BAG-100", "39.90", "199", Volume="22 L", Weight="620 g", Colour="olive", Waterproof="no"),
    *bag("BAG-200", "59.90", "299", eu=0, Volume="32 L", Weight="980 g", Colour="navy"),
    *bag("BAG-300", "89.90", "499", Volume="45 L", Weight="1.1 kg", Waterproof="yes, IPX6"),
)
SHOES = (
    *bag("SHO-100", "64.90", "359", name="Runner", name_zh="跑鞋", Sizes="EU 36–42"),
    *bag("SHO-200", "69.90", "399", name="Runner", name_zh="跑鞋", Sizes="EU 39–46"),
)
ALL = (*PASSAGES, *BAGS, *SHOES)


def over(passages: tuple[Passage, ...] = ALL, **more: object) -> HybridRetriever:
    encoder = FakeEncoder()
    index = HybridIndex.build(passages, encoder)
    return HybridRetriever(index, encoder, day=lambda: TODAY, **more)  # type: ignore[arg-type]


SHOP = over()


def hits(text: str, lang: Lang = "en", limit: int = 10) -> tuple[Hit, ...]:
    return SHOP.search(replace(ask(text), lang=lang), limit).hits


def first(text: str, lang: Lang = "en") -> str:
    """The first product; which FAQ entry lies near it is up to the fake encoder."""
    products = (hit.passage for hit in hits(text, lang) if hit.passage.kind == "product")
    return next(products).attributes["sku"]


@pytest.mark.parametrize(
    ("text", "lang", "sku"),
    [
        ("daypack under 50 €", "en", "BAG-100"),
        ("daypack between 50 and 70", "en", "BAG-200"),
        ("which daypack costs more than 80 euros", "en", "BAG-300"),
        ("200元以下的双肩背包", "zh-Hans", "BAG-100"),
        ("有沒有四百到六百元的雙肩背包", "zh-Hant", "BAG-300"),
        ("daypack with at least 40 litres", "en", "BAG-300"),
        ("1公斤以上的双肩背包", "zh-Hans", "BAG-300"),
        ("do you have a waterproof daypack", "en", "BAG-300"),
        ("I want a navy daypack", "en", "BAG-200"),
        ("runner in size 45", "en", "SHO-200"),
        ("跑鞋 37码", "zh-Hans", "SHO-100"),
        ("which daypack between 50 and 100 € is in stock", "en", "BAG-300"),
    ],
)
def test_products_that_meet_the_demand_come_first(text: str, lang: Lang, sku: str) -> None:
    assert first(text, lang) == sku


def test_when_nothing_meets_everything_the_nearest_are_given_and_marked() -> None:
    found = hits("daypack under 10 €")
    daypacks = [hit for hit in found if hit.passage.title.startswith("Daypack")]
    assert {hit.passage.attributes["sku"] for hit in daypacks} == {"BAG-100", "BAG-200", "BAG-300"}
    assert all(hit.unmet == ("price ≤ 10 EUR",) for hit in daypacks)


def test_only_products_are_marked_and_only_with_what_they_lack() -> None:
    found = hits("do you have a daypack under 50 € with at least 20 litres", limit=20)
    lacks = {hit.passage.group: hit.unmet for hit in found}
    assert lacks["product-BAG-100"] == ()
    assert lacks["product-BAG-300"] == ("price ≤ 50 EUR",)
    assert all(not hit.unmet for hit in found if hit.passage.kind != "product")


def test_a_product_that_is_named_stays_in_front_whatever_it_lacks() -> None:
    assert first("is the BAG-300 in stock for under 50 €?") == "BAG-300"
    assert first("BAG-300 200元以下有货吗", "zh-Hans") == "BAG-300"


def test_out_of_stock_is_no_reason_to_hide_the_product_that_is_asked_about() -> None:
    assert first("is the daypack of 32 L in stock?") == "BAG-200"


def test_of_the_variants_of_one_name_the_measured_one_leads() -> None:
    sizes = (
        product_passage(Product("LUG-1", "en", "Tramont A1 Case 20 inch")),
        product_passage(Product("LUG-2", "en", "Tramont A1 Case 24 inch")),
        product_passage(Product("LUG-3", "en", "Tramont A1 Case 28 inch")),
    )
    query = replace(ask("the A1 in 24 inch"))
    assert over((*PASSAGES, *sizes)).search(query, 1).hits[0].passage.attributes["sku"] == "LUG-2"
    later = replace(
        ask("how much is the A1 in 20 inch?\nand in 28?\nand in 28 inch?"),
        text="and in 28 inch?",
        is_follow_up=True,
    )
    assert over((*PASSAGES, *sizes)).search(later, 1).hits[0].passage.attributes["sku"] == "LUG-3"


def test_a_product_that_meets_the_demand_is_found_among_many_that_do_not() -> None:
    many = tuple(p for n in range(80) for p in bag(f"X{n:03}", "99", "700"))
    target = bag("T1", "20", "150", name="Rucksack daypack", name_zh="双肩背包")
    found = over((*many, *target)).search(ask("daypack below 30 €"), 3).hits
    assert found[0].passage.attributes["sku"] == "T1"


def test_faq_entries_keep_their_places() -> None:
    """A question about an amount of money once moved every product that costs less."""
    for text in (
        "Are returns of orders over 50 € free for 30 days?",
        "Which cards do you take under 10 €?",
        "退货满50元以上免费吗",
    ):
        shown = [hit.passage for hit in hits(text, limit=40)]
        plain = [hit.passage for hit in over(shelf=Shelf({}, 0)).search(ask(text), 40).hits]
        ranks = {p.passage_id: n for n, p in enumerate(plain) if p.kind != "product"}
        assert ranks
        for rank, passage in enumerate(shown[:20]):
            if passage.passage_id in ranks and passage.kind != "product":
                assert rank <= ranks[passage.passage_id] + 1


@settings(max_examples=40)
@given(
    st.sampled_from(["daypack", "runner", "背包", "跑鞋", "returns", "退货"]),
    st.sampled_from(["under", "over", "at most", "不超过", "低于", "around"]),
    st.integers(0, 3000),
    st.sampled_from(["€", "元", "", "kg", "l", "升", "$", "°C", "persons"]),
)
def test_no_demand_empties_the_result_or_breaks_the_order(
    what: str, side: str, amount: int, unit: str
) -> None:
    found = hits(f"{what} {side} {amount} {unit}")
    assert len(found) == 10
    seen: dict[str, float] = {}
    for hit in found:
        seen.setdefault(hit.passage.group or hit.passage.passage_id, hit.score)
    assert all(one >= other for one, other in pairwise(seen.values()))


def test_a_shop_without_products_demands_nothing() -> None:
    assert Shelf({}, 5).demand("under 50 €", "en") is None


def test_a_negated_feature_is_not_demanded() -> None:
    shelf = Shelf(dict(enumerate(BAGS)), len(BAGS))
    asked = shelf.demand("which daypack is not waterproof", "en")
    assert asked is None
    demand = shelf.demand("which daypack is waterproof", "en")
    assert demand is not None
    assert [str(wish) for wish in demand.bounds] == ["feature waterproof"]


def test_what_is_known_of_a_product() -> None:
    facts = facts_of(
        product_passage(
            Product(
                "S1",
                "en",
                "Hiking Shoe",
                prices={"EUR": Decimal("89.90"), "CNY": None},
                stock={"EU": 57, "": 3},
                warranty_months=24,
                attributes={
                    "Sizes": "EU XS–XXL, 36–46 (230–280 mm)",
                    "Colour": "dark brown",
                    "Waterproof": "yes, membrane",
                    "Washing": "no",
                    "Weight": "410 g (EU 42)",
                },
            )
        )
    )
    assert facts.prices == {"EUR": 89.9}
    assert facts.stock == {"eu": 57, "": 3}
    assert facts.colours == {"brown"}
    assert facts.features == {"waterproof": True, "washing": False}
    sizes = [size_of("xs"), size_of("2XL")]
    assert facts.sizes == ((sizes[0], sizes[1]), (36.0, 46.0))
    measured = {(key, m.dimension, m.low) for key, m in facts.measures}
    assert ("weight", "mass", 410.0) in measured
    assert ("warranty 保修", "period", 24.0) in measured


@pytest.mark.parametrize(
    ("value", "pieces"), [("in stock", 1), ("out of stock", 0), ("有货", 1), ("缺货", 0)]
)
def test_stock_said_in_words(value: str, pieces: int) -> None:
    passage = product_passage(Product("S1", "en", "Shoe", attributes={"Availability": value}))
    assert facts_of(passage).stock == {"": pieces}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=6), st.text())
def test_no_product_breaks_the_reader(attributes: dict[str, str], title: str) -> None:
    facts = facts_of(Passage("p", "product", "en", title, "", attributes=attributes))
    assert all(low <= high for low, high in facts.sizes)


def test_a_reader_has_no_say_about_amounts() -> None:
    """To a reader of texts, "under 50 €" is near any price."""
    reader = FakeReader("BAG-300")
    found = over(reader=reader).search(ask("daypack under 50 €"), 3).hits
    assert found[0].passage.attributes["sku"] == "BAG-100"
    named = over(reader=reader).search(ask("BAG-300 under 50 €"), 3).hits
    assert named[0].passage.attributes["sku"] == "BAG-300"

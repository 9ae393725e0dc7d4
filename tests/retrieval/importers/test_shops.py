"""Exports of shop systems: variants become one product, drafts stay out, a second export updates."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.types import Passage
from retrieval.exact import ExactIndex
from retrieval.importers import ImportResult, Wishes, import_path

EUR = Wishes(currency="EUR")

SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Cost per item,Status
tee,Merino Tee,"<p>Soft <b>150 g</b>.</p><script>alert(1)</script>",Pine,Shirts,true,Colour,Moss,Size,S,T-MS,shopify,4,deny,59.00,,21.00,active
tee,,,,,,,Moss,,M,T-MM,shopify,0,deny,59.00,,21.00,
tee,,,,,,,Slate,,S,T-SS,shopify,7,deny,49.00,59.00,21.00,
tee,,,,,,,,,,,,,,,,,
mug,Pebble Mug,Enamel &amp; steel,Pine,Mugs,true,Title,Default Title,,,MUG-1,shopify,31,continue,14.50,,5.00,active
lamp,Old Lamp,,Pine,Lamps,true,Title,Default Title,,,LAMP,shopify,1,deny,20.00,,,archived
bad,Bad,,Pine,Lamps,true,Title,Default Title,,,BAD,shopify,1,deny,twenty,,,active
"""
SHOPIFY_NEW = """Title,URL handle,Description,Vendor,Type,Published on online store,Status,SKU,Option1 name,Option1 value,Price,Compare-at price,Inventory tracker,Inventory quantity,Continue selling when out of stock
Pebble Mug,mug,Enamel,Pine,Mugs,TRUE,Active,MUG-1,,,14.50,,shopify,31,deny
"""
WOO = """ID,Type,SKU,Name,Published,Short description,Description,Date sale price starts,Date sale price ends,In stock?,Stock,Backorders allowed?,Weight (kg),Sale price,Regular price,Categories,Parent,Attribute 1 name,Attribute 1 value(s),Meta: _supplier
44,variable,HOOD,Cosy Hoodie,1,A hoodie.,<p>Cotton</p>,,,1,,0,0.6,,,Clothing > Hoodies,,Colour,"Red, Blue",cheap
45,simple,CAP,Trail Cap,1,,One size.,2020-01-01,2020-02-01,1,12,0,0.1,19.90,24.90,Caps,,Material,Cotton,
46,variation,HOOD-R,Cosy Hoodie - Red,1,,,,,1,3,0,,,59.90,,HOOD,Colour,Red,
47,variation,HOOD-B,Cosy Hoodie - Blue,1,,,,,0,0,0,,,64.90,,id:44,Colour,Blue,
48,simple,DRAFT,Draft,-1,,,,,1,1,0,,,1,,,,,
49,variation,ORPH,Orphan,1,,,,,1,1,0,,,1,,NOPE,Colour,Red,
"""
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>BAG-R</g:id><title>Day Bag - Red</title><description>Light &amp; dry.</description>
<g:price>79.00 EUR</g:price><g:availability>in_stock</g:availability>
<g:item_group_id>BAG</g:item_group_id><g:color>Red</g:color><g:brand>Pine</g:brand>
<g:product_detail><g:attribute_name>Volume</g:attribute_name>
<g:attribute_value>20 l</g:attribute_value></g:product_detail>
<g:product_highlight>Fits a laptop</g:product_highlight></item>
<item><g:id>BAG-B</g:id><title>Day Bag - Blue</title><g:price>69.00 EUR</g:price>
<g:availability>out_of_stock</g:availability><g:item_group_id>BAG</g:item_group_id>
<g:color>Blue</g:color></item>
<item><g:id>ROPE</g:id><title>登山绳</title><g:price>899.00 CNY</g:price>
<g:availability>preorder</g:availability></item>
</channel></rss>
"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"
 xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
<entry><g:id>ROPE</g:id><title>Rope 60 m</title><g:price>89 EUR</g:price>
<g:availability>in stock</g:availability></entry></feed>"""


def read(tmp_path: Path, text: str, name: str, wishes: Wishes | None = EUR) -> ImportResult:
    (tmp_path / name).write_text(text, "utf-8")
    return import_path(tmp_path / name, wishes)


def by_id(result: ImportResult) -> dict[str, Passage]:
    return {passage.passage_id: passage for passage in result.passages}


def test_shopify_variants_are_one_product(tmp_path: Path) -> None:
    result = read(tmp_path, SHOPIFY, "products_export.csv")
    found = by_id(result)
    assert set(found) == {"product-tee.en", "product-mug.en"}
    tee = found["product-tee.en"]
    assert "Price: €49.00 to €59.00, depending on the variant." in tee.text
    assert "- Slate / S: €49.00, regular price €59.00, in stock (7 pieces), SKU T-SS" in tee.text
    assert "- Moss / M: €59.00, out of stock, SKU T-MM" in tee.text
    assert "Soft 150 g." in tee.text
    assert "alert" not in tee.text
    assert "21.00" not in tee.text, "what the shop pays is no customer's business"
    assert tee.attributes["price_eur"] == "49.00"
    assert (tee.attributes["Colour"], tee.attributes["Size"]) == ("Moss, Slate", "S, M")
    mug = found["product-mug.en"]
    assert "Price: €14.50." in mug.text
    assert "Enamel & steel" in mug.text
    assert "Title" not in mug.attributes
    assert [(p.line, p.field) for p in result.problems] == [(8, "Variant Price")]
    assert any("archived" in note.message for note in result.notes)
    assert "Shopify" in result.files[0].format


def test_every_variant_is_found_by_its_article_number(tmp_path: Path) -> None:
    passages = read(tmp_path, SHOPIFY, "a.csv").passages
    for sku in ("T-MM", "t ss", "MUG-1"):
        by_sku, _ = ExactIndex.build(passages).find(f"is {sku} in stock?")
        assert by_sku, sku


def test_the_new_columns_of_shopify_make_the_same_product(tmp_path: Path) -> None:
    old, new = read(tmp_path, SHOPIFY, "old.csv"), read(tmp_path, SHOPIFY_NEW, "new.csv")
    assert new.problems == ()
    assert set(by_id(new)) == {"product-mug.en"} <= set(by_id(old))


def test_a_currency_that_nobody_named_is_not_made_up(tmp_path: Path) -> None:
    result = read(tmp_path, SHOPIFY_NEW, "new.csv", None)
    assert "Price: 14.50." in result.passages[0].text
    assert any("--currency" in note.message for note in result.notes)


def test_woocommerce_variations_find_their_parent(tmp_path: Path) -> None:
    result = read(tmp_path, WOO, "wc.csv")
    found = by_id(result)
    assert set(found) == {"product-CAP.en", "product-HOOD.en"}
    hoodie = found["product-HOOD.en"]
    assert "- Red: €59.90, only 3 left, SKU HOOD-R" in hoodie.text
    assert "- Blue: €64.90, out of stock, SKU HOOD-B" in hoodie.text
    assert "A hoodie.\nCotton" in hoodie.text
    assert hoodie.attributes["Weight"] == "0.6 kg"
    assert "cheap" not in str(hoodie), "columns of plugins are left out"
    assert [(p.line, p.field, p.value) for p in result.problems] == [(7, "Parent", "NOPE")]


def test_a_sale_that_is_over_is_not_told(tmp_path: Path) -> None:
    cap = by_id(read(tmp_path, WOO, "wc.csv"))["product-CAP.en"]
    assert "Price: €24.90." in cap.text
    assert "19.90" not in cap.text


@pytest.mark.parametrize(("name", "text"), [("feed.xml", RSS), ("feed.txt", RSS)])
def test_a_google_feed_is_known_by_its_content(tmp_path: Path, name: str, text: str) -> None:
    result = read(tmp_path, text, name, None)
    found = by_id(result)
    bag = found["product-BAG.en"]
    assert bag.title == "Day Bag"
    assert "- Red: €79.00, in stock, SKU BAG-R" in bag.text
    assert "- Blue: €69.00, out of stock, SKU BAG-B" in bag.text
    assert "Light & dry.\n- Fits a laptop" in bag.text
    assert bag.attributes["Volume"] == "20 l"
    rope = found["product-ROPE.zh"]
    assert "价格：¥899。" in rope.text
    assert "可预订" in rope.text
    assert result.problems == ()


def test_an_atom_feed(tmp_path: Path) -> None:
    result = read(tmp_path, ATOM, "feed.xml", None)
    assert "Atom" in result.files[0].format
    assert "Price: €89.00." in result.passages[0].text


def test_a_google_table(tmp_path: Path) -> None:
    text = "id\ttitle\tdescription\tlink\tprice\tavailability\nA1\tRope\tLong\thttps://x\t89 EUR\tin stock\n"
    result = read(tmp_path, text, "feed.tsv", None)
    assert "Google" in result.files[0].format
    assert result.passages[0].passage_id == "product-A1.en"


def test_a_feed_that_stops_in_the_middle_loads_what_is_whole(tmp_path: Path) -> None:
    result = read(tmp_path, RSS[: RSS.index("<item><g:id>ROPE") + 20], "feed.xml", None)
    assert set(by_id(result)) == {"product-BAG.en"}
    assert "breaks off" in result.problems[0].message


def test_a_feed_that_declares_entities_is_refused(tmp_path: Path) -> None:
    """A billion laughs: entities of entities that would fill the memory."""
    bomb = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    result = read(
        tmp_path, bomb + "<rss><channel><item><id>&b;</id></item></channel></rss>", "f.xml"
    )
    assert result.passages == ()
    assert "refused" in result.problems[0].message


def test_a_sitemap_is_no_feed(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?><urlset><url><loc>https://x</loc></url></urlset>'
    result = read(tmp_path, text, "pages.xml")
    assert result.passages == ()
    assert "XML of another kind" in result.problems[0].message

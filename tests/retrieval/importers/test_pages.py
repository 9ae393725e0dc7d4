"""HTML pages and saved sites: what a visitor reads is kept, what a browser runs is not."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.types import Passage
from retrieval.importers import ImportResult, import_path
from retrieval.importers.html_text import text_of_html

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Delivery – Pine</title>
<style>p{color:red}</style><script>document.write("SECRET")</script>
<script type="application/ld+json">{"@context":"https://schema.org","@type":"FAQPage","mainEntity":
[{"@type":"Question","name":"Do you ship to Switzerland?","acceptedAnswer":{"@type":"Answer",
"text":"<p>Yes, for <b>CHF 12.50</b>.</p>"}}]}</script>
<script type="application/ld+json">{broken</script></head>
<body><header>Pine</header><nav><a href="/">Home</a></nav><div class="cookie-banner">Accept?</div>
<main><h1>Delivery</h1><p>From Graz.</p>
<h2 id="costs">Costs</h2><table><tr><th>Country</th><th>Express</th></tr>
<tr><td>Austria</td><td>€11.90</td></tr></table>
<h2>When does it arrive?</h2><p>In 2 days.</p>
<details><summary>Can I change the address?</summary><p>Until it is packed.</p></details>
<details><summary>Do you ship to Switzerland?</summary><p>Yes.</p></details>
<button aria-controls="p1">Customs</button><div id="p1" hidden><h3>Customs</h3><p>Duty paid.</p></div>
<div hidden>for staff</div><form>Newsletter</form></main><footer>Imprint</footer></body></html>"""
PRODUCT = """<html><head><script type="application/ld+json">{"@graph":[{"@type":"Product",
"name":"Alpine 2","sku":"TENT-2","brand":{"name":"Pine"},"description":"A tent.",
"additionalProperty":[{"name":"Weight","value":"1.9","unitText":"kg"}],
"offers":{"@type":"Offer","price":"349.00","priceCurrency":"EUR",
"availability":"https://schema.org/OutOfStock"}}]}</script></head>
<body><h1>Alpine 2</h1><h2>Care</h2><p>Dry it.</p></body></html>"""


def read(tmp_path: Path, page: str | bytes, name: str = "page.html") -> ImportResult:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(page if isinstance(page, bytes) else page.encode())
    return import_path(path)


def titles(result: ImportResult) -> dict[str, Passage]:
    return {passage.title: passage for passage in result.passages}


def test_a_page_becomes_questions_and_sections(tmp_path: Path) -> None:
    result = read(tmp_path, PAGE)
    found = titles(result)
    assert found["Do you ship to Switzerland?"].text == "Yes, for CHF 12.50."
    assert found["Can I change the address?"].kind == "faq"
    assert found["When does it arrive?"].kind == "faq"
    assert found["Delivery – Costs"].text == "Country: Austria; Express: €11.90"
    assert found["Delivery – Costs"].passage_id == "page-page#costs"
    assert found["Delivery – Customs"].text == "Duty paid."
    assert found["Delivery"].text == "From Graz."
    assert len(found) == len(result.passages) == 6
    whole = str(result.passages)
    for unseen in ("SECRET", "color", "Accept", "Home", "for staff", "Newsletter", "Imprint"):
        assert unseen not in whole
    assert result.problems == ()
    assert any("JSON-LD" in note.message for note in result.notes)


def test_an_id_outlives_a_new_heading_above(tmp_path: Path) -> None:
    before = read(tmp_path, PAGE)
    after = read(tmp_path, PAGE.replace("<h2 id=", "<h2>News</h2><p>Open on Sunday.</p><h2 id="))
    ids = {passage.passage_id for passage in before.passages}
    assert ids < {passage.passage_id for passage in after.passages}


def test_product_data_of_a_page(tmp_path: Path) -> None:
    found = titles(read(tmp_path, PRODUCT))
    tent = found["Alpine 2"]
    assert (tent.passage_id, tent.kind) == ("product-TENT-2.en", "product")
    assert "Price: €349.00." in tent.text
    assert "Availability: out of stock." in tent.text
    assert tent.attributes["Weight"] == "1.9 kg"
    assert found["Alpine 2 – Care"].text == "Dry it."


def test_a_site_keeps_what_every_page_repeats_once(tmp_path: Path) -> None:
    notice = "<h2>Notice</h2><p>We are closed on Sundays.</p>"
    for name in ("a", "b/a"):
        read(tmp_path, f"<h1>{name}</h1><p>Only {name}.</p>{notice}", f"site/{name}.html")
    read(tmp_path, "<p>frame</p>", "site/a_files/frame.html")
    result = import_path(tmp_path / "site")
    texts = sorted(passage.text for passage in result.passages)
    assert texts == ["Only a.", "Only b/a.", "We are closed on Sundays."]
    assert result.problems == ()


def test_a_page_in_gbk_that_says_so(tmp_path: Path) -> None:
    page = (
        '<html><head><meta charset="gb2312"></head><body><h1>退货</h1><h2>期限</h2><p>三十天。</p>'
    )
    passage = read(tmp_path, page.encode("gbk")).passages[0]
    assert (passage.title, passage.text, passage.lang) == ("退货 – 期限", "三十天。", "zh-Hans")


def test_a_page_that_declares_the_wrong_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="utf-8"></head><body><h1>退货期限说明</h1><p>三十天内可以退货。</p>'
    assert "三十天" in read(tmp_path, page.encode("gbk")).passages[0].text


def test_a_page_that_only_a_script_would_write(tmp_path: Path) -> None:
    result = read(
        tmp_path, "<html><body><div id=root></div><script>render()</script></body></html>"
    )
    assert result.passages == ()
    assert "no text" in result.problems[0].message


def test_a_page_nested_deeper_than_python_calls(tmp_path: Path) -> None:
    assert read(tmp_path, "<html>" + "<div>" * 5000 + "deep").passages[0].text == "deep"


def test_inline_tags_do_not_tear_words_apart() -> None:
    assert (
        text_of_html("<p>un<b>believ</b>able 退<i>货</i></p><p>two</p>") == "unbelievable 退货\ntwo"
    )


@given(st.text(max_size=200))
def test_any_fragment_becomes_text_without_scripts(text: str) -> None:
    assert "<script" not in text_of_html(f"<script>{text}</script>").casefold()
    text_of_html(text)

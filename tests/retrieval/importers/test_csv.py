from __future__ import annotations

import codecs
from datetime import date
from pathlib import Path

import pytest

from retrieval.importers import ImportResult, import_path

HEADER = "id,lang,question,answer,alternatives,valid_from,valid_until\n"


def read(tmp_path: Path, content: str | bytes, name: str = "faq.csv") -> ImportResult:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_path(path)


def complaints(result: ImportResult) -> list[tuple[int, str]]:
    return [(problem.line, problem.field) for problem in result.problems]


def test_a_good_row(tmp_path: Path) -> None:
    row = 'faq-1.en,en,Postage?,"Free, from €59.",Shipping fee? | Delivery cost?,2026-01-01,\n'
    result = read(tmp_path, HEADER + row)
    assert result.problems == ()
    passage = result.passages[0]
    assert (passage.passage_id, passage.group, passage.kind) == ("faq-1.en", "faq-1", "faq")
    assert (passage.title, passage.text) == ("Postage?", "Free, from €59.")
    assert passage.alternatives == ("Shipping fee?", "Delivery cost?")
    assert (passage.valid_from, passage.valid_until) == (date(2026, 1, 1), None)
    assert passage.source == "faq.csv"


def test_good_rows_load_and_bad_rows_are_named(tmp_path: Path) -> None:
    rows = [
        "1,en,Good?,Yes.,,,",
        "2,en,,No question.,,,",
        "3,Klingon!,Where?,There.,,,",
        "4,en,When?,Then.,,soon,",
        "5,en,When?,Then.,,2026-02-01,2026-01-01",
        "6,en,How?,=SUM(A1),,,",
        "1,en,Again?,The same id.,,,",
        "7,en,too,many,cells,,,,x",
        "",
        ",,,,,,",
        "8,en,Last?,Yes.,,,",
    ]
    result = read(tmp_path, HEADER + "\n".join(rows) + "\n")
    assert [passage.passage_id for passage in result.passages] == ["faq-1.en", "faq-8.en"]
    assert complaints(result) == [
        (3, "question"),
        (4, "lang"),
        (5, "valid_from"),
        (6, "valid_until"),
        (7, "answer"),
        (8, "id"),
        (9, ""),
    ]
    assert str(result.problems[1]) == (
        "faq.csv:4: lang: not a language; expected en, zh-Hans or zh-Hant (found 'Klingon!')"
    )
    assert "line 2" in result.problems[5].message


def test_chinese_headers_and_no_ids(tmp_path: Path) -> None:
    result = read(tmp_path, "问题,答案,分类\n怎么退货？,30天内可退。,退货\n")
    passage = result.passages[0]
    assert passage.lang == "zh-Hans"
    assert passage.attributes == {"topic": "退货"}
    again = read(tmp_path, "问题,答案\n怎么退货？,60天内可退。\n")
    assert again.passages[0].passage_id == passage.passage_id  # an edit keeps the made id


def test_both_languages_in_one_row(tmp_path: Path) -> None:
    header = "id,question_en,answer_en,question_zh,answer_zh\n"
    rows = "9,Postage?,Free.,运费？,包邮。\n10,Gift?,Yes.,,\n11,Card?,,卡？,有。\n12,,,,\n13,,,,"
    result = read(tmp_path, header + rows + "\n")
    assert [(passage.passage_id, passage.group) for passage in result.passages] == [
        ("faq-9.en", "faq-9"),
        ("faq-9.zh", "faq-9"),
        ("faq-10.en", "faq-10"),
    ]
    assert complaints(result) == [(4, "answer_en"), (5, ""), (6, "")]


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("gbk", b""),
        ("gb18030", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_usual_encoding(tmp_path: Path, encoding: str, bom: bytes, line_end: str) -> None:
    text = "问题,答案\n满多少钱可以包邮？,中国大陆订单满99元包邮，不满收取运费8元。\n"
    result = read(tmp_path, bom + text.replace("\n", line_end).encode(encoding))
    assert result.problems == ()
    assert result.passages[0].title == "满多少钱可以包邮？"


def test_traditional_chinese_in_big5(tmp_path: Path) -> None:
    text = "問題,答案\n滿多少錢可以免運費？,訂單滿九十九元免運費，退貨請於三十天內提出申請。\n"
    result = read(tmp_path, text.encode("big5"))
    assert result.passages[0].text.startswith("訂單滿九十九元")
    assert result.passages[0].lang == "zh-Hant"


def test_western_european_from_excel(tmp_path: Path) -> None:
    text = "question;answer\nDo you ship to the Café Müller?;Oui, for 5,90 €.\n"
    result = read(tmp_path, text.encode("cp1252"))
    assert result.passages[0].text == "Oui, for 5,90 €."


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_separator(tmp_path: Path, delimiter: str) -> None:
    result = read(tmp_path, f"question{delimiter}answer\nHow?{delimiter}So.\n")
    assert (result.passages[0].title, result.passages[0].text) == ("How?", "So.")


def test_cells_over_several_lines_keep_the_line_numbers_right(tmp_path: Path) -> None:
    result = read(tmp_path, 'question,answer\n"How?","One.\nTwo."\nWhen?,\n')
    assert result.passages[0].text == "One.\nTwo."
    assert complaints(result) == [(4, "answer")]


def test_an_unclosed_quote_costs_one_row(tmp_path: Path) -> None:
    result = read(tmp_path, 'question,answer\nA?,a\nB?,"b\nC?,c\nD?,d\n')
    assert [passage.title for passage in result.passages] == ["A?", "C?", "D?"]
    assert complaints(result) == [(3, "")]
    assert "never closed" in result.problems[0].message


def test_a_file_of_broken_quotes_ends_somewhere(tmp_path: Path) -> None:
    result = read(tmp_path, "question,answer\n" + 'A?,"b\n' * 101)
    assert result.problems


def test_a_half_written_last_row_is_not_loaded(tmp_path: Path) -> None:
    result = read(tmp_path, HEADER + "1,en,Good?,Yes.,,,\n2,en,Half?,Y")
    assert [passage.passage_id for passage in result.passages] == ["faq-1.en"]
    assert "half written" in result.problems[0].message


def test_a_file_cut_inside_a_character(tmp_path: Path) -> None:
    data = "问题,答案\n运费？,包邮。\n退货？,可以".encode()
    result = read(tmp_path, data[:-1])
    assert result.passages[0].title == "运费？"
    assert "cut off" in result.problems[0].message


@pytest.mark.parametrize("content", [b"", b"\n\n", b" , \n", codecs.BOM_UTF8])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    result = read(tmp_path, content)
    assert result.passages == ()
    assert "empty" in result.problems[0].message


@pytest.mark.parametrize("content", [bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n\x00\x00" * 99])
def test_a_binary_file(tmp_path: Path, content: bytes) -> None:
    result = read(tmp_path, content)
    assert result.passages == ()
    assert "not a text file" in result.problems[0].message


def test_a_table_of_something_else(tmp_path: Path) -> None:
    result = read(tmp_path, "date,visitors\n2026-01-01,9\n")
    assert result.passages == ()
    assert "no columns" in result.problems[0].message
    assert "date, visitors" in result.problems[0].value


def test_a_huge_cell_costs_one_row(tmp_path: Path) -> None:
    for size in (110_000, 200_000):
        result = read(tmp_path, f"question,answer\nA?,{'x' * size}\nB?,b\n")
        assert [passage.title for passage in result.passages] == ["B?"]
        assert len(result.problems[0].value) < 100


def test_a_product_table(tmp_path: Path) -> None:
    text = (
        "货号,商品名称,价格（元）,price_eur,库存,保修,颜色,参数\n"
        "K-17,汐澜 K17 电热水壶,299,€39.90,12,2年,白色,容量：1.7升；功率：1800瓦\n"
        "K-18,玻璃壶,面议,,1,12,,\n"
        ",没有货号,1,1,1,1,,\n"
    )
    result = read(tmp_path, text, "products.csv")
    assert complaints(result) == [(4, "货号")]
    passage, undecided = result.passages
    assert "价格：面议" in undecided.text
    assert "price_cny" not in undecided.attributes
    assert [note.line for note in result.notes] == [3]
    assert (passage.passage_id, passage.kind) == ("product-K-17.zh", "product")
    assert "价格：中国¥299；欧盟€39.90。" in passage.text
    assert "保修：24个月（2年）。" in passage.text
    assert passage.attributes["颜色"] == "白色"
    assert passage.attributes["功率"] == "1800瓦"


def test_a_product_with_one_price_takes_the_currency_named(tmp_path: Path) -> None:
    result = read(tmp_path, "sku,name,price,currency\nA1,Kettle,25,usd\n")
    assert "Price: $25.00." in result.passages[0].text


def test_the_title_of_goods_is_their_name(tmp_path: Path) -> None:
    content = "sku,title,description,price,stock\nK17,Kettle,Boils.,39.90 EUR,4\n"
    (passage,) = read(tmp_path, content).passages
    assert (passage.kind, passage.title) == ("product", "Kettle")
    assert "39.90" in passage.text
    titled = read(tmp_path, "id,title,text\n1,Returns,Within 30 days.\n").passages
    assert [(p.kind, p.title) for p in titled] == [("policy", "Returns")]

"""What people really bring: files of the wrong name, far too long texts, merged cells, 100 MB."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import openpyxl
import pytest

from bot.errors import InputError
from retrieval.importers import (
    FileFound,
    ImportResult,
    Memory,
    Problem,
    Wishes,
    import_path,
    parse_mapping,
    read_path,
)
from retrieval.importers.splitting import MAX_WIDTH, PART_WIDTH, split, width


def read(
    tmp_path: Path, text: str | bytes, name: str, wishes: Wishes | None = None
) -> ImportResult:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_path(tmp_path / name, wishes)


def test_a_table_of_any_size_needs_the_same_memory(tmp_path: Path) -> None:
    """What is kept of a row is its id's digest; the texts pass through."""

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("id,question,answer\n")
            for number in range(rows):
                file.write(f"{number},Question {number}?,{'An answer in many words. ' * 80}\n")
        tracemalloc.start()
        read_rows = sum(1 for item in read_path(path) if not isinstance(item, FileFound | Problem))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert read_rows == rows
        return used

    peak(50)
    small, large = peak(250), peak(1500)  # 0.5 MB and 3 MB of text
    assert large - small < 1_000_000


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Each sentence says a little more about returns. " * 1050, "en"),
        ("退货时请附上订单号，我们会在收到后处理。" * 2500, "zh-Hans"),
        ("x" * 50_000, "en"),
    ],
)
def test_fifty_thousand_characters_become_passages_that_can_be_read(
    tmp_path: Path, text: str, lang: str
) -> None:
    result = read(tmp_path, f"id,question,answer\n7,Everything?,{text}\n", "a.csv")
    assert result.problems == ()
    assert result.passages[0].passage_id == f"faq-7.{lang[:2]}"
    assert len({passage.passage_id for passage in result.passages}) == len(result.passages) > 10
    assert all(width(passage.text) <= PART_WIDTH for passage in result.passages)
    whole = "".join(passage.text for passage in result.passages)
    assert whole.replace(" ", "") == text.replace(" ", "")
    assert "50," in result.notes[0].message


def test_texts_of_usual_length_stay_whole(tmp_path: Path) -> None:
    text = "word " * (MAX_WIDTH // 5 - 1)
    assert len(read(tmp_path, f"id,question,answer\n7,Q?,{text}\n", "a.csv").passages) == 1
    assert split("", 900) == []


def test_cells_merged_over_rows_count_for_each_row(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Our products", None, None, None],
        ["category", "sku", "name", "price"],
        ["Kettles", "K-1", "Kettle one", "€20"],
        [None, "K-2", "Kettle two", "€30"],
        ["Pans", "P-1", "Pan", "about 20"],
    ):
        sheet.append(row)
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("A3:A4")
    book.save(tmp_path / "merged.xlsx")
    result = import_path(tmp_path / "merged.xlsx")
    assert result.problems == ()
    categories = [passage.attributes["category"] for passage in result.passages]
    assert categories == ["Kettles", "Kettles", "Pans"]
    assert "Price: about 20." in result.passages[2].text
    assert "Excel sheet" in result.files[0].format


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", '{"question": "Q?", "answer": "A."}\n', "JSON Lines"),
        ("a.jsonl", "question,answer\nQ?,A.\n", "CSV table"),
        ("a.txt", "question;answer\nQ?;A.\n", "CSV table"),
        ("a.xls", "question\tanswer\nQ?\tA.\n", "CSV table"),
        ("a.csv", "<html><body><details><summary>Q?</summary>A.</details></body></html>", "HTML"),
        ("a", "# Terms\n\n## Q?\n\nA.", "Markdown"),
        ("a.json", '[{"question": "Q?", "answer": "A."}]', "JSON Lines"),
        ("a.txt", "Just a note.", "Markdown"),
    ],
)
def test_the_content_says_what_a_file_is(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    result = read(tmp_path, content, name)
    assert len(result.passages) == 1
    assert result.files[0].format.startswith(told)


def test_an_excel_file_named_csv(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["question", "answer"])
    book.active.append(["Q?", "A."])
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").rename(tmp_path / "a.csv")
    assert len(import_path(tmp_path / "a.csv").passages) == 1


@pytest.mark.parametrize("name", ["a.csv", "a.pdf", "a.html", "a.xml", "a.xlsx", "a.txt", "a.json"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff" * 300])
def test_nothing_and_noise_are_told_in_one_sentence(
    tmp_path: Path, name: str, content: bytes
) -> None:
    result = read(tmp_path, content, name)
    assert result.passages == ()
    assert len(result.problems) == 1


def test_columns_can_be_named_by_hand(tmp_path: Path) -> None:
    text = "Frage;Antwort;Geheim;Thema\nWie?;So.;xx;Versand\n"
    pairs = ["question=Frage", "answer = antwort", "ignore=GEHEIM", "category=Thema"]
    result = read(tmp_path, text, "a.csv", Wishes(parse_mapping(pairs)))
    passage = result.passages[0]
    assert (passage.title, passage.text) == ("Wie?", "So.")
    assert passage.attributes == {"topic": "Versand"}
    assert [column.use for column in result.files[0].columns] == [
        "question",
        "answer",
        "left out",
        "category",
    ]


def test_a_mapping_wins_over_a_guess(tmp_path: Path) -> None:
    text = "question,answer,reply to customer\nQ?,internal,public\n"
    wishes = Wishes(parse_mapping(["answer=reply to customer"]))
    assert read(tmp_path, text, "a.csv", wishes).passages[0].text == "public"


def test_a_column_that_is_not_there_stops_the_file(tmp_path: Path) -> None:
    wishes = Wishes(parse_mapping(["answer=Reply"]))
    for name, text in (
        ("a.csv", "question,answer\nQ?,A.\n"),
        ("a.jsonl", '{"question": "Q?", "answer": "A."}'),
    ):
        result = read(tmp_path, text, name, wishes)
        assert result.passages == ()
        assert "reply" in str(result.problems[0])


@pytest.mark.parametrize("pair", ["title", "=x", "title=", "nonsense=Column"])
def test_a_mapping_that_makes_no_sense(pair: str) -> None:
    with pytest.raises(InputError, match="--map"):
        parse_mapping([pair])


def test_what_is_no_customers_business_is_left_out(tmp_path: Path) -> None:
    text = "sku,name,price,Colour,Cost price,Supplier,备注,Image URL\nA,Pan,€9,red,2.10,Li,nb,http://x\n"
    result = read(tmp_path, text, "a.csv")
    passage = result.passages[0]
    assert passage.attributes["Colour"] == "red"
    assert not any(secret in str(passage) for secret in ("2.10", "Li,", "nb", "http"))
    assert [c.name for c in result.files[0].columns if c.use == "left out"] == [
        "Cost price",
        "Supplier",
        "备注",
        "Image URL",
    ]


def test_a_price_in_another_currency_than_its_column(tmp_path: Path) -> None:
    result = read(tmp_path, "sku,name,price_eur\nA,Pan,¥99\nB,Pot,€99\n", "a.csv")
    assert [passage.attributes["price_eur"] for passage in result.passages] == ["99"]
    assert "EUR was expected" in result.problems[0].message


def test_the_sign_in_the_cell_is_the_currency(tmp_path: Path) -> None:
    text = 'sku,name,price\nA,Pan,$25.00\nB,Pot,"1.299,00 €"\nC,锅,￥99起\n'
    result = read(tmp_path, text, "a.csv")
    assert "Price: $25.00." in result.passages[0].text
    assert "Price: €1299.00." in result.passages[1].text
    assert "价格：￥99起。" in result.passages[2].text


def test_an_id_counts_over_all_files_of_an_import(tmp_path: Path) -> None:
    memory = Memory()
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,question,answer\n1,Q?,A.\n", "utf-8")
    items = [
        item for name in ("a.csv", "b.csv") for item in read_path(tmp_path / name, None, memory)
    ]
    problems = [item for item in items if isinstance(item, Problem)]
    assert len(problems) == 1
    assert "in a.csv" in problems[0].message


def test_excels_separator_line(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\nquestion;answer\nQ, really?;A.\n", "a.csv").passages


def test_a_title_above_the_header_of_a_csv(tmp_path: Path) -> None:
    result = read(tmp_path, "Our FAQ,,\n\nquestion,answer,\nQ?,A.,\n", "a.csv")
    assert len(result.passages) == 1


def test_gbk_behind_a_long_ascii_part(tmp_path: Path) -> None:
    rows = "".join(f"{n},Question {n}?,Plain answer {n}.\n" for n in range(3000))
    text = f"id,question,answer\n{rows}9999,满多少钱可以包邮？,订单满九十九元免运费。\n"
    result = read(tmp_path, text.encode("gbk"), "a.csv")
    assert result.problems == ()
    assert result.passages[-1].text == "订单满九十九元免运费。"

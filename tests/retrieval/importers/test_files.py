"""JSON Lines, Markdown, Excel, folders."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from bot.errors import InputError
from retrieval.importers import ImportResult, import_path

ROOT = Path(__file__).parents[3]


def complaints(result: ImportResult) -> list[tuple[int, str]]:
    return [(problem.line, problem.field) for problem in result.problems]


def jsonl(tmp_path: Path, *lines: object, tail: str = "\n") -> ImportResult:
    path = tmp_path / "in.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + tail, encoding="utf-8")
    return import_path(path)


PRODUCT = {
    "sku": "ML-KET-1701",
    "category_en": "kettles",
    "category_zh": "水壶",
    "name_en": "Tidewell K17",
    "name_zh": "汐澜 K17",
    "brand": "Tidewell",
    "price_cny": 299,
    "price_eur": None,
    "stock_cn": 4,
    "stock_eu": 0,
    "warranty_months": 24,
    "attributes_en": {"Capacity": "1.7 L"},
    "attributes_zh": {"容量": "1.7 升"},
    "description_en": "Boils.",
    "description_zh": "烧水。",
    "updated": "2026-03-01",
}


def test_a_bilingual_product(tmp_path: Path) -> None:
    result = jsonl(tmp_path, PRODUCT)
    assert result.problems == ()
    english, chinese = result.passages
    assert (english.passage_id, english.lang) == ("product-ML-KET-1701.en", "en")
    assert (chinese.passage_id, chinese.lang) == ("product-ML-KET-1701.zh", "zh-Hans")
    assert "Price: not sold in the EU; ¥299 in China." in english.text
    assert "容量：1.7 升。" in chinese.text
    assert chinese.attributes["category"] == "水壶"
    assert "updated" not in chinese.attributes


def test_faqs_passages_and_bad_lines_in_one_file(tmp_path: Path) -> None:
    result = jsonl(
        tmp_path,
        {"id": "a", "question": "Postage?", "answer": "Free.", "alternatives": ["Fee?"]},
        {"passage_id": "p-1", "lang": "zh-Hans", "title": "退货", "text": "三十天。"},
        "{not json",
        '["a", "list"]',
        {"id": "b", "question": "Postage?", "answer": {"en": "Free."}},
        {"id": "c", "colour": "red"},
        {"id": "d", "question": "\ud800?", "answer": "Free."},
        "",
        "[" * 100_000,
        {"passage_id": "p-1", "title": "again", "text": "again"},
    )
    assert [passage.passage_id for passage in result.passages] == ["a.en", "p-1"]
    assert result.passages[0].alternatives == ("Fee?",)
    assert complaints(result) == [
        (3, ""),
        (4, ""),
        (9, ""),
        (5, "answer"),
        (6, ""),
        (7, "question"),
        (10, "id"),
    ]


def test_a_half_written_line_is_told_apart(tmp_path: Path) -> None:
    good = {"id": "a", "question": "Postage?", "answer": "Free."}
    result = jsonl(tmp_path, good, '{"id": "b", "question": "Gi', tail="")
    assert len(result.passages) == 1
    assert "half written" in result.problems[0].message


def test_reviews_and_questions_are_no_knowledge(tmp_path: Path) -> None:
    review = {"id": "r", "sku": "A", "stars": 1, "text": "Bad.", "title": "Broken"}
    golden = {"id": "g", "question": "Postage?", "gold_passage_id": ["x"]}
    for row in (review, golden):
        result = jsonl(tmp_path, *[row] * 30)
        assert result.passages == ()
        assert complaints(result) == [(0, "")]


def markdown(tmp_path: Path, text: str, name: str = "returns.en.md") -> ImportResult:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return import_path(tmp_path / name)


POLICY = """---
id: policy-returns.en
lang: en
title: Returns
topic: returns
valid_from: 2026-03-01
valid_until:
---

# Return policy

Read this first.

## Period

30 days.

```
## no heading
```

## Costs

Free.

## Empty

"""


def test_a_policy_becomes_its_sections(tmp_path: Path) -> None:
    result = markdown(tmp_path, POLICY)
    assert [(passage.passage_id, passage.title) for passage in result.passages] == [
        ("policy-returns.en#0", "Returns"),
        ("policy-returns.en#1", "Returns – Period"),
        ("policy-returns.en#2", "Returns – Costs"),
    ]
    assert result.passages[1].text == "30 days.\n\n```\n## no heading\n```"
    assert result.passages[1].valid_from == date(2026, 3, 1)
    assert result.passages[1].group == "policy-returns#1"
    assert complaints(result) == [(26, "Empty")]


def test_markdown_without_front_matter(tmp_path: Path) -> None:
    result = markdown(tmp_path, "# 退货\n\n## 期限\n\n三十天。\n", "tui.md")
    passage = result.passages[0]
    assert (passage.passage_id, passage.lang) == ("tui#1", "zh-Hans")
    assert passage.title == "退货 – 期限"


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("---\nid: a\nText", 1, "not closed"),
        ("---\nid: [a\n---\nText", 3, "front matter"),
        ("---\nid: {a: b}\n---\nText", 1, "expected text"),
        ("---\nvalid_from: soon\n---\nText", 1, "not a date"),
        ("---\nvalid_from: 2026-02-01\nvalid_until: 2026-01-01\n---\nText", 1, "before"),
        ("---\nlang: Klingon!\n---\nText", 1, "not a language"),
        ("---\nid: a\n---\n", 0, "no text"),
        ("", 0, "no text"),
    ],
)
def test_a_bad_document_is_named(tmp_path: Path, text: str, line: int, complaint: str) -> None:
    result = markdown(tmp_path, text)
    assert result.passages == ()
    assert result.problems[-1].line == line
    assert complaint in result.problems[-1].message


def workbook(tmp_path: Path, *rows: Sequence[object], name: str = "shop.xlsx") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(tmp_path / name)
    return tmp_path / name


def test_a_workbook_with_a_title_row_numbers_and_dates(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ["Our FAQ"],
        [],
        ["ID", "问题", "答案", "生效日期"],
        [1, "满多少包邮？", 99, datetime(2026, 3, 1)],  # noqa: DTZ001 - Excel has no time zones
        [2, "退货？", None, None],
        [None, None, None, None],
        [3, "公式？", "=1+1", None],
        [4, "错误？", "#REF!", None],
    )
    result = import_path(path)
    passage = result.passages[0]
    assert (passage.passage_id, passage.text) == ("faq-1.zh", "99")
    assert passage.valid_from == date(2026, 3, 1)
    assert complaints(result) == [(5, "答案"), (7, "答案"), (8, "答案")]
    assert "formula" in result.problems[1].message


def test_a_formula_that_was_calculated_counts_as_its_value(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["question", "answer"], ["How much?", "=CONCAT(1,2)"])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<v></v>" in parts[sheet] or b"<v />" in parts[sheet] or b"<v/>" in parts[sheet]
    for empty in (b"<v></v>", b"<v />", b"<v/>"):
        parts[sheet] = parts[sheet].replace(empty, b"<v>12</v>")
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    result = import_path(path)
    assert result.problems == ()
    assert result.passages[0].text == "12"


def test_sheets_of_other_things_are_passed_over(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("FAQ").append(["question", "answer"])
    book["FAQ"].append(["How?", "So."])
    book.save(tmp_path / "two.xlsx")
    result = import_path(tmp_path / "two.xlsx")
    assert (len(result.passages), result.problems) == (1, ())
    only_notes = import_path(workbook(tmp_path, ["Notes"], ["Call Anna"]))
    assert "no sheet" in only_notes.problems[0].message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04 half a zip", "cannot be read"),
        (b"\xd0\xcf\x11\xe0 old Excel", "of the old kind"),
    ],
)
def test_a_damaged_workbook(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "bad.xlsx").write_bytes(content)
    result = import_path(tmp_path / "bad.xlsx")
    assert complaint in result.problems[0].message


def test_a_workbook_cut_in_half(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["question", "answer"], *[[f"Q{n}?", "A."] for n in range(200)])
    path.write_bytes(path.read_bytes()[:-2000])
    assert "cannot be read" in import_path(path).problems[0].message


def test_a_folder_is_walked_and_what_is_no_knowledge_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.csv").write_text("id,question,answer\n1,How?,So.\n")
    (tmp_path / "b.csv").write_text("id,question,answer\n1,How?,Otherwise.\n2,When?,Now.\n")
    (tmp_path / "README.md").write_text("## Not for customers\n\nsecret")
    (tmp_path / ".hidden.md").write_text("## Not for customers\n\nsecret")
    (tmp_path / "~$lock.xlsx").write_bytes(b"")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    result = import_path(tmp_path)
    assert [(passage.passage_id, passage.source) for passage in result.passages] == [
        ("faq-1.en", "b.csv"),
        ("faq-2.en", "b.csv"),
    ]
    assert [problem.file for problem in result.problems] == ["deep/a.csv"]
    assert "b.csv" in result.problems[0].message


def test_what_is_not_there_or_of_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        import_path(tmp_path / "nothing.csv")
    (tmp_path / "song.mp3").write_bytes(b"")
    with pytest.raises(InputError, match="no format") as caught:
        import_path(tmp_path / "song.mp3")
    assert "CSV" in caught.value.fix


def test_the_demo_shop_loads_without_a_problem() -> None:
    result = import_path(ROOT / "faq_data" / "shop")
    assert result.problems == ()
    kinds = [passage.kind for passage in result.passages]
    assert kinds.count("faq") >= 300
    assert kinds.count("policy") >= 24
    assert kinds.count("product") >= 240
    by_group: dict[str, set[str]] = {}
    for passage in result.passages:
        by_group.setdefault(passage.group, set()).add(passage.lang)
    assert {frozenset(langs) for langs in by_group.values()} == {frozenset({"en", "zh-Hans"})}


def test_every_golden_answer_is_in_the_demo_shop() -> None:
    known = {passage.passage_id for passage in import_path(ROOT / "faq_data" / "shop").passages}
    for file in (ROOT / "faq_data" / "golden").glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert set(json.loads(line)["gold_passage_id"]) <= known

"""Labelling files: every kind is read, nothing is lost when it is stopped."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands.mood import CHUNK, label
from bot.errors import InputError
from bot.mood_files import Journal, Label, read_sheet, text_column, text_of
from bot.types import Mood

BAD = Mood("negative", {"negative": 0.9, "neutral": 0.1, "positive": 0.0}, 0.8, unhappy=True)


def read(texts: Sequence[str]) -> list[Mood]:
    return [BAD if text.strip() else Mood() for text in texts]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_any_encoding(tmp_path: Path, encoding: str, separator: str) -> None:
    file = tmp_path / "评论.csv"
    rows = [
        ["编号", "评论", "星级"],
        ["1", "质量太差了，客服也不理人，再也不会来买了", "1"],
        ["2", "很好", "5"],
    ]
    file.write_text("\n".join(separator.join(row) for row in rows), encoding)
    if separator == ",":
        file.write_text("\n".join(",".join(f'"{c}"' for c in row) for row in rows), encoding)
    sheet = read_sheet(file)
    assert text_column(sheet) == "评论"
    assert text_of(sheet.rows[0], "评论").startswith("质量太差了")


def test_a_workbook_and_json_lines(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["id", "stars", "what they said"],
        [1, 1, "The zip broke after two days"],
        [2, 5, None],
    ):
        book.active.append(row)
    book.save(tmp_path / "r.xlsx")
    sheet = read_sheet(tmp_path / "r.xlsx")
    assert text_column(sheet) == "what they said", "the wordiest one"
    assert text_of(sheet.rows[1], "what they said") == ""
    lines = tmp_path / "r.jsonl"
    lines.write_text('{"text": "good", "n": {"a": 1}}\n\n{"text": null}\n', "utf-8")
    assert [text_of(row, "text") for row in read_sheet(lines).rows] == ["good", ""]


def test_rows_of_any_length_and_names_that_come_twice(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text('text,text,\na,b,c,d\ne\n"open quote, never closed\n', "utf-8")
    sheet = read_sheet(file)
    assert sheet.columns == ("text", "text (2)", "column 3", "column 4")
    assert len(sheet.rows) == 3


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("r.pdf", b"%PDF", "kind that is not read"),
        ("r.csv", b"\x00\x01\x02\xff" * 50, "not a text file"),
        ("r.csv", b"", "no rows|not a text file"),
        ("r.csv", b"text\n", "no rows"),
        ("r.jsonl", b'{"a": 1}\n[1]\n', r"r\.jsonl:2"),
        ("r.xlsx", b"PK not really", "workbook"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, wrong: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=wrong) as refused:
        read_sheet(tmp_path / name)
    assert refused.value.fix


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("id,said\n1,hello there\n", "utf-8")
    sheet = read_sheet(file)
    assert text_column(sheet, "2") == "said"
    with pytest.raises(InputError, match="'nope'") as refused:
        text_column(sheet, "nope")
    assert "id, said" in refused.value.fix


def test_stopped_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    file, out = tmp_path / "r.csv", tmp_path / "r.mood.csv"
    file.write_text("text\n" + "".join(f"review {n}\n" for n in range(3 * CHUNK)), "utf-8")
    sheet = read_sheet(file)
    asked: list[int] = []

    def stopped(texts: Sequence[str]) -> list[Mood]:
        if asked:
            raise KeyboardInterrupt
        asked.append(len(texts))
        return read(texts)

    with pytest.raises(KeyboardInterrupt):
        label(sheet, "text", out, stopped)
    assert not out.exists(), "a result that is there is complete"
    part = tmp_path / "r.mood.csv.part"
    with part.open("a", encoding="utf-8") as torn:
        torn.write('["abc", "nega')
    labels, fresh = label(sheet, "text", out, read)
    assert (len(labels), fresh) == (3 * CHUNK, 2 * CHUNK)
    assert not part.exists()
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * CHUNK
    assert {(row["mood_label"], row["mood_unhappy"]) for row in rows} == {("negative", "True")}


def test_labels_of_another_file_are_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    Journal(path, ["a", "b", "c"]).add([Label.of(BAD)] * 2)
    assert len(Journal(path, ["a", "b", "c"]).labels) == 2
    assert len(Journal(path, ["a", "other", "c"]).labels) == 1


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=9)
)
def test_json_lines_keep_every_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    file, out = folder / "r.jsonl", folder / "o.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    label(read_sheet(file), "text", out, read)
    found = [json.loads(line) for line in out.read_text("utf-8").split("\n") if line]
    assert [row["text"] for row in found] == texts
    assert all((row["mood_label"] == "unknown") == (not row["text"].strip()) for row in found)

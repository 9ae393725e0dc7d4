"""Nothing in a file makes an import raise, and what it loads can be stored and encoded."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.importers import ImportResult, import_path
from retrieval.importers.decode import decode

SUFFIXES = [".csv", ".tsv", ".jsonl", ".md", ".xlsx", ".html", ".xml", ".pdf", ".json", ".txt"]
HEADERS = ["id", "lang", "question", "answer", "alternatives", "sku", "name", "price", "stock"]
HEADERS += [
    "attributes",
    "text",
    "title",
    "valid_from",
    "问题",
    "答案",
    "name_zh",
    "price_eur",
    "x",
]
CELLS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["en", "zh", "2026-01-01", "39.90", "=A1", "#REF!", '"', "a|b", "k: v", "\ufeff"]
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def check(data: bytes, suffix: str) -> ImportResult:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"fuzz{suffix}"
        path.write_bytes(data)
        result = import_path(path)
    assert result.passages or result.problems
    assert len({passage.passage_id for passage in result.passages}) == len(result.passages)
    for passage in result.passages:
        assert passage.text or passage.kind == "product"
        assert "\x00" not in passage.text + passage.title
        json.dumps(dict(passage.attributes)).encode()
        (passage.title + passage.text + passage.passage_id).encode("utf-8")
    for problem in result.problems:
        assert str(problem).startswith(f"fuzz{suffix}")
        str(problem).encode("utf-8")
    return result


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.binary(max_size=400))
def test_any_bytes(suffix: str, data: bytes) -> None:
    check(data, suffix)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".md", ".html", ".xml"])
@given(st.text(max_size=300), st.sampled_from(["utf-8", "utf-16", "gb18030", "utf-8-sig"]))
def test_any_text(suffix: str, text: str, encoding: str) -> None:
    check(text.encode(encoding), suffix)


@given(
    st.lists(st.sampled_from(HEADERS), min_size=1, max_size=6, unique=True),
    st.lists(st.lists(CELLS, max_size=7), max_size=6),
    st.integers(0, 40),
)
def test_any_table_whole_or_cut(headers: list[str], rows: list[list[str]], cut: int) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([headers, *rows])
    data = stream.getvalue().encode()
    check(data[: max(1, len(data) - cut)], ".csv")


@given(st.lists(st.dictionaries(st.sampled_from(HEADERS), JSON, max_size=5), max_size=5))
def test_any_objects(rows: list[dict[str, object]]) -> None:
    check("\n".join(json.dumps(row) for row in rows).encode(), ".jsonl")


@given(st.dictionaries(st.sampled_from(["id", "lang", "title", "valid_from"]), JSON), st.text())
def test_any_front_matter(metadata: dict[str, object], body: str) -> None:
    check(f"---\n{json.dumps(metadata)}\n---\n{body}".encode(), ".md")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_utf8_is_read_as_it_was_written(text: str) -> None:
    decoded = decode(text.encode())
    assert decoded is not None
    assert decoded.text == text.removeprefix("\ufeff")

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.errors import InputError
from bot.types import HistoryEntry, Message, Query
from retrieval.evaluation import EvaluationReport, evaluate_retrieval
from tests.retrieval.fakes import FakeEncoder, FakeReranker

PASSAGES = [
    {"passage_id": "ship", "lang": "en", "title": "Delivery", "text": "Three days by courier."},
    {"passage_id": "pay", "lang": "en", "text": "We take Visa and Mastercard."},
    {"passage_id": "tui", "lang": "zh-Hans", "title": "退货", "text": "三十天内免费退货。", "x": 1},
]
QUERIES: list[dict[str, Any]] = [
    {"id": "1", "lang": "en", "question": "delivery by courier?", "gold_passage_id": "ship"},
    {"id": "2", "lang": "en", "question": "visa?", "gold_passage_id": ["pay", "nowhere"]},
    {"id": "3", "lang": "zh-Hans", "question": "可以退货吗", "gold_passage_id": "tui"},
    {"id": "4", "lang": "en", "question": "who is the king?", "gold_passage_id": []},
]


class Files:
    """Writes the two files and evaluates them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, lines: Sequence[object]) -> Path:
        path = self.folder / name
        text = "".join(
            (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n"
            for line in lines
        )
        path.write_text(text, encoding="utf-8")
        return path

    def evaluate(
        self,
        queries: Sequence[object] = QUERIES,
        passages: Sequence[object] = PASSAGES,
        mode: str = "hybrid",
        **more: Any,
    ) -> EvaluationReport:
        return evaluate_retrieval(
            self.write("passages.jsonl", passages),
            self.write("queries.jsonl", queries),
            mode,
            more.pop("encoder", FakeEncoder()),
            **more,
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_the_report_has_the_promised_shape(files: Files) -> None:
    report = json.loads(files.evaluate().as_json())
    names = {"recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "p50_ms", "p95_ms"}
    assert set(report) == {"task", "n", "metrics", "by_lang", "config", "seconds"}
    assert (report["task"], report["n"]) == ("retrieval", 3)
    assert set(report["metrics"]) == names
    assert set(report["by_lang"]) == {"en", "zh-Hans"}
    assert set(report["by_lang"]["en"]) == names
    assert report["config"]["mode"] == "hybrid"
    assert report["config"]["without_gold"] == 1
    assert report["metrics"]["recall@5"] == 1.0
    assert report["metrics"]["p50_ms"] > 0


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid", "rerank"])
def test_every_mode_runs(files: Files, mode: str) -> None:
    report = files.evaluate(mode=mode, reranker=FakeReranker("Visa"))
    assert report.n == 3
    assert (report.config["encoder"] is None) == (mode == "lexical")
    assert (report.config["reranker"] is None) == (mode != "rerank")


def test_details_have_one_row_a_question(files: Files, tmp_path: Path) -> None:
    files.evaluate(details_file=tmp_path / "details.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "details.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["hits"][0]["passage_id"] == "ship"
    assert rows[0]["recall@1"] == 1.0


def test_progress_is_shown(files: Files) -> None:
    steps: list[tuple[int, int]] = []
    files.evaluate(progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


FOLLOW_UP = {
    "id": "5",
    "lang": "en",
    "question": "and to Berlin?",
    "history": [
        {"speaker": "user", "text": "How long is delivery by courier?"},
        {"speaker": "agent", "text": "Three days."},
    ],
    "gold_passage_id": "ship",
}


def test_a_follow_up_is_searched_with_what_was_said_before(files: Files, tmp_path: Path) -> None:
    files.evaluate([FOLLOW_UP], details_file=tmp_path / "d")
    row = json.loads((tmp_path / "d").read_text())
    assert row["search_text"] == "How long is delivery by courier?\nand to Berlin?"


def test_the_shops_own_understanding_is_used_when_given(files: Files) -> None:
    seen: list[tuple[str, tuple[HistoryEntry, ...]]] = []

    def understand(message: Message, history: Sequence[HistoryEntry]) -> Query:
        seen.append((message.text, tuple(history)))
        return Query(message.text, "en", "delivery courier")

    assert files.evaluate([FOLLOW_UP], understand=understand).metrics["recall@1"] == 1
    assert seen[0][0] == "and to Berlin?"
    assert [entry.speaker for entry in seen[0][1]] == ["customer", "agent"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "expected an object"),
        ('"\\ud800"', "expected an object"),
        ({"lang": "en", "question": "?", "gold_passage_id": "ship"}, "id"),
        ({"id": "9", "lang": "en", "gold_passage_id": "ship"}, "question"),
        ({"id": "9", "lang": "en", "question": " ", "gold_passage_id": "ship"}, "question"),
        ({"id": "9", "lang": "Klingon!", "question": "?", "gold_passage_id": "ship"}, "lang"),
        ({"id": "9", "lang": "en", "question": "?", "gold_passage_id": {"a": 1}}, "gold"),
        ({"id": "9", "lang": "en", "question": "?", "history": "hi"}, "history"),
        ({"id": "9", "lang": "en", "question": "?", "history": [{"speaker": "cat"}]}, "history"),
    ],
)
def test_a_bad_question_is_named_with_file_and_line(
    files: Files, line: object, complaint: str
) -> None:
    with pytest.raises(InputError) as caught:
        files.evaluate([*QUERIES, line])
    assert "queries.jsonl:5" in caught.value.message
    assert complaint in caught.value.message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"lang": "en", "text": "x"}, "passage_id"),
        ({"passage_id": "x", "lang": "en"}, "text"),
        ({"passage_id": "ship", "lang": "en", "text": "x"}, "there before"),
        ({"passage_id": "x", "lang": "en", "text": ["x"]}, "text"),
    ],
)
def test_a_bad_passage_is_named_with_file_and_line(
    files: Files, line: object, complaint: str
) -> None:
    with pytest.raises(InputError) as caught:
        files.evaluate(passages=[*PASSAGES, line])
    assert "passages.jsonl:4" in caught.value.message
    assert complaint in caught.value.message


def test_files_that_do_not_belong_together_are_refused(files: Files) -> None:
    with pytest.raises(InputError, match=r"no question of queries\.jsonl"):
        files.evaluate([{"id": "1", "lang": "en", "question": "?", "gold_passage_id": "zzz"}])


def test_a_missing_or_unreadable_file_is_named(files: Files, tmp_path: Path) -> None:
    passages = files.write("passages.jsonl", PASSAGES)
    for broken in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            evaluate_retrieval(passages, broken, "lexical", None)
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": "caf\xe9"}')
    with pytest.raises(InputError, match="not UTF-8"):
        evaluate_retrieval(passages, latin, "lexical", None)


def test_a_shops_folder_is_searched_as_the_shop_would(files: Files, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "faqs.csv").write_text(
        "id,question,answer,valid_until\n1,Delivery?,3 days.,\n2,Delivery now?,5 days.,2026-01-31\n"
    )
    gold = {"id": "1", "lang": "en", "question": "Delivery now?", "gold_passage_id": "faq-1.en"}
    queries = files.write("queries.jsonl", [gold])

    def measure(day: date) -> float:
        report = evaluate_retrieval(shop, queries, "hybrid", FakeEncoder(), day=day)
        return report.metrics["recall@1"]

    assert (measure(date(2026, 1, 1)), measure(date(2026, 2, 1))) == (0.0, 1.0)
    (shop / "faqs.csv").write_text("id,question,answer\n1,Delivery?,\n")
    with pytest.raises(InputError, match="answer: is empty"):
        measure(date(2026, 1, 1))
    (shop / "faqs.csv").unlink()
    with pytest.raises(InputError, match="no passages"):
        measure(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("mode", "fix"), [("magic", "dense, lexical"), ("rerank", "hybrid"), ("dense", "models setup")]
)
def test_a_mode_that_cannot_be_had_says_what_to_do(files: Files, mode: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        files.evaluate(mode=mode, encoder=None if mode == "dense" else FakeEncoder())
    assert fix in caught.value.fix

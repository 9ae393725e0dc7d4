from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.errors import InputError
from bot.types import HistoryEntry, Message, Query
from retrieval.eval_files import read_passages, read_questions
from retrieval.evaluation import EvaluationReport, Selection, evaluate_retrieval
from tests.retrieval.fakes import FakeEncoder, FakeReader

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
    report = files.evaluate(mode=mode, reader=FakeReader("Visa"))
    assert report.n == 3
    assert (report.config["encoder"] is None) == (mode == "lexical")
    assert (report.config["reader"] is None) == (mode != "rerank")


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


BAD_QUESTIONS: list[tuple[object, str]] = [
    ("{", "not JSON"),
    ("[1]", "expected an object"),
    ('"\\ud800"', "expected an object"),
    ({"lang": "en", "question": "?", "gold_passage_id": "ship"}, "id"),
    ({"id": "9", "lang": "en", "gold_passage_id": "ship"}, "question"),
    ({"id": "9", "lang": "en", "question": " ", "gold_passage_id": "ship"}, "question"),
    ({"id": "9", "lang": "Klingon!", "question": "?", "gold_passage_id": "ship"}, "lang"),
    ({"id": "9", "lang": "en", "question": "?", "gold_passage_id": {"a": 1}}, "gold"),
    ({"id": "9", "lang": "en", "question": "?", "gold_passage_id": [["ship"]]}, "gold"),
    ({"id": "9", "lang": "en", "question": "?", "history": "hi"}, "history"),
    ({"id": "9", "lang": "en", "question": "?", "history": [{"speaker": "cat"}]}, "history"),
    ({"id": "9", "lang": "en", "question": "?", "contexts": [1]}, "contexts"),
]
BAD_PASSAGES: list[tuple[object, str]] = [
    ({"lang": "en", "text": "x"}, "passage_id"),
    ({"passage_id": "x", "lang": "en"}, "text"),
    ({"passage_id": "ship", "lang": "en", "text": "x"}, "there before"),
    ({"passage_id": "x", "lang": "en", "text": ["x"]}, "text"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_QUESTIONS)
def test_a_bad_question_is_named_and_the_others_are_measured(
    files: Files, line: object, complaint: str
) -> None:
    report = files.evaluate([*QUERIES, line])
    (problem,) = report.problems
    assert "queries.jsonl:5" in problem
    assert complaint in problem
    assert (report.n, report.config["bad_lines"]) == (3, 1)
    with pytest.raises(InputError, match=r"queries\.jsonl:5"):
        read_questions(files.write("queries.jsonl", [*QUERIES, line]))


@pytest.mark.parametrize(("line", "complaint"), BAD_PASSAGES)
def test_a_bad_passage_is_named_and_the_others_are_searched(
    files: Files, line: object, complaint: str
) -> None:
    report = files.evaluate(passages=[*PASSAGES, line])
    (problem,) = report.problems
    assert "passages.jsonl:4" in problem
    assert complaint in problem
    assert (report.n, report.config["passages"]) == (3, 3)
    with pytest.raises(InputError, match=r"passages\.jsonl:4"):
        read_passages(files.write("passages.jsonl", [*PASSAGES, line]))


def test_files_without_one_good_line_say_what_is_wrong_with_the_first(files: Files) -> None:
    with pytest.raises(InputError, match=r"queries\.jsonl:1: not JSON"):
        files.evaluate(["{", "]"])
    with pytest.raises(InputError, match=r"passages\.jsonl:1: passage_id"):
        files.evaluate(passages=[{"text": "x"}])


def test_huge_lines_empty_lines_and_carriage_returns_are_read(files: Files) -> None:
    long = {"passage_id": "long", "text": "wool " * 50_000, "title": None}
    asked = {
        "id": 7,
        "question": "delivery " * 20_000,
        "history": None,
        "gold_passage_id": ["ship", 3],
    }
    report = files.evaluate(
        [json.dumps(asked) + "\r", "", "   "], [*PASSAGES, long, ""], mode="lexical", encoder=None
    )
    assert (report.n, report.metrics["recall@1"], report.problems) == (1, 1.0, ())


def test_only_the_rows_of_a_split_are_asked(files: Files) -> None:
    rows = [dict(row, split="dev" if row["id"] == "1" else "test") for row in QUERIES]
    assert files.evaluate(rows, selection=Selection(split="dev")).n == 1
    assert files.evaluate(rows, selection=Selection(split="test")).n == 2
    with pytest.raises(InputError, match="'train'") as caught:
        files.evaluate(rows, selection=Selection(split="train"))
    assert "dev, test" in caught.value.fix
    with pytest.raises(InputError, match="'dev'") as caught:
        files.evaluate(QUERIES, selection=Selection(split="dev"))
    assert "no field split" in caught.value.fix


@pytest.mark.parametrize(
    ("history", "searched"),
    [
        ("last", "and to Berlin?"),
        ("questions", "How long is delivery by courier?\nand to Berlin?"),
        ("turns", "How long is delivery by courier?\nThree days.\nand to Berlin?"),
    ],
)
def test_what_of_a_history_is_searched_can_be_chosen(
    files: Files, tmp_path: Path, history: str, searched: str
) -> None:
    report = files.evaluate(
        [*QUERIES, FOLLOW_UP],
        selection=Selection(follow_ups=True, history=history),
        details_file=tmp_path / "d",
    )
    assert json.loads((tmp_path / "d").read_text())["search_text"] == searched
    assert (report.n, report.config["history"]) == (1, history)


def test_of_a_very_long_history_the_end_is_searched(files: Files, tmp_path: Path) -> None:
    told = [{"speaker": "user", "text": "parcel " * 1000}]
    files.evaluate(
        [dict(FOLLOW_UP, history=told)],
        selection=Selection(history="turns"),
        details_file=tmp_path / "d",
    )
    searched = json.loads((tmp_path / "d").read_text())["search_text"]
    assert len(searched) == 2000
    assert searched.endswith("parcel \nand to Berlin?")


def test_a_way_to_use_a_history_that_there_is_not_is_refused(files: Files) -> None:
    with pytest.raises(InputError) as caught:
        files.evaluate(selection=Selection(history="magic"))
    assert "last, questions, turns, completed" in caught.value.fix


def test_questions_may_bring_their_passages_along(files: Files) -> None:
    rows = [
        {"id": "1", "question": "courier?", "contexts": ["Three days by courier.", "Two by air."]},
        {"id": "2", "question": "which cards?", "context": "We take cards: Visa and Mastercard."},
        {"id": "3", "question": "by air?", "contexts": ["Two by air."]},
        {"id": "4", "question": "who is the king?", "contexts": []},
    ]
    report = evaluate_retrieval(None, files.write("q.jsonl", rows), "hybrid", FakeEncoder())
    assert (report.n, report.config["passages"], report.config["without_gold"]) == (3, 3, 1)
    assert report.metrics["recall@1"] == 1.0
    with pytest.raises(InputError) as caught:
        evaluate_retrieval(None, files.write("q.jsonl", QUERIES), "lexical", None)
    assert "--passages" in caught.value.fix


def test_details_that_cannot_be_written_are_told_before_anything_is_asked(
    files: Files, tmp_path: Path
) -> None:
    encoder = FakeEncoder()
    with pytest.raises(InputError, match="cannot be written"):
        files.evaluate(encoder=encoder, details_file=tmp_path / "nowhere" / "d")
    assert not encoder.encoded


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
        report = evaluate_retrieval(
            shop, queries, "hybrid", FakeEncoder(), selection=Selection(day=day)
        )
        return report.metrics["recall@1"]

    assert (measure(date(2026, 1, 1)), measure(date(2026, 2, 1))) == (0.0, 1.0)
    (shop / "faqs.csv").write_text("id,question,answer\n1,Delivery?,\n")
    with pytest.raises(InputError, match="no passages"):
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

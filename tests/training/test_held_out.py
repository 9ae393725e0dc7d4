"""The questions that measure search leave out every article that was trained on."""

from __future__ import annotations

import json
from pathlib import Path

from training.data.reading import XQUAD_TRAINED
from training.held_out import write_held_out


def test_questions_of_trained_articles_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "xquad_en_zh"
    folder.mkdir()
    passages = [("p1", XQUAD_TRAINED[0]), ("p2", "An_article_of_its_own")]
    (folder / "dev_passages.jsonl").write_text(
        "".join(json.dumps({"passage_id": key, "title": title}) + "\n" for key, title in passages)
    )
    rows = [
        {"id": f"q-{key}", "passage_id": key, "question_en": "What?", "question_zh": "什么？"}
        for key, _ in passages
    ]
    (folder / "dev_questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert write_held_out(tmp_path, tmp_path / "out") == 1
    for asked, question in (("en", "What?"), ("zh", "什么？")):
        text = (tmp_path / "out" / f"xquad.queries.{asked}.jsonl").read_text("utf-8")
        assert [json.loads(line)["question"] for line in text.splitlines()] == [question]
        assert json.loads(text)["gold_passage_id"] == "p2"

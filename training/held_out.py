"""`python -m training.held_out DATA OUT`: XQuAD's questions that no adapter was trained on, as files.

Writes `xquad.queries.en.jsonl` and `.zh.jsonl` in the fields of `shopkeeper eval retrieval`: the
questions to articles outside `training.data.reading.XQUAD_TRAINED`. The passages are those of the
evaluation folder, all of them. Not covered: measuring.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.data.answers import read_jsonl
from training.data.reading import XQUAD_TRAINED


def write_held_out(data: Path, out: Path) -> int:
    """Write both files into `out`; the number of questions in each.

    Args:
        data: folder of the public corpora.
    """
    folder = data / "xquad_en_zh"
    titles = {row["passage_id"]: row["title"] for row in read_jsonl(folder / "dev_passages.jsonl")}
    rows = [
        row
        for row in read_jsonl(folder / "dev_questions.jsonl")
        if titles[row["passage_id"]] not in XQUAD_TRAINED
    ]
    out.mkdir(parents=True, exist_ok=True)
    for asked, lang in (("en", "en"), ("zh", "zh-Hans")):
        with (out / f"xquad.queries.{asked}.jsonl").open("w", encoding="utf-8") as stream:
            for row in rows:
                question = {
                    "id": row["id"],
                    "lang": lang,
                    "question": row[f"question_{asked}"],
                    "gold_passage_id": row["passage_id"],
                }
                stream.write(json.dumps(question, ensure_ascii=False) + "\n")
    return len(rows)


def main() -> None:
    """Write and say how many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    print(f"{write_held_out(arguments.data, arguments.out)} questions in each language")


if __name__ == "__main__":
    main()

"""Pages of made-up shops with questions they answer and questions that only share their topic.

Covered: `training/data/written/beside.*.jsonl`, written by hand; the README there has the fields.
Split by shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from training.data.answers import WRITTEN, read_jsonl


@dataclass(frozen=True, slots=True)
class BesideQuestion:
    """A question of a page, title first; `says` is the shortest answer in it, "" if there is none."""

    question: str
    lang: str
    page: str
    says: str


def beside_questions(split: Literal["train", "dev"]) -> Iterator[BesideQuestion]:
    """All questions of a split, page by page."""
    for lang in ("en", "zh"):
        for row in read_jsonl(WRITTEN / f"beside.{lang}.jsonl"):
            if row["split"] != split:
                continue
            page = f"{row['title']}\n{row['text']}"
            asked_in = row.get("asked_in", row["lang"])
            for asked in row["answered"]:
                yield BesideQuestion(asked["q"], asked_in, page, asked["says"])
            for question in row["beside"]:
                yield BesideQuestion(question, asked_in, page, "")

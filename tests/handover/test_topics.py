"""Topics that the shop keeps for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InputError
from bot.handover.topics import ReservedTopics

TOPICS = ReservedTopics.load()
GOLDEN = Path(__file__).resolve().parents[2] / "faq_data" / "golden"


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("You will hear from MY LAWYER tomorrow", "legal_threat"),
        ("I’m going to sue you", "legal_threat"),
        ("再不处理我就打１２３１５了", "legal_threat"),
        ("我會向消費者協會投訴", "legal_threat"),
        ("the lamp caught fire last night", "safety"),
        ("插座冒煙了！", "safety"),
        ("she went into anaphylactic shock", "safety"),
        ("you charged me twice", "payment_dispute"),
        ("银行卡被盗刷了", "payment_dispute"),
        ("Is the lawyer-style bag leather?", ""),
        ("Do you sell court shoes?", ""),
        ("I was pleasantly surprised", ""),
        ("这款面霜会过敏吗", ""),
        ("", ""),
        ("😡😡😡", ""),
    ],
)
def test_what_is_kept_for_people(text: str, topic: str) -> None:
    assert TOPICS.find(text) == topic


def test_plain_questions_of_the_golden_set_are_left_to_the_bot() -> None:
    """The story: a list that catches questions would hand over customers who want an answer."""
    lines = [
        json.loads(line)
        for file in sorted(GOLDEN.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    caught = [row["question"] for row in lines if TOPICS.find(row["question"])]
    assert len(lines) > 500
    assert len(caught) / len(lines) < 0.01, caught


@given(st.text(st.characters(), max_size=300))
@settings(deadline=None)
def test_any_text_can_be_looked_at(text: str) -> None:
    TOPICS.find(text)


def test_the_shop_adds_and_takes_out(tmp_path: Path) -> None:
    own = tmp_path / "topics.csv"
    own.write_text(
        "topic,phrase\nrecalls,recall notice\n-safety,swallowed\n-payment_dispute,*\n", "utf-8"
    )
    topics = ReservedTopics.load(own)
    assert topics.find("I got a Recall  Notice") == "recalls"
    assert topics.find("he swallowed a button") == ""
    assert topics.find("it caught fire") == "safety"
    assert topics.find("charged twice") == ""


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("topic,phrase\nrecalls,\n", ":2"),
        ("topic,phrase\nMy Topic,words\n", "My Topic"),
        ("name,text\na,b\n", "column phrase and topic"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, content: str, wrong: str) -> None:
    own = tmp_path / "topics.csv"
    own.write_text(content, "utf-8")
    with pytest.raises(InputError, match=wrong):
        ReservedTopics.load(own)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        ReservedTopics.load(tmp_path / "nowhere.csv")

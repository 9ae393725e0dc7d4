"""The heads that come with the program, on the real encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import followup, intents, mood
from bot.config import load_settings
from bot.models.runtime import load_encoder, load_mood_encoder
from bot.mood import EncoderMood
from bot.query import Understander
from bot.remember import RememberingEncoder
from bot.types import HistoryEntry, Intent, Message

FOLDERS = (mood.SHIPPED, intents.SHIPPED, followup.SHIPPED)
pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def encoder() -> RememberingEncoder:
    return RememberingEncoder(load_encoder(load_settings()))


@pytest.fixture(scope="module")
def feeling() -> RememberingEncoder:
    return RememberingEncoder(load_mood_encoder(load_settings()))


@pytest.fixture(scope="module")
def reader(encoder: RememberingEncoder, feeling: RememberingEncoder) -> EncoderMood:
    return EncoderMood.shipped(feeling, encoder)


@pytest.fixture(scope="module")
def understand(feeling: RememberingEncoder) -> Understander:
    return Understander.shipped(feeling)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_head_is_small_and_says_how_it_came_about(folder: Path) -> None:
    assert (folder / "heads.safetensors").stat().st_size < 3_000_000
    record = json.loads((folder / "heads.json").read_text(encoding="utf-8"))["training"]
    assert record["command"].startswith("shopkeeper train")
    assert record["scores"]
    assert all(len(file["sha256"]) == 64 for file in record["data"])


@pytest.mark.parametrize(
    "text",
    [
        "This is the third time I'm asking. Where is my parcel?! Absolutely useless.",
        "Your service is a disgrace, I want my money back right now",
        "都第三次问了还不回，你们到底管不管啊？太差劲了",
        "垃圾店，再也不买了，退钱！",
    ],
)
def test_angry_customers_are_unhappy(reader: EncoderMood, text: str) -> None:
    read = reader.read(Message("c", text, "test"), ())
    assert read.label == "negative"
    assert read.unhappy


@pytest.mark.parametrize(
    "text",
    [
        "How long does delivery to Berlin take?",
        "What is the warranty on the electric kettle?",
        "满多少包邮？",
        "这款羽绒服可以机洗吗",
        "Thank you so much, that was quick!",
        "谢谢，太贴心了",
    ],
)
def test_calm_customers_are_not(reader: EncoderMood, text: str) -> None:
    assert not reader.read(Message("c", text, "test"), ()).unhappy


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("I want to speak to a human", Intent.WANTS_HUMAN),
        ("转人工", Intent.WANTS_HUMAN),
        ("thank you, bye!", Intent.THANKS_BYE),
        ("谢谢你，再见", Intent.THANKS_BYE),
        ("hello there", Intent.SMALLTALK),
        ("What's the weather like in Paris tomorrow?", Intent.OUT_OF_SCOPE),
        ("明天上海天气怎么样", Intent.OUT_OF_SCOPE),
        ("Where is my order 2026-1003?", Intent.ORDER_MATTER),
    ],
)
def test_intents(understand: Understander, text: str, intent: Intent) -> None:
    assert understand(Message("c", text, "test"), ()).intent is intent


@pytest.mark.parametrize(
    ("before", "text", "leans"),
    [
        ("How much is standard delivery to Germany?", "and express?", True),
        ("满多少包邮？我在杭州。", "那寄到新疆呢？", True),
        ("行李箱保修几年？", "How do I cancel my newsletter subscription?", False),
        ("How much is standard delivery to Germany?", "Do you sell espresso machines?", False),
    ],
)
def test_follow_ups(understand: Understander, before: str, text: str, leans: bool) -> None:
    history = (HistoryEntry("customer", before), HistoryEntry("bot", "…"))
    query = understand(Message("c", text, "test"), history)
    assert query.is_follow_up is leans
    assert query.search_text == (f"{before}\n{text}" if leans else text)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.errors import InputError, ModelError
from bot.heads import Heads, Output
from bot.intents import IntentPrototypes, IntentReader
from bot.types import Intent
from tests.mood.parts import WordEncoder, rows

LABELS = ("question", "wants_human", "out_of_scope")


def intent_heads() -> Heads:
    weight, bias = rows(
        question=[0, 0, 8, 0, 0, 9], wants_human=[0, 0, 0, 8, 0, 0], out_of_scope=[0, 0, 0, 0, 8, 0]
    )
    output = Output("intent", "softmax", LABELS, weight, bias)
    return Heads("t", "words", WordEncoder.dimension, (), {"intent": output})


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def reader(encoder: WordEncoder) -> IntentReader:
    return IntentReader(encoder, intent_heads())


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a human",
        "can i speak with a real person please",
        "connect me to an agent",
        "AGENT!",
        "human please",
        "put me through to your manager",
        "转人工",
        "我要轉人工！",
        "人工客服",
        "帮我接个人工",
        "找个活人跟我说话",
    ],
)
def test_who_asks_for_a_person_in_so_many_words_gets_one(reader: IntentReader, text: str) -> None:
    guess = reader.read(text)
    assert guess.intent is Intent.WANTS_HUMAN
    assert guess.confidence > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to talk to a human, just tell me the price",
        "when can I speak to someone",
        "no need to connect me to an agent",
        "不用转人工，你说就行",
        "人工客服几点上班",
        "你们用人工智能吗",
        "is this made of human hair",
        "the agent was nice",
    ],
)
def test_who_only_mentions_people_is_read_by_the_head(reader: IntentReader, text: str) -> None:
    assert reader.read(text).confidence != pytest.approx(0.99, abs=1e-4)  # the rule's own


def test_the_head_decides_the_rest(reader: IntentReader) -> None:
    assert reader.read("weather weather").intent is Intent.OUT_OF_SCOPE
    assert reader.read("a question").intent is Intent.QUESTION


def test_what_a_follow_up_leans_on_is_weighed_in(reader: IntentReader) -> None:
    alone = reader.read("weather")
    together = reader.read("weather", "question question question\nweather")
    assert together.confidence < alone.confidence


def test_a_head_of_another_encoder_is_refused(encoder: WordEncoder) -> None:
    encoder.name = "other"  # type: ignore[misc]
    with pytest.raises(ModelError):
        IntentReader(encoder, intent_heads())


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "phrases.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_of_phrases_moves_messages_to_one_of_the_nine(
    tmp_path: Path, encoder: WordEncoder
) -> None:
    path = csv(tmp_path, "intent,phrase\nwants_human,weather weather weather\n")
    reader = IntentReader(encoder, intent_heads(), IntentPrototypes.from_csv(path, encoder))
    guess = reader.read("weather weather")
    assert (guess.intent, guess.name) == (Intent.WANTS_HUMAN, "wants_human")


def test_a_csv_may_name_an_intent_of_the_shops_own(tmp_path: Path, encoder: WordEncoder) -> None:
    path = csv(tmp_path, "\ufeffintent,phrase\nwholesale,happy happy\nweather_club,weather\n")
    prototypes = IntentPrototypes.from_csv(path, encoder)
    found = prototypes.match(encoder.encode(["so happy"], "query")[0])
    assert found is not None
    assert found.name == "wholesale"
    reader = IntentReader(encoder, intent_heads(), prototypes)
    guess = reader.read("weather")
    assert (guess.intent, guess.name) == (Intent.QUESTION, "weather_club")


@pytest.mark.parametrize(
    ("then", "intent", "for_people"),
    [
        ("", Intent.QUESTION, False),
        ("hand_over", Intent.QUESTION, True),
        ("complaint", Intent.COMPLAINT, False),
    ],
)
def test_the_shop_says_what_its_own_intent_is_treated_as(
    tmp_path: Path, encoder: WordEncoder, then: str, intent: Intent, for_people: bool
) -> None:
    path = csv(tmp_path, f"intent,phrase,then\nweather_club,weather,{then}\n")
    reader = IntentReader(encoder, intent_heads(), IntentPrototypes.from_csv(path, encoder))
    guess = reader.read("weather")
    assert (guess.intent, guess.name, guess.for_people) == (intent, "weather_club", for_people)


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("a,happy,dance\n", "'dance'"),
        ("a,happy,hand_over\na,glad,complaint\n", "hand_over"),
    ],
)
def test_an_outcome_that_makes_no_sense_is_named(
    tmp_path: Path, encoder: WordEncoder, rows: str, wrong: str
) -> None:
    path = csv(tmp_path, f"intent,phrase,then\n{rows}")
    with pytest.raises(InputError, match=wrong):
        IntentPrototypes.from_csv(path, encoder)


def test_a_message_far_from_every_phrase_matches_none(tmp_path: Path, encoder: WordEncoder) -> None:
    prototypes = IntentPrototypes.from_csv(csv(tmp_path, "intent,phrase\na,happy\n"), encoder)
    assert prototypes.match(encoder.encode(["angry"], "query")[0]) is None
    assert prototypes.match(np.zeros(WordEncoder.dimension, np.float32)) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("intent,phrase\na,b\n,c\n", ":3: intent is empty"),
        ("intent,phrase\na,\n", ":2: phrase is empty"),
        ("intent,phrase\na\n", ":2: phrase is empty"),
        ("name,phrase\na,b\n", "column intent is missing"),
        ("intent,phrase\n", "no rows"),
        ("", "column intent and phrase is missing"),
    ],
)
def test_a_bad_csv_is_named_by_line(
    tmp_path: Path, encoder: WordEncoder, text: str, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        IntentPrototypes.from_csv(csv(tmp_path, text), encoder)


def test_a_missing_or_binary_csv_is_one_clear_error(tmp_path: Path, encoder: WordEncoder) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        IntentPrototypes.from_csv(tmp_path / "none.csv", encoder)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match=r"b\.csv"):
        IntentPrototypes.from_csv(tmp_path / "b.csv", encoder)

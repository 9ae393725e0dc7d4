"""The adapter for search, on a tiny random encoder: it finds, and pushes no right answer away."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from tests.training.tiny import save_tiny_encoder
from training.data.altered import with_other_names
from training.data.reading import ReadGroup, ReadPassage
from training.encoder_lora import AdaptedEncoder, EncoderLoraArgs, EncoderTrainer
from training.retrieval_adapter import (
    SearchBatches,
    SearchExample,
    no_heads,
    recall_at_1,
    search_loss,
)

TOPICS = ("returns", "shipping", "colours", "opening hours")
WORDINGS = {
    "returns": ("Can I send it back?", "I do not want it any more", "How do I return a parcel?"),
    "shipping": ("When does it arrive?", "How long is delivery?", "多久能到货？"),
    "colours": ("Is there a red one?", "Which colours are there?", "有什么颜色？"),
    "opening hours": ("When do you open?", "Are you there on Sunday?", "几点开门？"),
}


def groups() -> list[ReadGroup]:
    found = []
    for topic in TOPICS:
        target, *asked = WORDINGS[topic]
        wrong = [ReadPassage(WORDINGS[other][0], False) for other in TOPICS if other != topic]
        for question in asked:
            shown = (ReadPassage(target, True), *wrong)
            found.append(ReadGroup(question, "en", "stackfaq", shown, topic))
    return found


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> EncoderLoraArgs:
    base = save_tiny_encoder(tmp_path_factory.mktemp("tiny-encoder"))
    return EncoderLoraArgs(
        str(base), tmp_path_factory.mktemp("retrieval"), rank=4, alpha=8, first_layer=0,
        learning_rate=5e-3, epochs=200, batch_tokens=2000, minutes=5.0,
    )  # fmt: skip


def test_the_adapter_learns_to_put_answers_next_to_questions(arguments: EncoderLoraArgs) -> None:
    model = AdaptedEncoder(arguments, no_heads)
    batches = SearchBatches(groups(), model.tokenizer, arguments.batch_tokens, 3)
    EncoderTrainer(arguments, model, batches, search_loss).train(lambda state, total: None)
    adapted = recall_at_1(model, groups())["stackfaq"]
    with model.encoder.disable_adapter():
        frozen = recall_at_1(model, groups())["stackfaq"]
    assert adapted >= 0.75
    assert adapted > frozen


def test_a_passage_that_answers_too_is_not_pushed_away(arguments: EncoderLoraArgs) -> None:
    model = AdaptedEncoder(arguments, no_heads).eval()
    ids = [tuple(model.tokenizer.encode(text).ids) for text in ("query: one", "passage: one two")]

    def batch(answers: frozenset[str]) -> list[SearchExample]:
        first = SearchExample(ids[0], (ids[1],), ("one two",), answers)
        second = SearchExample(ids[0], (ids[1],), ("the same in other words",), answers)
        return [first, second]

    with torch.no_grad():
        pushed, _ = search_loss(model, batch(frozenset()))
        kept, _ = search_loss(model, batch(frozenset({"one two", "the same in other words"})))
    assert float(pushed) == pytest.approx(0.693, abs=1e-3)
    assert float(kept) == pytest.approx(0.0, abs=1e-3)


def test_a_batch_holds_one_corpus_and_every_wording_of_a_topic_answers_it(
    arguments: EncoderLoraArgs,
) -> None:
    model = AdaptedEncoder(arguments, no_heads)
    spans = [
        ReadGroup(f"What is {n}?", "en", f"xquad-{pair}", (ReadPassage(f"{n} is a number.", True),))
        for n in range(8)
        for pair in ("en-en", "zh-en")
    ]
    made = SearchBatches([*groups(), *spans], model.tokenizer, 400, 3)(0)
    assert made
    for batch in made:
        numbers = {text.endswith("is a number.") for example in batch for text in example.texts}
        assert len(numbers) == 1
    for example in (example for batch in made for example in batch):
        assert example.texts[0] in example.answers
        assert not set(example.texts[1:]) & example.answers


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("Does the K17 have a timer?", "The kettle K17 has a timer and a filter."),
        ("Who founded Porcelain Lane in 1998?", "Porcelain Lane was founded in 1998 by Ms Li."),
        ("K17能定时吗？", "水壶K17带定时和滤网。"),
    ],
)
def test_an_exchanged_name_is_one_that_the_passage_does_not_know(
    question: str, passage: str
) -> None:
    other = "When was Harbour Tea opened?"
    drawn = {with_other_names(question, other, passage, random.Random(s)) for s in range(20)}
    drawn.discard(None)
    assert drawn
    for altered in drawn:
        assert altered is not None
        assert altered != question
        new = set(altered.replace("？", " ").replace("能", " ").split())
        assert any(word not in passage for word in new - set(question.split()))


def test_without_a_name_nothing_is_exchanged() -> None:
    rng = random.Random(1)
    assert with_other_names("is it warm?", "is Bath old?", "It is warm.", rng) is None
    assert with_other_names("", "", "", rng) is None


def test_the_adapter_has_no_heads_to_write(arguments: EncoderLoraArgs) -> None:
    from training.encoder_lora import save_adapter

    model = AdaptedEncoder(arguments, no_heads)
    folder: Path = arguments.output / "saved"
    save_adapter(model, folder)
    assert (folder / "adapter_model.safetensors").exists()
    assert not (folder / "heads.safetensors").exists()

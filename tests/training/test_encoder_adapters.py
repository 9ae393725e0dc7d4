"""Adapters of the encoder, on a tiny random one: they learn, resume, and serve what they learnt."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch

from bot.errors import ModelError
from bot.heads import Heads
from bot.models.adapters import encoder_adapter
from bot.models.bert_openvino import build_bert, reader_head, with_deltas
from bot.models.e5_file import BertShape
from bot.mood import EncoderMood
from retrieval.encoder import OpenVinoEncoder, TokenModel
from retrieval.reader import CrossReader
from tests.mood.parts import WordEncoder
from tests.training.tiny import save_tiny_encoder
from training.data.mood import load_mood
from training.data.reading import ReadGroup, ReadPassage
from training.encoder_lora import AdaptedEncoder, EncoderLoraArgs, EncoderTrainer, save_adapter
from training.encoder_record import write_record
from training.mood_adapter import MoodArgs, finish_heads, mood_run, recorded_run, train_adapter
from training.reader import (
    ReaderBatches,
    ReaderHeads,
    encode_group,
    excerpt,
    reader_loss,
    reader_outputs,
)
from training.reader_run import dev_scores

SHAPE = BertShape(32, 2, 4, 64, 0, 192, 1, 1e-12)
FACTS = (
    ("How long can I return it?", "Returns are free within 30 days. Keep the receipt.", "30 days"),
    ("多少钱包邮？", "满99元包邮。不满99元收取运费。", "满99元"),
    ("What is it made of?", "The bag is made of cotton. It weighs one kilogram.", "cotton"),
)
OTHERS = ("Our shop opens at nine. It closes at six.", "店铺九点开门。六点关门。")


def groups() -> list[ReadGroup]:
    found = []
    for question, text, answer in FACTS:
        start = text.index(answer)
        right = ReadPassage(text, True, (start, start + len(answer)), ((0, start + len(answer)),))
        wrong = tuple(ReadPassage(other, False) for other in OTHERS)
        found.append(ReadGroup(question, "en", "squad2_half", (right, *wrong)))
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("tiny-encoder"))


def arguments(base: Path, out: Path, epochs: float) -> EncoderLoraArgs:
    return EncoderLoraArgs(
        str(base), out, rank=4, alpha=8, first_layer=0, learning_rate=5e-3, epochs=epochs,
        head_learning_rate=2e-2, batch_tokens=600, minutes=5.0,
    )  # fmt: skip


def trainer(args: EncoderLoraArgs) -> EncoderTrainer[list[tuple]]:  # type: ignore[type-arg]
    model = AdaptedEncoder(args, ReaderHeads)
    batches = ReaderBatches(groups(), model.tokenizer, args.batch_tokens, args.seed)
    return EncoderTrainer(args, model, batches, reader_loss)


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> AdaptedEncoder:
    args = arguments(base, tmp_path_factory.mktemp("reader"), 60)
    run = trainer(args)
    run.train(lambda state, total: None)
    save_adapter(run.model, args.output)
    write_record("reader", args, Path("/nowhere"), groups(), run.state, {}, files=())
    run.model.folder = args.output  # type: ignore[assignment]
    return run.model


def test_a_reader_learns_which_passage_answers(trained: AdaptedEncoder) -> None:
    scores = dev_scores(trained, groups())["squad2_half"]
    assert scores["auroc"] == 1.0
    assert scores["right_first"] == 1.0
    assert scores["span_token_f1"] > 0.6


def test_a_killed_run_ends_as_one_that_was_not(base: Path, tmp_path: Path) -> None:
    whole = trainer(arguments(base, tmp_path / "whole", 8))
    whole.train(lambda state, total: None)
    args = replace(arguments(base, tmp_path / "cut", 8), checkpoint_minutes=0.0)
    cut = trainer(args)

    class Killed(Exception):
        pass

    def stop(model: AdaptedEncoder, batch: object) -> tuple[torch.Tensor, int]:
        if cut.state.step == 5:
            raise Killed
        return reader_loss(model, batch)  # type: ignore[arg-type]

    cut._loss = stop  # type: ignore[assignment]
    with pytest.raises(Killed):
        cut.train(lambda state, total: None)
    again = trainer(args)
    again.train(lambda state, total: None)
    assert again.state.step == whole.state.step
    # The schedule looks at the clock too, so the last digits may differ.
    assert again.state.losses == pytest.approx(whole.state.losses, rel=0.05)
    assert not (args.output / "checkpoint.pt").exists()


def test_the_record_names_no_folder_of_this_machine(trained: AdaptedEncoder) -> None:
    folder: Path = trained.folder  # type: ignore[assignment]
    text = (folder / "run.json").read_text("utf-8")
    assert str(folder) not in text
    assert json.loads(text)["groups"] == {"squad2_half": 3}


def test_the_served_reader_says_what_the_trained_one_says(
    base: Path, trained: AdaptedEncoder
) -> None:
    from safetensors.numpy import load_file

    adapter = encoder_adapter(str(trained.folder))
    tensors = {k: v.astype(np.float32) for k, v in load_file(base / "model.safetensors").items()}
    model = build_bert(with_deltas(tensors, adapter.deltas()), SHAPE, reader_head(adapter.heads()))
    compiled = ov.Core().compile_model(model, "CPU")
    served = CrossReader(TokenModel(trained.tokenizer, compiled, "tiny"))
    for group in groups():
        with torch.no_grad():
            logits, _, _ = reader_outputs(
                trained, encode_group(group, trained.tokenizer, group.passages)
            )
        said = served.read(group.question, [p.text for p in group.passages])
        assert [r.logit for r in said] == pytest.approx(logits.tolist(), abs=0.5)
        assert np.argmax([r.logit for r in said]) == 0
        start, end = said[0].span
        assert 0 <= start < end <= len(group.passages[0].text)
        assert said[0].sentences[0].start == 0


def test_an_excerpt_keeps_its_evidence() -> None:
    text = " ".join(f"Sentence number {n} says nothing." for n in range(30))
    start = text.index("number 17")
    passage = ReadPassage(text, True, (start, start + 9), ((start - 9, start + 23),))
    for seed in range(50):
        cut = excerpt(passage, "What is it?", random.Random(seed))
        assert cut.span is not None
        assert cut.text[slice(*cut.span)] == "number 17"
        assert "number 17" in cut.text[slice(*cut.evidence[0])]
        assert len(cut.text) < len(text)


def test_a_passage_whose_answer_is_not_known_stays_whole() -> None:
    passage = ReadPassage("One. Two. Three. " * 20, True)
    assert excerpt(passage, "What is it?", random.Random(1)) == passage


def test_a_mood_adapter_is_trained_calibrated_and_served(
    base: Path, corpora: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    out = tmp_path / "mood"
    quick = {"rank": 4, "alpha": 8, "first_layer": 0, "learning_rate": 5e-3, "epochs": 16}
    cache = tmp_path / "vectors"
    args = MoodArgs(corpora, mood_run(str(base), out, **quick), corpora / "written", cache=cache)
    run = train_adapter(args, lambda state, total: None)
    adapter = encoder_adapter(str(out))
    tensors = {k: v.astype(np.float32) for k, v in load_file(base / "model.safetensors").items()}
    compiled = ov.Core().compile_model(build_bert(with_deltas(tensors, adapter.deltas()), SHAPE))
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    served = OpenVinoEncoder(TokenModel(tokenizer, compiled, "tiny"))
    scores = finish_heads(args, served, WordEncoder(), run)
    heads = Heads.load(out)
    assert heads.encoder == "tiny"
    assert heads.outputs["frustration"].thresholds["unhappy"] > 0, "nothing rounds it to flag all"
    assert set(heads.outputs) == {"sentiment", "frustration"}
    assert scores["written"]["accuracy"] > 0.8
    dev = [e for e in load_mood(corpora, "dev", corpora / "written").examples if e.sentiment]
    moods = EncoderMood(served, heads).read_texts([e.text for e in dev])
    right = [mood.label == e.sentiment for mood, e in zip(moods, dev, strict=True)]
    assert sum(right) > 0.8 * len(dev), "what was written is what was measured"
    assert scores["goemotions"]["frustration_auroc"] > 0.9
    again = recorded_run(out)
    assert again["steps"] == run["steps"] > 0
    refitted = finish_heads(args, served, WordEncoder(), again)
    for source, measures in scores.items():
        assert refitted[source] == pytest.approx(measures, nan_ok=True), "the adapter stayed"


def test_heads_alone_need_an_adapter_that_was_trained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"heads\.json"):
        recorded_run(tmp_path)

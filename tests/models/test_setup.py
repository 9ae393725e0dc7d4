"""The real models: converted as they should be, damaged files told, adapters merged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.answering.prompt import Source, answer_prompt
from bot.config import load_settings
from bot.errors import GeneratorError, ModelError
from bot.models.adapters import LoraAdapter, answer_adapter, search_adapter
from bot.models.bert_openvino import int8_rows, with_deltas
from bot.models.e5_file import dequantize_q4_0, read_e5_file
from bot.models.openvino_generator import OpenVinoGenerator
from bot.models.registry import shipped_registry
from bot.models.runtime import load_generator, merged_adapter, serving_folder
from bot.models.setup import is_ready
from bot.types import Prompt
from retrieval.encoder import OpenVinoEncoder

SOURCES = [
    Source("Returns", "Unopened items can be returned within 30 days of delivery."),
    Source("运费", "满99元包邮，不满99元收取运费8元。"),
]


@pytest.fixture(scope="module")
def served() -> Path:
    settings = load_settings()
    return serving_folder(settings.encoder, settings)


@pytest.fixture(scope="module")
def encoder(served: Path) -> OpenVinoEncoder:
    return OpenVinoEncoder.load(served)


def load() -> OpenVinoGenerator:
    loaded = load_generator(load_settings())
    assert isinstance(loaded, OpenVinoGenerator)
    return loaded


@pytest.fixture(scope="module")
def generator() -> Iterator[OpenVinoGenerator]:
    loaded = load()
    yield loaded
    loaded.close()


def test_q4_blocks_expand_low_nibbles_first() -> None:
    block = np.float16(0.5).tobytes() + bytes([0x10 + 9] + [0x88] * 15)
    values = dequantize_q4_0(block)
    assert values.shape == (32,)
    assert values[0] == pytest.approx(0.5 * (9 - 8))
    assert values[16] == pytest.approx(0.5 * (1 - 8))
    assert not values[1:16].any()


def test_int8_rows_lose_at_most_half_a_step() -> None:
    weight = np.random.default_rng(1).normal(size=(8, 64)).astype(np.float32)
    q, scale = int8_rows(weight)
    assert np.abs(q * scale.astype(np.float32) - weight).max() <= 0.51 * scale.max()


def test_an_adapter_adds_its_deltas_to_a_copy() -> None:
    base = {"encoder.layer.0.output.dense.weight": np.zeros((4, 6), np.float32)}
    delta = {"encoder.layer.0.output.dense": np.full((4, 6), 4.0, np.float32)}
    merged = with_deltas(base, delta)
    assert (merged["encoder.layer.0.output.dense.weight"] == 4.0).all()
    assert not base["encoder.layer.0.output.dense.weight"].any(), "the base stays as it was"


@pytest.mark.models
def test_vectors_are_units_and_join_the_languages(encoder: OpenVinoEncoder) -> None:
    asked = encoder.encode(["How long can I return it?", "可以退货吗？多少天内？"], "query")
    texts = [SOURCES[0].text, "The kettle holds 1.7 litres and switches itself off."]
    held = encoder.encode(texts, "passage")
    assert asked.shape == (2, encoder.dimension) == (2, 384)
    assert np.allclose(np.linalg.norm(asked, axis=1), 1.0, atol=1e-4)
    assert (asked @ held.T).argmax(axis=1).tolist() == [0, 0]


@pytest.mark.models
def test_a_vector_does_not_depend_on_its_batch(encoder: OpenVinoEncoder) -> None:
    texts = ["short", "a much longer text " * 30, "运费", "😀", ""]
    together = encoder.encode(texts, "passage")
    alone = np.concatenate([encoder.encode([text], "passage") for text in texts])
    assert np.abs((together * alone).sum(axis=1) - 1).max() < 2e-3
    assert encoder.encode([], "query").shape == (0, 384)
    assert encoder.encode(["字" * 50_000], "query").shape == (1, 384)


@pytest.mark.models
def test_the_generator_streams_whole_characters_and_stops(generator: OpenVinoGenerator) -> None:
    prompt = answer_prompt("运费多少？", "zh-Hans", SOURCES)
    pieces = list(generator.stream(prompt, max_tokens=60))
    assert len(pieces) > 3
    text = "".join(pieces)
    assert "\ufffd" not in text
    assert "<|im_end|>" not in text
    assert "99" in text or "8" in text


@pytest.mark.models
def test_requests_at_the_same_time_do_not_mix(generator: OpenVinoGenerator) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def say(number: int) -> str:
        prompt = Prompt("Repeat the number exactly, nothing else.", f"{number}")
        return "".join(generator.stream(prompt, max_tokens=12))

    numbers = [111, 222, 333, 444]
    alone = [say(number) for number in numbers]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(say, numbers))
    assert [str(n) in t for n, t in zip(numbers, together, strict=True)] == [
        str(n) in t for n, t in zip(numbers, alone, strict=True)
    ]


@pytest.mark.models
def test_a_customer_who_leaves_frees_the_generator(generator: OpenVinoGenerator) -> None:
    stream = generator.stream(Prompt("", "Count from one to a thousand."), max_tokens=400)
    next(stream)
    stream.close()
    assert "".join(generator.stream(Prompt("", "Say yes."), max_tokens=4))
    assert not generator._streams


@pytest.mark.models
def test_a_closed_generator_says_so() -> None:
    generator = load()
    generator.close()
    with pytest.raises(GeneratorError, match="closed"):
        next(generator.stream(Prompt("", "hello"), max_tokens=4))


@pytest.mark.models
def test_a_damaged_model_is_named_with_its_cure(served: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(served, broken)
    (broken / "openvino_model.xml").write_text("<net>cut off")
    with pytest.raises(ModelError, match=str(broken)) as caught:
        OpenVinoEncoder.load(broken)
    assert "models setup" in caught.value.fix
    with pytest.raises(ModelError, match="no converted model"):
        OpenVinoEncoder.load(tmp_path / "absent")


@pytest.mark.models
def test_an_interrupted_conversion_is_not_taken_for_a_whole_one(
    served: Path, tmp_path: Path
) -> None:
    spec = shipped_registry().find("multilingual-e5-small")
    adapter = search_adapter("default")
    assert adapter is not None
    assert is_ready(spec, served, adapter.key)
    copy = tmp_path / "copy"
    shutil.copytree(served, copy)
    (copy / "manifest.json").unlink()
    assert not is_ready(spec, copy, adapter.key)


def test_a_file_that_is_no_encoder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "e5-small-q4.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="not an E5S1 file"):
        read_e5_file(path)
    path.write_bytes(b"E5S1" + bytes(30))
    with pytest.raises(ModelError, match="damaged"):
        read_e5_file(path)


def test_an_adapter_of_another_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    (tmp_path / "run.json").write_text(json.dumps({"template": "answer-0"}))
    with pytest.raises(ModelError, match="'answer-0'"):
        answer_adapter(str(tmp_path))
    assert answer_adapter("none") is None
    with pytest.raises(ModelError, match="no adapter 'absent'"):
        answer_adapter("absent")


def test_a_corrupt_adapter_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"not a tensor file")
    (tmp_path / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8}')
    with pytest.raises(ModelError, match="damaged") as caught:
        LoraAdapter("a", tmp_path, "k").deltas()
    assert "none" in caught.value.fix


def test_the_search_adapter_is_the_shipped_one_unless_told_otherwise() -> None:
    shipped = search_adapter("default")
    assert shipped is not None
    assert shipped.name == "retrieval"
    assert search_adapter("none") is None
    with pytest.raises(ModelError, match="absent"):
        search_adapter("absent")


def test_the_settings_say_which_adapter_a_model_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    searching, answering = (
        merged_adapter(name, settings) for name in (settings.encoder, settings.generator)
    )
    assert searching is not None
    assert answering is not None
    assert (searching.name, answering.name) == ("retrieval", "answer-3")
    monkeypatch.setenv("SHOPKEEPER_SEARCH_ADAPTER", "none")
    assert merged_adapter(settings.encoder, load_settings()) is None

"""GPT-like and T5-like models train, resume, convert and serve by the same commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.answering.prompt import Source, answer_prompt, render
from bot.errors import ConfigError, ModelError
from bot.models.ctranslate_generator import CTranslateGenerator
from bot.types import Prompt
from tests.training.tiny import save_tiny_model

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.train,
    # ctranslate2's converter and torch's own modules warn about their dependencies
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

from training.data.answers import Example  # noqa: E402
from training.export import PLAIN, convert_model  # noqa: E402
from training.lora import LoraTrainer  # noqa: E402
from training.run_record import LoraArguments  # noqa: E402

EXAMPLES = [
    Example(
        answer_prompt(f"how long can I return item {n}?", "en", [Source("Returns", f"{n} days.")]),
        f"You have {n} days [1].",
        "made",
        "en",
        True,
    )
    for n in range(10, 22)
]


@pytest.fixture(scope="module", params=["gpt", "t5"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp(request.param), request.param)


def arguments(model: Path, output: Path, **changes: object) -> LoraArguments:
    settings: dict[str, object] = {
        "rank": 4,
        "upper_layers": 2,
        "learning_rate": 2e-2,
        "tokens_per_batch": 640,
        "max_tokens": 512,
        "epochs": 4.0,
    }
    return LoraArguments(model=str(model), output=output, **(settings | changes))  # type: ignore[arg-type]


def test_training_lowers_the_loss_and_saves_a_described_adapter(
    model: Path, tmp_path: Path
) -> None:
    trainer = LoraTrainer(arguments(model, tmp_path))
    state = trainer.train(EXAMPLES)
    trainer.save(EXAMPLES)
    # the frozen part of a random model learns nothing, so the loss falls a little, but surely
    assert sum(state.losses[-4:]) < sum(state.losses[:4]) - 0.8
    assert (tmp_path / "adapter_model.safetensors").stat().st_size > 0
    assert '"template": "answer-1"' in (tmp_path / "run.json").read_text()


def test_a_killed_run_goes_on_exactly_where_it_was(model: Path, tmp_path: Path) -> None:
    whole = LoraTrainer(arguments(model, tmp_path / "whole", checkpoint_minutes=0.0))
    whole.train(EXAMPLES)

    class Killed(Exception):
        pass

    def kill(state: object, total: int, loss: float) -> None:
        if state.batch >= total // 2:  # type: ignore[attr-defined]
            raise Killed

    broken = LoraTrainer(arguments(model, tmp_path / "broken", checkpoint_minutes=0.0))
    with pytest.raises(Killed):
        broken.train(EXAMPLES, kill)
    resumed = LoraTrainer(arguments(model, tmp_path / "broken", checkpoint_minutes=0.0))
    resumed.train(EXAMPLES)
    assert resumed.state.losses == pytest.approx(whole.state.losses, abs=1e-5)


def test_a_converted_model_says_what_the_unconverted_one_says(model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    folder = convert_model(str(model), tmp_path / "converted")
    generator = CTranslateGenerator.load(folder)
    prompt = Prompt("Answer.", "Question: how long can I return?")
    said = "".join(generator.stream(prompt, max_tokens=12))

    tokenizer = AutoTokenizer.from_pretrained(model)
    is_t5 = "T5" in (model / "config.json").read_text()
    kind = AutoModelForSeq2SeqLM if is_t5 else AutoModelForCausalLM
    ids = tokenizer(render(prompt, PLAIN), return_tensors="pt").input_ids
    with torch.no_grad():
        out = kind.from_pretrained(model).generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
        )[0]
    expected = tokenizer.decode(out if is_t5 else out[ids.shape[1] :], skip_special_tokens=True)
    # int8 weights of a random model may part ways late, never at once
    assert said[:8] == expected[:8]


def test_an_adapter_is_merged_at_conversion(model: Path, tmp_path: Path) -> None:
    trainer = LoraTrainer(arguments(model, tmp_path / "adapter", epochs=6.0))
    trainer.train(EXAMPLES)
    trainer.save(EXAMPLES)
    plain = CTranslateGenerator.load(convert_model(str(model), tmp_path / "plain"))
    tuned = CTranslateGenerator.load(
        convert_model(str(model), tmp_path / "tuned", tmp_path / "adapter")
    )
    prompt = EXAMPLES[0].prompt
    assert "".join(tuned.stream(prompt, max_tokens=8)) != "".join(
        plain.stream(prompt, max_tokens=8)
    )
    assert tuned.name.endswith("+adapter")


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=str(tmp_path)):
        convert_model(str(tmp_path), tmp_path / "out")
    with pytest.raises(ModelError, match="no converted model"):
        CTranslateGenerator.load(tmp_path)


def test_batches_too_small_for_an_example_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tokens_per_batch"):
        LoraArguments(model="m", output=tmp_path, tokens_per_batch=100, max_tokens=200)

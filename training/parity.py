"""Compare the converted models with the unconverted ones: `shopkeeper models parity`.

Covered: the encoder's cosine on 100 mixed texts, and how far the generator's greedy continuations
of 20 prompts agree, both against transformers with the same weights before 8-bit rounding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.answering.prompt import Source, answer_prompt, render
from bot.config import Settings
from bot.models.openvino_generator import OpenVinoGenerator
from bot.models.registry import shipped_registry
from bot.models.setup import ModelHome, ensure_serving, ensure_training
from bot.types import Prompt
from retrieval.encoder import OpenVinoEncoder
from retrieval.importers import import_path

DEMO = Path(__file__).resolve().parents[1] / "faq_data"
_TEXTS, _PROMPTS, _TOKENS = 100, 20, 32


def compare(settings: Settings) -> dict[str, float]:
    """Cosines of the encoder and agreement of the generator, as plain numbers."""
    home = ModelHome(settings.models_dir)
    return encoder_parity(home) | generator_parity(home)


def encoder_parity(home: ModelHome) -> dict[str, float]:
    """Smallest and mean cosine over mixed texts of both languages."""
    name = "multilingual-e5-small"
    passages = import_path(DEMO / "shop").passages
    step = max(1, len(passages) // _TEXTS)
    texts = [passage.text for passage in passages[::step]][:_TEXTS]
    served = OpenVinoEncoder.load(ensure_serving(name, home)).encode(texts, "passage")
    plain = SentenceTransformer(str(ensure_training(name, home)), device="cpu")
    expected = plain.encode([f"passage: {text}" for text in texts], normalize_embeddings=True)
    cosines = (served * expected).sum(axis=1)
    return {
        "encoder_texts": float(len(texts)),
        "encoder_cosine_min": round(float(cosines.min()), 5),
        "encoder_cosine_mean": round(float(cosines.mean()), 5),
    }


def generator_parity(home: ModelHome) -> dict[str, float]:
    """How many greedy continuations are the same, and for how many tokens they agree."""
    name = shipped_registry().find("qwen2.5-coder-0.5b-instruct").name
    folder = str(ensure_training(name, home))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    generator = OpenVinoGenerator.load(ensure_serving(name, home))
    same, agreed, total = 0, 0, 0
    for prompt in track(prompts(), "comparing continuations"):
        said = "".join(generator.stream(prompt, max_tokens=_TOKENS))
        expected = _greedy(model, tokenizer, render(prompt))
        ours = tokenizer(said, add_special_tokens=False)["input_ids"]
        theirs = tokenizer(expected, add_special_tokens=False)["input_ids"]
        same += ours == theirs
        agreed += _common(ours, theirs)
        total += max(len(ours), len(theirs))
    generator.close()
    return {
        "generator_prompts": float(_PROMPTS),
        "generator_same_continuation": float(same),
        "generator_agreed_token_share": round(agreed / total, 4),
    }


def prompts() -> list[Prompt]:
    """Questions of the golden dev split, each with one passage that answers it."""
    texts = {p.passage_id: p for p in import_path(DEMO / "shop").passages}
    found = []
    for line in (DEMO / "golden" / "service.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["split"] == "dev" and row["answerable"]:
            passage = texts[row["gold_passage_id"][0]]
            source = Source(passage.title, passage.text)
            found.append(answer_prompt(row["question"], row["lang"], [source]))
    return found[:: max(1, len(found) // _PROMPTS)][:_PROMPTS]


def _greedy(model: Any, tokenizer: Any, text: str) -> str:
    inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    with torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=_TOKENS, do_sample=False)
    new = out[0][inputs["input_ids"].shape[1] :]
    return str(tokenizer.decode(new, skip_special_tokens=True))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    differ = np.flatnonzero([a != b for a, b in zip(one, other, strict=False)])
    return int(differ[0]) if len(differ) else min(len(one), len(other))

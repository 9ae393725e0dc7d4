"""Generators converted by `shopkeeper models convert`: CTranslate2, GPT-like and T5-like.

Covered: greedy decoding, streamed by token, one request at a time per model. Not covered:
continuous batching, which is why the default generator runs on OpenVINO instead.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from bot.answering.prompt import render
from bot.errors import GeneratorError, ModelError
from bot.models.setup import manifest_of
from bot.types import Prompt


class CTranslateGenerator:
    """Implements `bot.protocols.Generator`."""

    def __init__(self, model: Any, tokenizer: Tokenizer, manifest: dict[str, object]) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._manifest = manifest
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> CTranslateGenerator:
        """A generator from a folder that `shopkeeper models convert` made.

        Raises:
            ModelError: the folder is missing or damaged.
        """
        import ctranslate2

        manifest = manifest_of(folder)
        if manifest.get("runtime") != "ctranslate2":
            raise ModelError(
                f"{folder} is no converted model", fix="run: shopkeeper models convert MODEL"
            )
        kind = (
            ctranslate2.Translator
            if manifest["architecture"] == "encoder-decoder"
            else ctranslate2.Generator
        )
        try:
            model = kind(str(folder), device="cpu", intra_threads=threads or os.cpu_count() or 1)
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # both libraries raise bare RuntimeError or Exception
            raise ModelError(
                f"the model in {folder} cannot be read: {error}",
                fix="convert it again: shopkeeper models convert MODEL",
            ) from error
        return cls(model, tokenizer, manifest)

    @property
    def name(self) -> str:
        """Identifies weights and adapter."""
        return str(self._manifest["name"])

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """Pieces of the greedy continuation of `prompt`.

        Raises:
            GeneratorError: the runtime failed.
        """
        text = render(prompt, str(self._manifest["template"]))
        is_encoder_decoder = self._manifest["architecture"] == "encoder-decoder"
        tokens = self._tokenizer.encode(text, add_special_tokens=is_encoder_decoder).tokens
        end = str(self._manifest["end"])
        options = {"sampling_topk": 1, "end_token": end}
        ids: list[int] = []
        sent = 0
        with self._lock:
            if is_encoder_decoder:
                steps = self._model.generate_tokens(
                    tokens, max_decoding_length=max_tokens, **options
                )
            else:
                steps = self._model.generate_tokens(tokens, max_length=max_tokens, **options)
            try:
                for step in steps:
                    if step.token != end:
                        ids.append(step.token_id)
                    decoded = self._tokenizer.decode(ids)
                    if len(decoded) > sent and not decoded.endswith("\ufffd"):
                        yield decoded[sent:]
                        sent = len(decoded)
            except (RuntimeError, ValueError) as error:
                raise GeneratorError(f"the generator failed: {error}") from error
            finally:
                steps.close()

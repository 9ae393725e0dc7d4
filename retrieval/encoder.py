"""The encoder while serving: multilingual-e5-small on OpenVINO, safe to share between threads.

Covered: the role prefixes of E5, batching by length, truncation at 512 tokens. Not covered:
training (that goes through the same weights as a sentence-transformers folder).

Source: Wang et al., 2024, Multilingual E5 Text Embeddings (arXiv:2402.05672).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from bot.errors import ModelError
from bot.protocols import Vectors

MAX_TOKENS = 512
_TOKENS_PER_BATCH = 2048

Progress = Callable[[int, int], None]


class Tokens(Protocol):
    """What a model is given of a text; `tokenizers.Encoding` is one."""

    @property
    def ids(self) -> list[int]:
        """Token ids, special ones included."""
        ...


class TokenModel:
    """A compiled text model: token batches in, named arrays out."""

    def __init__(self, tokenizer: Tokenizer, compiled: Any, name: str) -> None:
        self.tokenizer = tokenizer
        self.compiled = compiled
        self.name = name

    @classmethod
    def load(
        cls, folder: Path, threads: int = 0, model_file: str = "openvino_model.xml"
    ) -> TokenModel:
        """Read a converted folder.

        Raises:
            ModelError: the folder is missing or damaged.
        """
        path = folder / model_file
        if not path.exists():
            raise ModelError(f"no converted model at {path}", fix="run: shopkeeper models setup")
        core = ov.Core()
        config = {
            "INFERENCE_NUM_THREADS": threads or os.cpu_count() or 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            compiled = core.compile_model(path, "CPU", config)
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except Exception as error:  # OpenVINO and tokenizers raise bare RuntimeError, Exception
            raise ModelError(
                f"the model in {folder} cannot be read: {error}",
                fix=f"delete {folder} and run: shopkeeper models setup",
            ) from error
        tokenizer.enable_truncation(MAX_TOKENS)
        return cls(tokenizer, compiled, manifest["name"])

    def run(self, encodings: Sequence[Tokens], output: str) -> list[Any]:
        """One output of each encoding in order; texts of similar length share a batch."""
        return [values[0] for values in self.run_all(encodings, (output,))]

    def run_all(self, encodings: Sequence[Tokens], outputs: Sequence[str]) -> list[tuple[Any, ...]]:
        """The named outputs of each encoding, in order, without what belongs to padding."""
        order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
        batches: list[list[int]] = []
        for index in order:
            length = len(encodings[index].ids)
            if not batches or (len(batches[-1]) + 1) * length > _TOKENS_PER_BATCH:
                batches.append([])
            batches[-1].append(index)
        results: list[tuple[Any, ...]] = [()] * len(encodings)
        request = self.compiled.create_infer_request()
        for batch in batches:
            width = max(len(encodings[i].ids) for i in batch)
            ids = np.ones((len(batch), width), np.int64)
            mask = np.zeros((len(batch), width), np.int64)
            for row, index in enumerate(batch):
                tokens = encodings[index].ids
                ids[row, : len(tokens)] = tokens
                mask[row, : len(tokens)] = 1
            values = request.infer({"input_ids": ids, "attention_mask": mask})
            found = [values[name] for name in outputs]
            for row, index in enumerate(batch):
                results[index] = tuple(np.array(each[row]) for each in found)
        return results


class OpenVinoEncoder:
    """Implements `bot.protocols.Encoder`."""

    def __init__(self, model: TokenModel) -> None:
        self._model = model

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> OpenVinoEncoder:
        """An encoder from a converted folder; `threads` 0 means all cores.

        Raises:
            ModelError: the folder is missing or damaged.
        """
        return cls(TokenModel.load(folder, threads))

    @property
    def name(self) -> str:
        """Identifies weights and pooling."""
        return self._model.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.compiled.output("embedding").get_partial_shape()[1].get_length())

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        encodings = self._model.tokenizer.encode_batch([f"{role}: {text}" for text in texts])
        return np.stack(self._model.run(encodings, "embedding")).astype(np.float32)

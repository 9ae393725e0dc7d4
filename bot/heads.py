"""Small heads on the encoder's vectors: load a trained file, apply it with numpy.

Covered: a stack of dense layers shared by one or more outputs, each output a softmax over labels
or a single sigmoid, with its temperature and thresholds. Not covered: training
(`training.encoder_heads`) and making vectors.

A folder holds `heads.safetensors` (float16 or float32: `body.N.weight` (out, in), `body.N.bias`,
`OUTPUT.weight`, `OUTPUT.bias`) and `heads.json`, which names the encoder, the outputs and the
scores, and pins the weights by SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_safetensors

from bot.errors import ModelError
from bot.protocols import Vectors

Array = NDArray[np.float32]
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Output:
    """One answer of a head: `softmax` over `labels`, or `sigmoid` for the one label.

    `temperature` divides the logits; `thresholds` are cut-offs on probabilities, by purpose.
    """

    name: str
    kind: Literal["softmax", "sigmoid"]
    labels: tuple[str, ...]
    weight: Array
    bias: Array
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def probabilities(self, features: Array) -> Array:
        """Calibrated probabilities, shape (rows, labels); each softmax row sums to 1."""
        logits = (features @ self.weight.T + self.bias) / self.temperature
        if self.kind == "sigmoid":
            return sigmoid(logits)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, slots=True)
class Heads:
    """Outputs over a shared body of dense ReLU layers. `name` is stored with every turn."""

    name: str
    encoder: str
    dimension: int
    body: tuple[tuple[Array, Array], ...]
    outputs: Mapping[str, Output]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Heads:
        """Read a trained head.

        Raises:
            ModelError: a file is missing, damaged, or of another format.
        """
        meta_path, weights_path = folder / "heads.json", folder / "heads.safetensors"
        mend = f"restore {folder} from the repository, or train it again: shopkeeper train"
        try:
            meta = json.loads(meta_path.read_text(encoding="utf-8"))
            blob = weights_path.read_bytes()
        except (OSError, ValueError) as error:
            raise ModelError(f"the head in {folder} cannot be read: {error}", fix=mend) from error
        stated = (
            (meta.get("format"), meta.get("weights_sha256")) if isinstance(meta, dict) else None
        )
        found = (FORMAT, hashlib.sha256(blob).hexdigest())
        if stated != found:
            raise ModelError(
                f"{weights_path} does not belong to {meta_path}: (format, sha256) should be "
                f"{stated}, found {found}",
                fix=mend,
            )
        try:
            return _assemble(meta, load_safetensors(blob))
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{meta_path} lacks or misstates {error}", fix=mend) from error

    def require_encoder(self, name: str, dimension: int) -> None:
        """Refuse an encoder this head was not trained on.

        Raises:
            ModelError: names differ.
        """
        if (name, dimension) != (self.encoder, self.dimension):
            raise ModelError(
                f"head {self.name!r} was trained on {self.encoder!r} ({self.dimension} numbers a "
                f"text), the encoder is {name!r} ({dimension})",
                fix="use that encoder, or train the head again: shopkeeper train mood|intent",
            )

    def features(self, vectors: Vectors) -> Array:
        """What the outputs see, shape (rows, width of the last layer)."""
        x = np.asarray(vectors, np.float32)
        for weight, bias in self.body:
            x = np.maximum(x @ weight.T + bias, 0.0)
        return x

    def probabilities(self, vectors: Vectors) -> dict[str, Array]:
        """Probabilities by output name, each of shape (rows, labels)."""
        features = self.features(vectors)
        return {name: output.probabilities(features) for name, output in self.outputs.items()}


def sigmoid(x: Array) -> Array:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float32)


def logit(p: float) -> float:
    """Inverse of `sigmoid`, bounded so that 0 and 1 stay finite."""
    clipped = min(max(p, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))


def _assemble(meta: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Heads:
    arrays = {name: np.asarray(value, np.float32) for name, value in tensors.items()}
    body = tuple(
        (arrays[f"body.{layer}.weight"], arrays[f"body.{layer}.bias"])
        for layer in range(int(meta["layers"]))
    )
    outputs = {
        name: Output(
            name=name,
            kind=spec["kind"],
            labels=tuple(spec["labels"]),
            weight=arrays[f"{name}.weight"],
            bias=arrays[f"{name}.bias"],
            temperature=float(spec["temperature"]),
            thresholds={k: float(v) for k, v in spec["thresholds"].items()},
        )
        for name, spec in meta["outputs"].items()
    }
    return Heads(
        name=meta["name"],
        encoder=meta["encoder"],
        dimension=int(meta["dimension"]),
        body=body,
        outputs=outputs,
        extra=meta.get("extra", {}),
    )

"""Write trained heads where `bot.heads` reads them, with the record of how they came about.

Covered: `heads.safetensors` (float32) and `heads.json` (labels, temperatures, thresholds, data
hashes, arguments, scores, confusion counts, the command). Not covered: training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from bot.heads import FORMAT, Heads
from training.data.mood import SourceFile

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """How a head came about.

    Attributes:
        command: what to type to train it again.
        arguments: of the training, defaults included.
        fingerprint: SHA-256 of the encoder's weights.
        files: data that was read.
        scores: per source and language, on dev.
        confusion: per source; rows are true labels.
        seconds: how long it took.
    """

    command: str
    arguments: Mapping[str, Any]
    fingerprint: str
    files: tuple[SourceFile, ...]
    scores: Mapping[str, Any]
    confusion: Mapping[str, Any]
    seconds: float


def write_heads(
    heads: Heads, folder: Path, record: HeadRecord, extra: Mapping[str, Any] | None = None
) -> Heads:
    """Write both files and return the heads as they read back."""
    tensors: dict[str, np.ndarray] = {}
    for layer, (weight, bias) in enumerate(heads.body):
        tensors[f"body.{layer}.weight"] = weight
        tensors[f"body.{layer}.bias"] = bias
    for name, output in heads.outputs.items():
        tensors[f"{name}.weight"] = output.weight
        tensors[f"{name}.bias"] = output.bias
    # Row after row: safetensors writes the bytes as they lie, and scikit-learn fits columns first.
    blob = save({n: np.ascontiguousarray(array, np.float32) for n, array in tensors.items()})
    meta = {
        "format": FORMAT,
        "name": heads.name,
        "encoder": heads.encoder,
        "role": "query",
        "dimension": heads.dimension,
        "layers": len(heads.body),
        "weights_sha256": hashlib.sha256(blob).hexdigest(),
        "outputs": {
            name: {
                "kind": output.kind,
                "labels": list(output.labels),
                "temperature": round(output.temperature, 4),
                "thresholds": {
                    key: float(f"{value:.4g}") for key, value in output.thresholds.items()
                },
            }
            for name, output in heads.outputs.items()
        },
        "extra": dict(extra or {}),
        "training": {
            "command": record.command,
            "trained_at": datetime.now(UTC).date().isoformat(),
            "seconds": round(record.seconds, 1),
            "arguments": _plain(record.arguments),
            "encoder_sha256": record.fingerprint,
            "data": [asdict(file) for file in record.files],
            "scores": _plain(record.scores),
            "confusion": _plain(record.confusion),
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "heads.safetensors").write_bytes(blob)
    text = json.dumps(meta, ensure_ascii=False, indent=1)
    (folder / "heads.json").write_text(text + "\n", encoding="utf-8")
    return Heads.load(folder)


def _plain(value: Any) -> Any:
    """The value in JSON's types: paths as text, numbers rounded, NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        # A record names no machine's folders: inside the repository relative, elsewhere by name.
        inside = value.resolve().is_relative_to(_ROOT)
        return str(value.resolve().relative_to(_ROOT)) if inside else value.name
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else round(float(value), 4)
    return value

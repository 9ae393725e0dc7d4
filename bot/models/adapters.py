"""LoRA adapters that come with the program, found by name, read without torch.

Covered: the answer adapter of the registry's generator, and the adapters of the registry's encoder
(`retrieval`, `mood`, `reader`). Their folders are in PEFT's format, with `run.json` (arguments, data hashes,
scores) beside the weights; the reader has its heads in `heads.safetensors`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from bot.answering.prompt import TEMPLATE_VERSION
from bot.errors import ModelError
from bot.models.fetch import sha256_of

SHIPPED = Path(__file__).resolve().parents[2] / "training" / "adapters"
DEFAULT_ANSWER_ADAPTER = "answer-3"
MOOD = "mood"
READER = "reader"
RETRIEVAL = "retrieval"


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """Where an adapter is. `key` changes with its weights, so that a merged model knows its own."""

    name: str
    folder: Path
    key: str

    def deltas(self) -> dict[str, NDArray[np.float32]]:
        """What each adapted matrix gains: Hugging Face name without `.weight` → (out, in).

        Raises:
            ModelError: the adapter is damaged.
        """
        try:
            config = json.loads((self.folder / "adapter_config.json").read_text("utf-8"))
            tensors = load_file(self.folder / "adapter_model.safetensors")
            scale = config["lora_alpha"] / config["r"]
            gained = {}
            for name, a in tensors.items():
                if ".lora_A." not in name:
                    continue
                b = tensors[name.replace(".lora_A.", ".lora_B.")]
                module = name.split(".lora_A.")[0].removeprefix("base_model.model.")
                gained[module] = scale * (b.astype(np.float32) @ a.astype(np.float32))
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(
                f"the adapter in {self.folder} is damaged: {error}",
                fix="restore it (git checkout), or set SHOPKEEPER_ANSWER_ADAPTER=none",
            ) from error
        return gained

    def heads(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of `heads.safetensors`; none for an adapter that only moves the vector.

        Raises:
            ModelError: the file is damaged.
        """
        file = self.folder / "heads.safetensors"
        if not file.exists():
            return {}
        try:
            return dict(load_file(file))
        except (OSError, ValueError, SafetensorError) as error:
            raise ModelError(
                f"the heads in {self.folder} are damaged: {error}", fix="restore them: git checkout"
            ) from error


def encoder_adapter(name: str) -> LoraAdapter:
    """The shipped adapter of the encoder called `name`, or the one in that folder.

    Raises:
        ModelError: there is none.
    """
    folder = _folder_of(name)
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        raise ModelError(f"no encoder adapter in {folder}", fix="restore it: git checkout")
    return LoraAdapter(folder.name, folder, sha256_of(weights)[:12])


def _folder_of(name: str) -> Path:
    """A shipped adapter wins over a folder of its name where the program happens to be started."""
    shipped = SHIPPED / name
    return shipped if shipped.is_dir() else Path(name)


def search_adapter(setting: str) -> LoraAdapter | None:
    """The adapter that `settings.search_adapter` names: `default`, `none`, a name or a folder.

    Raises:
        ModelError: there is no such adapter.
    """
    if setting == "none":
        return None
    return encoder_adapter(RETRIEVAL if setting == "default" else setting)


def answer_adapter(setting: str) -> LoraAdapter | None:
    """The adapter that `settings.answer_adapter` names: `default`, `none`, a name or a folder.

    Raises:
        ModelError: there is no such adapter, or it was trained with another prompt template.
    """
    if setting == "none":
        return None
    name = DEFAULT_ANSWER_ADAPTER if setting == "default" else setting
    folder = _folder_of(name)
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        known = sorted(path.parent.name for path in SHIPPED.glob("*/adapter_model.safetensors"))
        raise ModelError(
            f"no adapter {name!r} in {SHIPPED} (there are: {', '.join(known) or 'none'})",
            fix="set SHOPKEEPER_ANSWER_ADAPTER to one of these, a folder, or none",
        )
    try:
        run = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'run.json'} cannot be read: {error}") from error
    if run.get("template") != TEMPLATE_VERSION:
        raise ModelError(
            f"the adapter {name!r} was trained with the prompt template {run.get('template')!r}; "
            f"this program uses {TEMPLATE_VERSION!r}",
            fix="train it again: shopkeeper train answer",
        )
    return LoraAdapter(folder.name, folder, sha256_of(weights)[:12])

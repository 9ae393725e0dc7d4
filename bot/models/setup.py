"""Bring a registry model to where it can serve: fetch, convert, keep; seconds when it is there.

A converted folder carries `manifest.json`, written last into a scratch folder that is then renamed,
so that an interrupted conversion is never taken for a whole one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openvino as ov

from bot.errors import ModelError
from bot.models.adapters import LoraAdapter
from bot.models.bert_openvino import build_bert, reader_head, unit_vector_head, with_deltas
from bot.models.e5_file import read_e5_file
from bot.models.fetch import Progress, fetch, no_progress
from bot.models.gguf_openvino import convert_generator
from bot.models.hf_folder import encoder_tokenizer, write_encoder_folder, write_generator_folder
from bot.models.registry import ModelSpec, Registry, shipped_registry

_CONVERTER = 1
"""Grows when a conversion changes, so that folders made by an older one are made again."""


@dataclass(frozen=True, slots=True)
class ModelHome:
    """Where model files are: one folder for what was fetched, one for each converted model."""

    folder: Path

    def converted(self, spec: ModelSpec, adapter_key: str = "") -> Path:
        """The serving folder of a model; one for each adapter that is merged into it."""
        suffix = f"-{adapter_key}" if adapter_key else ""
        return self.folder / f"{spec.name}-openvino{suffix}"

    def training(self, spec: ModelSpec) -> Path:
        """The Hugging Face folder of a model."""
        return self.folder / f"{spec.name}-hf"


def manifest_of(folder: Path) -> dict[str, object]:
    """The manifest of a converted folder; empty when there is none that can be read."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def is_ready(spec: ModelSpec, folder: Path, adapter_key: str = "") -> bool:
    """Whether `folder` holds `spec` as this version of the program converts it."""
    found = manifest_of(folder)
    wanted = {"sha256": spec.file.sha256, "converter": _CONVERTER, "adapter": adapter_key}
    return all(found.get(name) == value for name, value in wanted.items())


def ensure_serving(
    name: str,
    home: ModelHome,
    progress: Progress = no_progress,
    registry: Registry | None = None,
    adapter: LoraAdapter | None = None,
) -> Path:
    """The serving folder of the registry model `name`, made if it is not there.

    Args:
        adapter: is merged into the model's weights; the reader brings its heads.

    Raises:
        ModelError: the model cannot be fetched or converted.
    """
    spec = (registry or shipped_registry()).find(name)

    def convert(source: Path, folder: Path) -> None:
        if spec.format == "gguf":
            convert_generator(source, folder, progress, adapter.deltas() if adapter else {})
            return
        what = f"building the encoder{f' for {adapter.name}' if adapter else ''}"
        progress(what, 0, 1)
        e5 = read_e5_file(source)
        tensors = with_deltas(e5.tensors, adapter.deltas()) if adapter else e5.tensors
        heads = adapter.heads() if adapter else {}
        head = reader_head(heads) if "tokens.weight" in heads else unit_vector_head
        model = build_bert(tensors, e5.shape, head)
        ov.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)
        encoder_tokenizer(e5).save(str(folder / "tokenizer.json"))
        progress(what, 1, 1)

    key = adapter.key if adapter else ""
    return _ensure(spec, home, home.converted(spec, key), convert, progress, key)


def ensure_training(
    name: str, home: ModelHome, progress: Progress = no_progress, registry: Registry | None = None
) -> Path:
    """The Hugging Face folder of the registry model `name`, made if it is not there.

    Raises:
        ModelError: the model cannot be fetched or converted.
    """
    spec = (registry or shipped_registry()).find(name)

    def convert(source: Path, folder: Path) -> None:
        if spec.format == "gguf":
            write_generator_folder(source, folder)
        else:
            write_encoder_folder(read_e5_file(source), folder)

    return _ensure(spec, home, home.training(spec), convert, progress)


def _ensure(
    spec: ModelSpec,
    home: ModelHome,
    folder: Path,
    convert: Callable[[Path, Path], None],
    progress: Progress,
    adapter_key: str = "",
) -> Path:
    if is_ready(spec, folder, adapter_key):
        return folder
    source = fetch(spec.file, home.folder, progress)
    scratch = folder.with_name(folder.name + ".making")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
        convert(source, scratch)
        manifest = {
            "name": f"{spec.name}+{adapter_key}" if adapter_key else spec.name,
            "adapter": adapter_key,
            "sha256": spec.file.sha256,
            "converter": _CONVERTER,
            "licence": spec.file.licence,
            "origin": spec.file.origin,
        }
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        scratch.replace(folder)
    except OSError as error:
        raise ModelError(
            f"cannot write {folder}: {error.strerror or error}",
            fix="free some disk space (3 GB are enough), or set SHOPKEEPER_MODELS_DIR",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder

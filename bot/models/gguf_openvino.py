"""Convert the generator's GGUF file to an OpenVINO folder, without torch.

OpenVINO GenAI reads GGUF itself but keeps no layer names, and a LoRA adapter finds its layers by
name: after the conversion each matrix gets the name that an export through optimum gives it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from bot.errors import ModelError
from bot.models.fetch import Progress, no_progress
from bot.models.gguf_file import first_blocks, read_metadata, requantize
from bot.models.hf_folder import generator_config, qwen2_tokenizer, write_json


def convert_generator(
    source: Path,
    folder: Path,
    progress: Progress = no_progress,
    deltas: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write `openvino_model`, tokenizer, detokenizer and config of `source` into `folder`.

    Args:
        deltas: added to the matrices they name, before the weights become 8 bits.

    Raises:
        ModelError: the file is damaged, of another architecture, or the runtime reads it otherwise
            than expected.
    """
    import openvino_genai

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        uniform = Path(scratch) / "model.gguf"
        try:
            requantize(source, uniform, progress, deltas or {})
        except (ValueError, KeyError, IndexError) as error:
            raise ModelError(
                f"{source} is damaged: {error}", fix="delete it and run: shopkeeper models setup"
            ) from error
        progress("reading into the runtime", 0, 1)
        openvino_genai.LLMPipeline(str(uniform), "CPU", enable_save_ov_model=True)
        progress("naming layers", 0, 1)
        _name_layers(Path(scratch) / "openvino_model.xml", uniform, folder)
        for name in ("tokenizer", "detokenizer"):
            for suffix in ("xml", "bin"):
                made = Path(scratch) / f"openvino_{name}.{suffix}"
                made.replace(folder / made.name)
    metadata = read_metadata(gguf.GGUFReader(source))
    write_json(folder / "config.json", generator_config(metadata))
    eos = metadata["tokenizer.ggml.eos_token_id"]
    pad = metadata["tokenizer.ggml.padding_token_id"]
    write_json(
        folder / "generation_config.json",
        {"eos_token_id": [eos, pad], "pad_token_id": pad, "do_sample": False},
    )
    qwen2_tokenizer(metadata).save(str(folder / "tokenizer.json"))
    progress("naming layers", 1, 1)


def _name_layers(model_path: Path, source: Path, folder: Path) -> None:
    names = first_blocks(source)
    model = ov.Core().read_model(model_path)
    found = set()
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        key = _first_block(node.input_value(1).get_node())
        if key in names:
            # The suffix is what an export through optimum writes; the runtime cuts it off there.
            node.set_friendly_name(f"__module.{names[key]}/ov_ext::linear/MatMul")
            found.add(names[key])
    if missing := set(names.values()) - found:
        raise ModelError(
            f"{len(missing)} of {len(names)} layers were not found in the converted model "
            f"(first: {min(missing)})",
            fix="install the versions in requirements.lock",
        )
    ov.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)


def _first_block(root: Any) -> bytes | None:
    """The first 32 weights of a matrix stored as (codes - zero) * scale, as float16 bytes."""
    codes = zeros = scales = None
    for constant in _constants(root):
        kind = constant.get_element_type().get_type_name()
        if kind == "u8" and constant.shape[-1] == 32:
            codes = constant
        elif kind == "u8":
            zeros = constant
        elif kind == "f16":
            scales = constant
    if codes is None or zeros is None or scales is None:
        return None

    def first(constant: Any) -> Any:
        return constant.data[0, 0].astype(np.float32)

    block = (first(codes) - first(zeros)) * first(scales)
    return bytes(block.astype(np.float16).tobytes())


def _constants(root: Any) -> list[Any]:
    found: list[Any] = []
    waiting = [root]
    while waiting and len(found) < 8:
        node = waiting.pop()
        if node.get_type_name() == "Constant":
            found.append(node)
        elif node.get_type_name() != "Parameter":
            waiting.extend(port.get_source_output().get_node() for port in node.inputs())
    return found

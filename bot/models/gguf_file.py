"""What the generator's GGUF file holds, and the same weights as one quantisation, embeddings tied.

Covered: files of the Qwen2 architecture whose quantisations the `gguf` package can expand. The
downloaded file mixes Q4_K, Q5_0, Q6_K and Q8_0, some of which OpenVINO's own reader refuses; here
all matrices become Q8_0, which costs nothing in quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType
from numpy.typing import NDArray

from bot.errors import ModelError
from bot.models.fetch import Progress, no_progress

LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF's names of a layer's parts → Hugging Face's."""

_Q8_0 = GGMLQuantizationType.Q8_0
_FILE_TYPE_Q8_0 = 7


def read_metadata(reader: gguf.GGUFReader) -> dict[str, Any]:
    """All key-value pairs of the file.

    Raises:
        ModelError: the file is of another architecture.
    """
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    architecture = metadata.get("general.architecture")
    if architecture != "qwen2":
        raise ModelError(
            f"this GGUF file holds a {architecture!r} model; only 'qwen2' is converted directly",
            fix="convert its Hugging Face folder instead: shopkeeper models convert FOLDER_OR_ID",
        )
    return metadata


def requantize(
    source: Path,
    target: Path,
    progress: Progress = no_progress,
    deltas: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write `source` again with all matrices in Q8_0 and the embeddings tied.

    Args:
        deltas: Hugging Face name of a matrix, without `.weight` → what is added to it (out, in).

    Raises:
        ModelError: a delta is for a matrix that the model has not, or of another shape.

    The file stores the (originally tied) embeddings twice: Q5_0 as input, Q8_0 as output. The
    finer copy serves as both, which is closer to the original and saves 140 MB of memory.
    """
    reader = gguf.GGUFReader(source)
    read_metadata(reader)
    by_name = {tensor.name: tensor for tensor in reader.tensors}
    output = by_name.get("output.weight", by_name["token_embd.weight"])
    missing = dict(deltas or {})
    writer = gguf.GGUFWriter(target, "qwen2")
    _copy_metadata(reader, writer)
    kept = [tensor for tensor in reader.tensors if tensor.name != "output.weight"]
    for done, tensor in enumerate(kept):
        progress("weights to 8 bits", done, len(kept))
        chosen = output if tensor.name == "token_embd.weight" else tensor
        if chosen.tensor_type == GGMLQuantizationType.F32:
            writer.add_tensor(tensor.name, np.array(chosen.data))
            continue
        data = np.array(chosen.data)
        delta = missing.pop(layer_name(tensor.name) or "", None)
        if delta is not None or chosen.tensor_type != _Q8_0:
            weights = gguf.quants.dequantize(data, chosen.tensor_type)
            data = gguf.quants.quantize(_added(weights, delta, tensor.name), _Q8_0)
        writer.add_tensor(tensor.name, data, raw_dtype=_Q8_0)
    if missing:
        raise ModelError(
            f"the adapter changes {len(missing)} matrices that this model has not "
            f"(first: {min(missing)})",
            fix="use an adapter that was trained on this model, or SHOPKEEPER_ANSWER_ADAPTER=none",
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    progress("weights to 8 bits", len(kept), len(kept))


def layer_name(name: str) -> str | None:
    """GGUF's name of a layer's matrix → Hugging Face's without `.weight`; None for others."""
    parts = name.split(".")
    if parts[0] != "blk" or parts[3] != "weight" or "norm" in parts[2]:
        return None
    return f"model.layers.{parts[1]}.{LAYER_TENSORS[parts[2]]}"


def _added(
    weights: NDArray[np.float32], delta: NDArray[np.float32] | None, name: str
) -> NDArray[np.float32]:
    if delta is None:
        return weights
    if delta.shape != weights.shape:
        raise ModelError(
            f"the adapter's change to {name} is {delta.shape}, the matrix is {weights.shape}",
            fix="use an adapter that was trained on this model, or SHOPKEEPER_ANSWER_ADAPTER=none",
        )
    return weights + delta


def _copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        if name == "general.file_type":
            writer.add_uint32(name, _FILE_TYPE_Q8_0)
        elif kind == GGUFValueType.ARRAY:
            writer.add_key_value(name, field.contents(), kind, sub_type=field.types[-1])
        else:
            writer.add_key_value(name, field.contents(), kind)


def first_blocks(source: Path) -> dict[bytes, str]:
    """The first 32 weights of each layer matrix (as float16 bytes) → its Hugging Face name.

    OpenVINO's reader keeps no names; a matrix is known again by how it begins.
    """
    found: dict[bytes, str] = {}
    for tensor in gguf.GGUFReader(source).tensors:
        name = layer_name(tensor.name)
        if name is None:
            continue
        row = gguf.quants.dequantize(tensor.data[:1], tensor.tensor_type)[0, :32]
        found[row.astype(np.float16).tobytes()] = name
    return found

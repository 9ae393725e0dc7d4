"""Read `e5-small-q4.bin`: multilingual-e5-small with 4-bit weights in one file.

The layout is little-endian: magic `E5S1` and a version; nine header numbers; the tokenizer (pieces
with Unigram scores and a normalisation table); a list of tensors, float32 or Q4_0 (blocks of 32
weights: a float16 scale and 16 bytes, the low nibbles first). Covered: that one layout, version 1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.errors import ModelError

Tensors = dict[str, NDArray[np.float32]]

_HF_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_HF_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of a BERT encoder."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class E5File:
    """The parsed file: tensors under their Hugging Face names, and the Unigram vocabulary."""

    shape: BertShape
    tensors: Tensors
    pieces: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unk: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[float, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values


def dequantize_q4_0(data: bytes) -> NDArray[np.float32]:
    """Float32 weights of Q4_0 blocks, shape (len(data) // 18 * 32,)."""
    blocks = np.frombuffer(data, np.uint8).reshape(-1, 18)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)


def read_e5_file(path: Path) -> E5File:
    """Parse the file.

    Raises:
        ModelError: it is not such a file, or it is cut short.
    """
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ModelError(
            f"{path} is not an E5S1 file (it begins with {data[:4]!r})",
            fix="delete it and run: shopkeeper models setup",
        )
    try:
        return _parse(data)
    except (struct.error, ValueError) as error:
        raise ModelError(
            f"{path} is damaged: {error}", fix="delete it and run: shopkeeper models setup"
        ) from error


def _parse(data: bytes) -> E5File:
    reader = _Reader(data)
    reader.at = 4
    reader.take("i")
    hidden, layers, heads, wide, vocabulary, positions, types = map(int, reader.take("7i"))
    epsilon = reader.take("f")[0]
    shape = BertShape(hidden, layers, heads, wide, vocabulary, positions, types, epsilon)
    reader.take("i")
    count, bos, eos, pad, unk = (int(number) for number in reader.take("5i"))
    blob_bytes = int(reader.take("Q")[0])
    offsets = reader.array("<u4", count + 1).astype(int)
    scores = reader.array("<f4", count).astype(float)
    blob = bytes(reader.array("u1", blob_bytes))
    pieces = tuple(
        (blob[offsets[i] : offsets[i + 1]].decode("utf-8"), float(scores[i])) for i in range(count)
    )
    _, table_bytes = reader.take("iI")
    reader.at += int(table_bytes)
    tensors: Tensors = {}
    for _ in range(int(reader.take("i")[0])):
        length = int(reader.take("H")[0])
        name = bytes(reader.array("u1", length)).decode()
        kind, _, offset, size = (int(number) for number in reader.take("BIQQ"))
        raw = data[offset : offset + size]
        flat = dequantize_q4_0(raw) if kind == 1 else np.frombuffer(raw, "<f4")
        hf_name = _hf_name(name)
        tensors[hf_name] = flat.reshape(_tensor_shape(hf_name, shape))
    return E5File(shape, tensors, pieces, bos, eos, pad, unk)


def _hf_name(name: str) -> str:
    if name in _HF_EMBEDDING_NAMES:
        return _HF_EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    suffix = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{layer[1:]}.{_HF_LAYER_NAMES[part]}.{suffix}"


def _tensor_shape(name: str, shape: BertShape) -> tuple[int, ...]:
    if name.startswith("embeddings.") and "LayerNorm" not in name:
        return (-1, shape.hidden)
    if "LayerNorm" in name or name.endswith("bias"):
        return (-1,)
    if "output.dense" in name and "attention" not in name:
        return (shape.hidden, shape.feed_forward)
    return (-1, shape.hidden)

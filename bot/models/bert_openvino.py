"""Build a BERT encoder as an OpenVINO graph from plain arrays, with int8 weights.

Covered: the BERT of multilingual-e5-small (absolute positions, one token type, exact GELU), with a
mean-pooled unit vector as its output, or a head on top of the hidden states. No torch is needed:
an adapter is merged into the arrays before (`with_deltas`). Weights of matrices are int8 with one
scale per output row, multiplied out at run time; activations stay floating point.

Source of the architecture: Devlin et al., 2019 (arXiv:1810.04805); of the pooling: Wang et al.,
2024 (arXiv:2402.05672).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from bot.models.e5_file import BertShape, Tensors

Node = Any  # openvino's nodes carry no usable types
Head = Callable[[Node, Node], list[tuple[str, Node]]]
"""Given hidden states (batch, tokens, hidden) and mask (batch, tokens): named outputs."""


def int8_rows(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Symmetric int8 per row: weight ≈ q * scale, with q (rows, columns) and scale (rows, 1)."""
    scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True) / 127.0, 1e-8)
    return np.round(weight / scale).astype(np.int8), scale.astype(np.float16)


def linear(x: Node, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Node:
    """x @ weight.T + bias with int8 weights."""
    q, scale = int8_rows(weight)
    unpacked = op.multiply(op.convert(op.constant(q), "f16"), op.constant(scale))
    product = op.matmul(x, op.convert(unpacked, "f32"), False, True)
    return op.add(product, op.constant(bias.astype(np.float32)))


def layer_norm(x: Node, weight: NDArray[np.float32], bias: NDArray[np.float32], eps: float) -> Node:
    """Layer normalisation over the last axis."""
    normal = op.mvn(x, op.constant(np.array([-1], np.int64)), True, eps, "inside_sqrt")
    return op.add(op.multiply(normal, op.constant(weight)), op.constant(bias))


def mean_pool(hidden: Node, mask: Node) -> Node:
    """Mean over the tokens that are not padding, shape (batch, hidden)."""
    weights = op.unsqueeze(op.convert(mask, "f32"), op.constant(np.int64(2)))
    axis = op.constant(np.array([1], np.int64))
    total = op.reduce_sum(op.multiply(hidden, weights), axis, False)
    return op.divide(
        total, op.maximum(op.reduce_sum(weights, axis, False), op.constant(1e-9, np.float32))
    )


def unit_vector_head(hidden: Node, mask: Node) -> list[tuple[str, Node]]:
    """The head of a retrieval encoder: mean-pooled, length 1."""
    pooled = mean_pool(hidden, mask)
    unit = op.normalize_l2(pooled, op.constant(np.array([1], np.int64)), 1e-12, "max")
    return [("embedding", unit)]


def build_bert(tensors: Tensors, shape: BertShape, head: Head = unit_vector_head) -> ov.Model:
    """An OpenVINO model with inputs `input_ids`, `attention_mask` (batch, tokens; int64).

    Args:
        tensors: float32 arrays under their Hugging Face names.
        shape: sizes; `shape.hidden` must be a multiple of `shape.heads`.
        head: makes the outputs from the last hidden states.
    """
    ids = op.parameter([-1, -1], np.int64, name="input_ids")
    mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    for parameter, name in ((ids, "input_ids"), (mask, "attention_mask")):
        parameter.output(0).set_names({name})
    x = _embed(ids, tensors, shape)
    axes = op.constant(np.array([1, 2], np.int64))
    keep = op.unsqueeze(op.convert(mask, "f32"), axes)
    bias = op.multiply(
        op.subtract(op.constant(1.0, np.float32), keep), op.constant(-1e4, np.float32)
    )
    for layer in range(shape.layers):
        x = _layer(x, bias, tensors, f"encoder.layer.{layer}.", shape)
    results = []
    for name, node in head(x, mask):
        node.output(0).set_names({name})
        results.append(op.result(node, name=name))
    return ov.Model(results, [ids, mask], "bert")


def _embed(ids: Node, tensors: Tensors, shape: BertShape) -> Node:
    axis = op.constant(np.int64(0))
    q, scale = int8_rows(tensors["embeddings.word_embeddings.weight"])
    rows = op.convert(op.gather(op.constant(q), ids, axis), "f32")
    words = op.multiply(rows, op.convert(op.gather(op.constant(scale), ids, axis), "f32"))
    length = op.squeeze(
        op.gather(op.shape_of(ids, "i64"), op.constant(np.array([1], np.int64)), axis),
        op.constant(np.array([0], np.int64)),
    )
    positions = op.range(op.constant(np.int64(0)), length, op.constant(np.int64(1)), "i64")
    table = op.constant(tensors["embeddings.position_embeddings.weight"].astype(np.float32))
    placed = op.add(words, op.gather(table, positions, axis))
    placed = op.add(placed, op.constant(tensors["embeddings.token_type_embeddings.weight"][0]))
    return layer_norm(
        placed,
        tensors["embeddings.LayerNorm.weight"],
        tensors["embeddings.LayerNorm.bias"],
        shape.epsilon,
    )


def _layer(x: Node, bias: Node, tensors: Tensors, prefix: str, shape: BertShape) -> Node:
    def dense(value: Node, name: str) -> Node:
        return linear(value, tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"])

    def norm(value: Node, name: str) -> Node:
        weight, offset = tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"]
        return layer_norm(value, weight, offset, shape.epsilon)

    split = op.constant(np.array([0, 0, shape.heads, shape.hidden // shape.heads], np.int64))
    order = op.constant(np.array([0, 2, 1, 3], np.int64))

    def heads_of(name: str) -> Node:
        value = dense(x, f"attention.self.{name}")
        return op.transpose(op.reshape(value, split, True), order)

    context = op.scaled_dot_product_attention(
        heads_of("query"), heads_of("key"), heads_of("value"), bias
    )
    joined = op.constant(np.array([0, 0, shape.hidden], np.int64))
    context = op.reshape(op.transpose(context, order), joined, True)
    x = norm(op.add(dense(context, "attention.output.dense"), x), "attention.output.LayerNorm")
    inner = op.gelu(dense(x, "intermediate.dense"), "erf")
    return norm(op.add(dense(inner, "output.dense"), x), "output.LayerNorm")


def reader_head(heads: Tensors) -> Head:
    """The heads of the reader: `answers` (batch,) from the pooled states, `tokens` (batch, tokens, 3).

    Args:
        heads: `answers.weight` (1, hidden), `tokens.weight` (3, hidden), and their biases.
    """

    def outputs(hidden: Node, mask: Node) -> list[tuple[str, Node]]:
        pooled = mean_pool(hidden, mask)
        answers = linear(pooled, heads["answers.weight"], heads["answers.bias"])
        flat = op.squeeze(answers, op.constant(np.array([1], np.int64)))
        return [
            ("answers", flat),
            ("tokens", linear(hidden, heads["tokens.weight"], heads["tokens.bias"])),
        ]

    return outputs


def with_deltas(tensors: Tensors, deltas: Tensors) -> Tensors:
    """A copy of `tensors` with an adapter added.

    Args:
        tensors: base weights under their Hugging Face names.
        deltas: what a matrix gains, by its name without `.weight`.
    """
    merged = dict(tensors)
    for name, delta in deltas.items():
        merged[f"{name}.weight"] = tensors[f"{name}.weight"] + delta
    return merged

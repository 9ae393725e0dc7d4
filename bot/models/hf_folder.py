"""Write model folders in the Hugging Face layout (config, safetensors, tokenizer) without torch.

Covered: the E5 encoder and the Qwen2 generator of the registry, so that `training/` and any other
tool load them as ordinary folders. Not covered: other architectures (those come as folders).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from bot.models.e5_file import E5File
from bot.models.gguf_file import LAYER_TENSORS, read_metadata

_QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write_json(path: Path, value: object) -> None:
    """UTF-8 JSON with a final newline."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def encoder_tokenizer(e5: E5File) -> Tokenizer:
    """The Unigram tokenizer of the file: NFKC, spaces as ▁, `<s> … </s>`."""
    tokenizer = Tokenizer(models.Unigram(list(e5.pieces), unk_id=e5.unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    names = {e5.bos: "<s>", e5.pad: "<pad>", e5.eos: "</s>", e5.unk: "<unk>"}
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names.values()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", e5.bos), ("</s>", e5.eos)],
    )
    return tokenizer


def write_encoder_folder(e5: E5File, folder: Path) -> None:
    """A `BertModel` folder with the sentence-transformers modules (mean pooling, normalise)."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = e5.shape
    write_json(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.feed_forward,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.token_types,
            "layer_norm_eps": shape.epsilon,
            "hidden_act": "gelu",
            "pad_token_id": e5.pad,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "dtype": "float32",
        },
    )
    tensors = {name: np.ascontiguousarray(value) for name, value in e5.tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    encoder_tokenizer(e5).save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "model_max_length": shape.positions,
            "model_input_names": ["input_ids", "attention_mask"],
        },
    )
    pooling = {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {
                "idx": 1,
                "name": "1",
                "path": "1_Pooling",
                "type": "sentence_transformers.models.Pooling",
            },
            {
                "idx": 2,
                "name": "2",
                "path": "2_Normalize",
                "type": "sentence_transformers.models.Normalize",
            },
        ],
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)


def qwen2_tokenizer(metadata: dict[str, Any]) -> Tokenizer:
    """The byte-level BPE tokenizer that the GGUF file carries."""
    tokens = metadata["tokenizer.ggml.tokens"]
    kinds = metadata["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in control])
    return tokenizer


def write_generator_folder(gguf_path: Path, folder: Path) -> None:
    """A `Qwen2ForCausalLM` folder in float16, input and output embeddings tied as in the original."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(gguf_path)
    metadata = read_metadata(reader)
    tensors: dict[str, Any] = {}
    for tensor in reader.tensors:
        name = _hf_tensor_name(tensor.name)
        if name is None:
            continue
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        tensors[name] = np.ascontiguousarray(values.astype(np.float16))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", generator_config(metadata))
    qwen2_tokenizer(metadata).save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "chat_template": metadata["tokenizer.chat_template"],
            "model_max_length": metadata["qwen2.context_length"],
        },
    )


def generator_config(metadata: dict[str, Any]) -> dict[str, Any]:
    """`config.json` of a Qwen2 model from the metadata of its GGUF file."""
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": metadata["qwen2.embedding_length"],
        "intermediate_size": metadata["qwen2.feed_forward_length"],
        "num_hidden_layers": metadata["qwen2.block_count"],
        "num_attention_heads": metadata["qwen2.attention.head_count"],
        "num_key_value_heads": metadata["qwen2.attention.head_count_kv"],
        "max_position_embeddings": metadata["qwen2.context_length"],
        "rope_theta": metadata["qwen2.rope.freq_base"],
        "rms_norm_eps": metadata["qwen2.attention.layer_norm_rms_epsilon"],
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "dtype": "float16",
    }


def _hf_tensor_name(name: str) -> str | None:
    """The Hugging Face name; None for the input embeddings, of which `output` holds a finer copy."""
    fixed = {
        "output.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
    }
    if name in fixed:
        return fixed[name]
    if name == "token_embd.weight":
        return None
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{LAYER_TENSORS[part]}.{kind}"

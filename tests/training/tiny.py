"""Tiny real models, randomly initialised and saved to disk: GPT-like, T5-like, BERT-like."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

_TEXTS = [
    "Returns are free within 30 days of delivery [1].",
    "满99元包邮，不满99元收取运费8元[2]。",
    "Question: how long can I return? Reply in English.",
]


def save_tiny_model(folder: Path, kind: str) -> Path:
    """Write a random `kind` model ("gpt" or "t5") with a byte-level tokenizer; returns `folder`."""
    import torch
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
        T5Config,
        T5ForConditionalGeneration,
    )

    torch.manual_seed(3)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(_TEXTS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    size = len(fast)
    if kind == "gpt":
        model = Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=size,
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=4,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=512,
                eos_token_id=1,
                bos_token_id=None,
                pad_token_id=0,
            )
        )
    else:
        model = T5ForConditionalGeneration(
            T5Config(
                vocab_size=size,
                d_model=64,
                d_kv=16,
                d_ff=128,
                num_layers=2,
                num_heads=4,
                decoder_start_token_id=0,
                eos_token_id=1,
                pad_token_id=0,
            )
        )
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def save_tiny_encoder(folder: Path) -> Path:
    """Write a random BERT encoder with E5's kind of tokenizer; returns `folder`."""
    import torch
    from tokenizers import AddedToken, normalizers, processors
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words = "angry happy question so very a indeed query passage cotton shop opens closes made of"
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=[AddedToken(t) for t in special], unk_token="<unk>"
    )
    tokenizer.train_from_iterator([*_TEXTS * 3, *[words] * 5, "店铺九点开门六点关门"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    model = BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=192,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=1,
        ),
        add_pooling_layer=False,
    )
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder

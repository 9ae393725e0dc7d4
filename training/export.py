"""Export a trained or foreign generator to a serving folder.

Covered: any Hugging Face folder or id that CTranslate2 converts, decoder-only (GPT-like) or
encoder-decoder (T5-like), with an adapter merged if one is given. The chat template is rendered
once, here, with `{system}` and `{user}` in place, so that serving needs no template engine.
Not covered: the registry's own generator, which `bot.models.setup` converts without torch.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from bot.errors import ModelError

PLAIN = "{system}\n\n{user}\n"
"""The template of a model that has none of its own."""


def chat_template_of(tokenizer: Any) -> str:
    """The tokenizer's chat template with `{system}` and `{user}` where these go."""
    if not getattr(tokenizer, "chat_template", None):
        return PLAIN
    messages = [
        {"role": "system", "content": "{system}"},
        {"role": "user", "content": "{user}"},
    ]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return str(rendered)


def convert_model(model: str, folder: Path, adapter: Path | None = None) -> Path:
    """Convert `model` to `folder` for CTranslate2 with int8 weights.

    Args:
        model: a folder in the Hugging Face layout, or an id that a reachable hub knows.
        adapter: folder of a PEFT adapter to merge into the weights.

    Raises:
        ModelError: the model cannot be loaded or is of a kind that is not supported.
    """
    import ctranslate2
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
    )

    try:
        config = AutoConfig.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        loaded = kind.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{model!r} cannot be loaded: {str(error).splitlines()[0]}",
            fix="give a folder with config.json, model.safetensors and tokenizer.json",
        ) from error
    if adapter is not None:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()
    scratch = folder.with_name(folder.name + ".making")
    shutil.rmtree(scratch, ignore_errors=True)
    merged = scratch / "merged"
    loaded.save_pretrained(merged)
    tokenizer.save_pretrained(merged)
    made = scratch / "ct2"
    try:
        converter = ctranslate2.converters.TransformersConverter(str(merged))
        converter.convert(str(made), quantization="int8")
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{model!r} cannot be converted: {error}") from error
    tokenizer.backend_tokenizer.save(str(made / "tokenizer.json"))
    manifest = {
        "name": Path(model).name + (f"+{adapter.name}" if adapter else ""),
        "runtime": "ctranslate2",
        "architecture": "encoder-decoder" if config.is_encoder_decoder else "decoder",
        "template": chat_template_of(tokenizer),
        "end": tokenizer.eos_token,
        "start": tokenizer.convert_ids_to_tokens(
            getattr(config, "decoder_start_token_id", None) or 0
        )
        if config.is_encoder_decoder
        else "",
    }
    (made / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    made.replace(folder)
    shutil.rmtree(scratch, ignore_errors=True)
    return folder

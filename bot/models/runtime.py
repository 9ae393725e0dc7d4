"""Load the models that the settings name.

Covered: registry models, folders made by `shopkeeper models convert`, OpenAI-compatible URLs for
the generator. Nothing is fetched or converted here: what is missing is an error with the command.
"""

from __future__ import annotations

from pathlib import Path

from bot.config import Settings
from bot.errors import ModelError
from bot.models.adapters import MOOD, READER, answer_adapter, encoder_adapter
from bot.models.ctranslate_generator import CTranslateGenerator
from bot.models.openai_generator import OpenAIGenerator
from bot.models.openvino_generator import OpenVinoGenerator
from bot.models.registry import DEFAULT_ENCODER, shipped_registry
from bot.models.setup import ModelHome, is_ready, manifest_of
from bot.outgoing import OutgoingRules
from bot.protocols import Encoder, Generator
from retrieval.encoder import OpenVinoEncoder
from retrieval.reader import CrossReader


def load_generator(settings: Settings) -> Generator:
    """The generator that `settings.generator` names.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    chosen = settings.generator
    if chosen.startswith(("http://", "https://")):
        key = settings.generator_api_key.get_secret_value()
        rules = OutgoingRules.of(settings.outgoing_allow, [chosen])
        return OpenAIGenerator(chosen, settings.generator_model, key, rules=rules)
    folder = Path(chosen)
    if not folder.is_dir():
        adapter = answer_adapter(settings.answer_adapter)
        folder = _ready_folder(chosen, settings, adapter.key if adapter else "")
    if manifest_of(folder).get("runtime") == "ctranslate2":
        return CTranslateGenerator.load(folder, settings.threads)
    return OpenVinoGenerator.load(folder, settings.threads, settings.kv_cache_gb)


def load_encoder(settings: Settings) -> Encoder:
    """The encoder that `settings.encoder` names.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    folder = Path(settings.encoder)
    if not folder.is_dir():
        folder = _ready_folder(settings.encoder, settings, "")
    return OpenVinoEncoder.load(folder, settings.threads)


def load_mood_encoder(settings: Settings) -> Encoder:
    """The encoder with the adapter that mood and intent were trained with.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    return OpenVinoEncoder.load(_skill(settings, MOOD), settings.threads)


def load_reader(settings: Settings) -> CrossReader:
    """The encoder with the reader's adapter and heads.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    return CrossReader.load(_skill(settings, READER), settings.threads)


def _skill(settings: Settings, name: str) -> Path:
    # Adapters belong to the registry's encoder, whatever encoder the index is built with.
    return _ready_folder(DEFAULT_ENCODER, settings, encoder_adapter(name).key)


def _ready_folder(name: str, settings: Settings, adapter_key: str) -> Path:
    spec = shipped_registry().find(name)
    folder = ModelHome(settings.models_dir).converted(spec, adapter_key)
    if not is_ready(spec, folder, adapter_key):
        raise ModelError(
            f"the {spec.role} {name} is not set up in {settings.models_dir}",
            fix="run: shopkeeper models setup",
        )
    return folder

"""Load the models that the settings name.

Covered: registry models, folders made by `shopkeeper models convert`, OpenAI-compatible URLs for
the generator. Nothing is fetched or converted here: what is missing is an error with the command.
"""

from __future__ import annotations

from pathlib import Path

from bot.config import Settings
from bot.errors import ModelError
from bot.models.adapters import (
    MOOD,
    READER,
    LoraAdapter,
    answer_adapter,
    encoder_adapter,
    search_adapter,
)
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
        folder = serving_folder(chosen, settings)
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
        folder = serving_folder(settings.encoder, settings)
    return OpenVinoEncoder.load(folder, settings.threads)


def load_mood_encoder(settings: Settings) -> Encoder:
    """The encoder with the adapter that mood, intents and follow-ups were trained with.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    return OpenVinoEncoder.load(skill_folder(MOOD, settings), settings.threads)


def load_reader(settings: Settings) -> CrossReader:
    """The encoder with the reader's adapter and heads.

    Raises:
        ModelError: it is not set up, or damaged.
    """
    return CrossReader.load(skill_folder(READER, settings), settings.threads)


def merged_adapter(name: str, settings: Settings) -> LoraAdapter | None:
    """The adapter that the settings want merged into the registry model `name`.

    Raises:
        ModelError: there is no such adapter, or it was made for something else.
    """
    if shipped_registry().find(name).role == "generator":
        return answer_adapter(settings.answer_adapter)
    # The shipped adapters belong to the registry's encoder and to no other.
    return search_adapter(settings.search_adapter) if name == DEFAULT_ENCODER else None


def serving_folder(name: str, settings: Settings) -> Path:
    """The converted folder of the registry model `name` with its adapter.

    Raises:
        ModelError: it is not set up.
    """
    adapter = merged_adapter(name, settings)
    return _ready_folder(name, settings, adapter.key if adapter else "")


def skill_folder(name: str, settings: Settings) -> Path:
    """The converted folder of the registry's encoder with the shipped adapter `name`.

    Raises:
        ModelError: it is not set up.
    """
    # These adapters belong to the registry's encoder, whatever encoder the index is built with.
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

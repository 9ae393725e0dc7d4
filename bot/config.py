"""Settings: one frozen object, from the environment (`SHOPKEEPER_…`) and an optional TOML file.

Secrets come from the environment only and hide in `repr`.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.errors import ConfigError

AnswerStyle = Literal["quote", "draft"]
"""`quote` answers in the shop's own sentences where it can, `draft` has the generator write."""


def _default_models_dir() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(cache) / "shopkeeper" / "models"


class Settings(BaseSettings):
    """Everything an operator can set. `shopkeeper config` prints the values in force."""

    model_config = SettingsConfigDict(
        env_prefix="SHOPKEEPER_",
        frozen=True,
        extra="forbid",
        toml_file="shopkeeper.toml",
    )

    home: Path = Field(Path("var"), description="Folder for the database, the index and logs.")
    models_dir: Path = Field(
        default_factory=_default_models_dir, description="Folder for model files, shared by shops."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty means SQLite in `home`. postgresql+psycopg://…"
    )
    shop_name_en: str = "Maple Lane"
    shop_name_zh: str = "枫里生活"
    examples_en: str = Field(
        "", description="Questions that an empty chat suggests: a | b; empty takes some of the FAQ."
    )
    examples_zh: str = Field("", description="The same on the Chinese page.")

    generator: str = Field(
        "qwen2.5-coder-0.5b-instruct",
        description="Registry name, a converted folder, or the URL of an OpenAI-compatible API.",
    )
    generator_model: str = Field("", description="Model name sent to an OpenAI-compatible API.")
    generator_api_key: SecretStr = SecretStr("")
    search: Literal["local", "pgvector"] = Field(
        "local",
        description="Where passages are searched: an index in `home`, or pgvector in PostgreSQL.",
    )
    encoder: str = Field("multilingual-e5-small", description="Registry name or folder.")
    answer_adapter: str = Field("default", description="Adapter for answering; `none` for none.")
    search_adapter: str = Field(
        "default",
        description="Adapter of the encoder for search; `none` for the encoder as it came. "
        "The index is built anew when it changes.",
    )
    threads: int = Field(0, ge=0, description="CPU threads for the models; 0 means all cores.")
    kv_cache_gb: int = Field(1, ge=1, le=64, description="Memory for the generator's cache.")

    answer_style: AnswerStyle = Field(
        "quote",
        description="`quote` answers in the shop's own sentences where it can; `draft` has the "
        "generator write every answer.",
    )
    passages_in_prompt: int = Field(3, ge=1, le=10)
    max_answer_tokens: int = Field(160, ge=16, le=1024)
    answer_deadline_s: float = Field(
        20.0, gt=0, description="A draft that takes longer is replaced by the shop's own text."
    )
    answer_precision: float = Field(
        0.92, gt=0, lt=1, description="Share of answered questions that must be answerable."
    )
    max_message_chars: int = Field(4000, ge=100)

    host: str = "127.0.0.1"
    port: int = Field(7860, ge=0, le=65535)
    workers: int = Field(4, ge=1, le=64, description="Conversations answered at the same time.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs console sessions; made and kept in `home` when empty."
    )
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="Encrypts what customers write (`shopkeeper privacy key` makes one); during a"
        " rotation the new and the old one, separated by a space.",
    )
    retention_days: int = Field(
        0, ge=0, le=36500, description="Conversations idle for so long are erased; 0 keeps them."
    )
    agent_hours: str = Field(
        "24/7", description="When people answer: `mon-fri 09:00-18:00, sat 10:00-14:00`."
    )
    agent_timezone: str = Field("UTC", description="Of these hours, e.g. Asia/Shanghai.")
    agent_days_off: str = Field("", description="Days on which nobody answers: 2026-12-25, …")
    handover_patience_min: float = Field(
        10.0,
        gt=0,
        le=10_080,
        description="Minutes of opening time until a handover that nobody took is escalated.",
    )
    reserved_topics: str = Field(
        "", description="CSV (topic, phrase) of topics kept for people, on top of the shipped ones."
    )
    intent_phrases: str = Field(
        "", description="CSV (intent, phrase, then) of examples that teach the shop's own intents."
    )

    chatwoot_url: str = ""
    chatwoot_token: SecretStr = SecretStr("")
    chatwoot_secret: SecretStr = SecretStr("")
    generic_url: str = Field("", description="Receives our events as Standard Webhooks.")
    generic_secret: SecretStr = Field(
        SecretStr(""),
        description="whsec_…; during a rotation the new and the old one, separated by a space.",
    )
    shop_currency: str = Field(
        "", description="ISO code of the prices that Shopify and WooCommerce send, e.g. EUR."
    )
    shopify_shop: str = Field("", description="The shop's domain, ….myshopify.com.")
    shopify_secret: SecretStr = Field(
        SecretStr(""), description="The app's client secret; old and new one during a rotation."
    )
    woocommerce_secret: SecretStr = Field(
        SecretStr(""), description="The webhooks' secret; old and new one during a rotation."
    )
    meta_app_secret: SecretStr = SecretStr("")
    meta_verify_token: SecretStr = Field(
        SecretStr(""), description="Made up by you, repeated in the app's webhook settings."
    )
    meta_graph_url: str = "https://graph.facebook.com/v23.0"
    messenger_token: SecretStr = Field(SecretStr(""), description="The page's access token.")
    whatsapp_token: SecretStr = Field(SecretStr(""), description="The system user's token.")
    slack_token: SecretStr = Field(SecretStr(""), description="The bot's token, xoxb-…")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_handoff_channel: str = Field("", description="Id of a channel told of handovers, C….")
    slack_api_url: str = "https://slack.com/api"
    events_url: str = Field(
        "", description="Is told of handovers, answers, unhappy customers and knowledge gaps."
    )
    events_secret: SecretStr = Field(
        SecretStr(""), description="whsec_…; the new and the old one during a rotation."
    )
    webhook_quiet_s: float = Field(
        1.5, ge=0, le=30, description="A pause of this length ends a burst of messages."
    )

    trusted_proxies: str = Field(
        "",
        description="Proxies whose X-Forwarded-For and -Proto count, e.g. 127.0.0.1, 10.0.0.0/8.",
    )
    rate_per_customer: str = Field("60/minute", description="Questions; empty for no limit.")
    rate_per_address: str = Field("240/minute", description="Questions, unless an API key is sent.")
    rate_per_shop: str = Field("1200/minute", description="Questions of all customers together.")
    requests_per_address: str = Field("1200/minute", description="Requests other than files.")
    requests_at_once: int = Field(500, ge=1, description="Pages and API; webhooks as many again.")
    requests_at_once_per_address: int = Field(60, ge=1)
    api_keys: Literal["optional", "required"] = Field(
        "optional", description="Whether /api/v1 answers without a key (`shopkeeper keys`)."
    )
    metrics: Literal["off", "on", "key"] = Field(
        "off", description="/metrics: off, for everybody, or for keys with the scope `metrics`."
    )
    tracing: Literal["off", "otlp", "console"] = Field(
        "off", description="OpenTelemetry spans (needs the tracing extra); OTEL_… variables count."
    )
    outgoing_allow: str = Field(
        "", description="Private networks and hosts to connect to all the same, e.g. 10.20.0.0/16."
    )

    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the base class names them)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, which wins over `shopkeeper.toml`."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'shopkeeper.db'}"

    @property
    def outgoing_urls(self) -> tuple[str, ...]:
        """The addresses that an operator named for this program to connect to."""
        named = [name for name in type(self).model_fields if name.endswith("_url")]
        values = [getattr(self, name) for name in named if name != "database_url"]
        return tuple(value for value in (*values, self.generator) if isinstance(value, str))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be written anywhere, each also in its parts."""
        held = [getattr(self, name) for name in type(self).model_fields]
        values = [v.get_secret_value() for v in held if isinstance(v, SecretStr)]
        urls = [url for url in (self.database_url, *self.outgoing_urls) if "@" in url]
        values += [url.rpartition("@")[0].partition("://")[2].partition(":")[2] for url in urls]
        return tuple(part for value in values for part in (value, *value.split()) if part)

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """The keys, newest first; none when texts are stored as they are."""
        return tuple(self.encryption_key.get_secret_value().split())

    @property
    def exports_dir(self) -> Path:
        """Where exports are written unless told otherwise; erasing a customer looks there too."""
        return self.home / "exports"

    @property
    def index_dir(self) -> Path:
        """Where the saved index lives."""
        return self.home / "index"


def load_settings(**overrides: Any) -> Settings:
    """Settings from arguments, environment and `shopkeeper.toml`, in this order.

    Raises:
        ConfigError: names the setting, its value and what would be accepted.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = get_close_matches(name, Settings.model_fields, 1)
            raise ConfigError(
                f"there is no setting {name!r}",
                fix=f"write {near[0]}" if near else "remove it; all there are: shopkeeper config",
            ) from error
        raise ConfigError(
            f"setting {name!r} has an unusable value: {first['msg']}",
            fix=f"correct SHOPKEEPER_{name.upper()} or {name} in shopkeeper.toml",
        ) from error

"""The connected systems of a shop, from its settings: routes for the application, and the worker.

Covered: which systems are connected, settings that do not go together. Not covered: the database
and the service (`bot.build`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import APIRouter

from bot.channels.conversing import AnswerTurn
from bot.channels.webhooks.adapter import Adapter
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.generic import Generic
from bot.channels.webhooks.pipeline import Pipeline, WebhookCounts
from bot.channels.webhooks.router import webhook_router
from bot.channels.worker import Worker, WorkerSettings
from bot.config import Settings
from bot.errors import ConfigError
from bot.outgoing import OutgoingRules
from bot.store.queue import SqlQueue


@dataclass(frozen=True)
class Webhooks:
    """Everything about connected systems.

    Attributes:
        router: to be included in the application.
        worker: to be started when the application starts, and stopped with it.
        channels: names of the systems; agents' doings in our console are sent there
            (`SqlConversations(push_channels=…)`).
        counts: metrics.
    """

    router: APIRouter
    worker: Worker
    channels: frozenset[str]
    counts: WebhookCounts


def connected_systems(settings: Settings) -> dict[str, Adapter]:
    """Adapters of the systems that the settings name; none is fine.

    Raises:
        ConfigError: a system is named by halves, or its address is none.
    """
    adapters: dict[str, Adapter] = {}
    chatwoot = _chatwoot(settings)
    if chatwoot is not None:
        adapters[chatwoot.name] = chatwoot
    generic = _generic(settings)
    if generic is not None:
        adapters[generic.name] = generic
    return adapters


def build_webhooks(
    settings: Settings,
    queue: SqlQueue,
    answer_turn: AnswerTurn,
    is_with_agent: Callable[[str], bool],
    adapters: Mapping[str, Adapter] | None = None,
    use: WorkerSettings | None = None,
) -> Webhooks:
    """Put the parts together.

    Args:
        settings: the settings in force.
        queue: inbox and outbox.
        answer_turn: `Service.answer_turn`.
        is_with_agent: `TurnStore.is_with_agent`.
        adapters: other systems than the settings name.
        use: how the worker works, if not as the settings say.

    Raises:
        ConfigError: see `connected_systems`.
    """
    systems = connected_systems(settings) if adapters is None else dict(adapters)
    use = use or WorkerSettings(answer_threads=settings.workers, quiet_s=settings.webhook_quiet_s)
    rules = OutgoingRules.of(settings.outgoing_allow, settings.outgoing_urls)
    worker = Worker(queue, answer_turn, systems, is_with_agent, use, rules)
    pipeline = Pipeline(systems, queue, worker.wake, quiet_s=use.quiet_s)
    return Webhooks(webhook_router(pipeline), worker, frozenset(systems), pipeline.counts)


def _chatwoot(settings: Settings) -> Chatwoot | None:
    given = {
        "SHOPKEEPER_CHATWOOT_URL": settings.chatwoot_url,
        "SHOPKEEPER_CHATWOOT_TOKEN": settings.chatwoot_token.get_secret_value(),
        "SHOPKEEPER_CHATWOOT_SECRET": settings.chatwoot_secret.get_secret_value(),
    }
    if not any(given.values()):
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ConfigError(
            f"Chatwoot is connected by halves: {', '.join(missing)} missing",
            fix="set all three; token and secret are shown when the agent bot is made",
        )
    url, token, secret = given.values()
    return Chatwoot(_address("SHOPKEEPER_CHATWOOT_URL", url), token, secret)


def _generic(settings: Settings) -> Generic | None:
    url, secrets = settings.generic_url, settings.generic_secret.get_secret_value().split()
    if not url and not secrets:
        return None
    if not url or not secrets:
        raise ConfigError(
            "Standard Webhooks are connected by halves: SHOPKEEPER_GENERIC_URL or"
            " SHOPKEEPER_GENERIC_SECRET is missing",
            fix="set both; a secret is whsec_ and the base64 of 24 to 64 random bytes",
        )
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_") + "==")
        except ValueError:
            key = b""
        if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
            raise ConfigError(
                "SHOPKEEPER_GENERIC_SECRET holds something that is no secret",
                fix="a secret is whsec_ and the base64 of 24 to 64 random bytes",
            )
    return Generic(_address("SHOPKEEPER_GENERIC_URL", url), tuple(secrets))


def _address(setting: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
    except ValueError:
        fit = False
    if not fit:
        raise ConfigError(
            f"{setting} {url[:100]!r} is no address", fix="write https://chat.example.com"
        )
    return url.rstrip("/")

"""The connected systems of a shop put together: routes for the application, and the worker.

Covered: which system's events are worked by what. Not covered: settings (`connecting`), the
database and the service (`bot.build`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter

from bot.channels.conversing import AnswerTurn
from bot.channels.webhooks.adapter import Adapter, Delivers, InboundOnly
from bot.channels.webhooks.connecting import connected_systems
from bot.channels.webhooks.pipeline import Pipeline, WebhookCounts
from bot.channels.webhooks.router import webhook_router
from bot.channels.worker import Worker, WorkerSettings
from bot.config import Settings
from bot.outgoing import OutgoingRules
from bot.store.queue import SqlQueue
from bot.store.queue_records import InboxItem


@dataclass(frozen=True)
class Webhooks:
    """Everything about connected systems.

    Attributes:
        router: to be included in the application.
        worker: to be started when the application starts, and stopped with it.
        channels: names of the chat systems; agents' doings in our console are sent there
            (`SqlConversations(push_channels=…)`).
        counts: metrics.
    """

    router: APIRouter
    worker: Worker
    channels: frozenset[str]
    counts: WebhookCounts


def build_webhooks(
    settings: Settings,
    queue: SqlQueue,
    answer_turn: AnswerTurn,
    is_with_agent: Callable[[str], bool],
    adapters: Mapping[str, Adapter] | None = None,
    *,
    shop_work: Callable[[InboxItem], None] | None = None,
    senders: Mapping[str, Delivers] | None = None,
    use: WorkerSettings | None = None,
) -> Webhooks:
    """Put the parts together.

    Args:
        settings: the settings in force.
        queue: inbox and outbox.
        answer_turn: `Service.answer_turn`.
        is_with_agent: `TurnStore.is_with_agent`.
        adapters: other systems than the settings name.
        shop_work: works what shop systems tell us (`ShopWork.work`); without it they are received
            and wait.
        senders: what else takes things out of the outbox, by channel (`EventSender`).
        use: how the worker works, if not as the settings say.

    Raises:
        ConfigError: see `connected_systems`.
    """
    systems = connected_systems(settings) if adapters is None else dict(adapters)
    shops = [name for name, adapter in systems.items() if isinstance(adapter, InboundOnly)]
    chats = {name: adapter for name, adapter in systems.items() if name not in shops}
    use = use or WorkerSettings(answer_threads=settings.workers, quiet_s=settings.webhook_quiet_s)
    counts = WebhookCounts()
    worker = Worker(
        queue,
        answer_turn,
        chats,
        is_with_agent,
        use,
        OutgoingRules.of(settings.outgoing_allow, settings.outgoing_urls),
        shops=dict.fromkeys(shops, shop_work) if shop_work is not None else {},
        senders=senders,
        count=counts.delivery,
    )
    pipeline = Pipeline(systems, queue, worker.wake, counts, quiet_s=use.quiet_s)
    return Webhooks(webhook_router(pipeline), worker, frozenset(chats), pipeline.counts)

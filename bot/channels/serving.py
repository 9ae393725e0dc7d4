"""Put an open shop behind its web application: pages, API, connected systems, their worker.

Covered: which parts the application is given. Not covered: the server process (`bot.commands`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from bot.build import Shop, handover_policy
from bot.channels.app import create_app
from bot.channels.connected import webhooks_of
from bot.channels.escalation import Escalating, Escalations
from bot.channels.housekeeping import Housekeeping
from bot.channels.knowledge_api import knowledge_router
from bot.channels.metrics import Metrics
from bot.channels.parts import AppParts
from bot.channels.privacy_api import privacy_router
from bot.channels.webhooks.connecting import connected_systems
from bot.console.secret import session_secret
from bot.observing import all_of
from bot.service import Service
from bot.store.access import Access
from bot.store.gauges import read_gauges
from bot.store.sql import SqlConversations
from bot.store.timers import SqlTimers
from bot.tracing import tracing
from bot.why import Why


@contextmanager
def assemble(shop: Shop, service: Service) -> Iterator[FastAPI]:
    """The application over `shop`, with its worker running while the context is open."""
    metrics = Metrics(CollectorRegistry(), lambda: read_gauges(shop.engine))
    with tracing(shop.settings) as trace:
        watched = replace(service, on_turn=all_of(metrics.turn, trace))
        with _assembled(shop, watched, metrics) as app:
            yield app


@contextmanager
def _assembled(shop: Shop, service: Service, metrics: Metrics) -> Iterator[FastAPI]:
    webhooks = webhooks_of(shop, service)
    metrics.registry.register(webhooks.counts.registry)
    parts = AppParts(
        settings=shop.settings,
        answer=service.answer,
        readiness=lambda: [*shop.readiness(), *webhooks.worker.readiness()],
        queries=shop.queries,
        feedback=shop.feedback,
        conversations=SqlConversations(shop.engine, push_channels=webhooks.channels),
        agents=shop.agents,
        knowledge=shop.knowledge,
        access=Access.of(shop.engine),
        session_secret=session_secret(shop.settings),
        why=Why(shop.parts.mood.readings),
    )
    escalating = Escalating(
        SqlTimers(shop.engine),
        handover_policy(shop.settings),
        connected_systems(shop.settings),
        webhooks.worker.wake_outbox,
    )
    housekeeping = Housekeeping(
        shop.engine, shop.settings.retention_days, shop.settings.exports_dir
    )
    with webhooks.worker, Escalations(escalating), housekeeping:
        routers = [
            webhooks.router,
            privacy_router(shop.engine, parts),
            knowledge_router(shop.knowledge, parts),
        ]
        app = create_app(parts, routers, metrics)
        app.state.on_stop = [webhooks.worker.claim_no_more]
        yield app

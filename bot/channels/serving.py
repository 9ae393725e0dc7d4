"""Put an open shop behind its web application: pages, API, connected systems, their worker.

Covered: which parts the application is given. Not covered: the server process (`bot.commands`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from bot.build import Shop
from bot.channels.app import create_app
from bot.channels.parts import AppParts
from bot.channels.webhooks.assembly import build_webhooks
from bot.console.secret import session_secret
from bot.service import Service
from bot.store.sql import SqlConversations


@contextmanager
def assemble(shop: Shop, service: Service) -> Iterator[FastAPI]:
    """The application over `shop`, with its worker running while the context is open."""
    webhooks = build_webhooks(
        shop.settings, shop.queue, service.answer_turn, shop.turns.is_with_agent
    )
    parts = AppParts(
        settings=shop.settings,
        answer=service.answer,
        readiness=shop.readiness,
        queries=shop.queries,
        feedback=shop.feedback,
        conversations=SqlConversations(shop.engine, push_channels=webhooks.channels),
        agents=shop.agents,
        session_secret=session_secret(shop.settings),
    )
    with webhooks.worker:
        yield create_app(parts, [webhooks.router])

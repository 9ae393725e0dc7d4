"""The web application: every page and route, put together from finished parts.

Covered: the order in which routes are tried, what wraps them. Not covered: making the parts
(`bot.build`), serving them (`bot.cli`). Connected systems add their routes with `routers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
import gradio as gr
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from bot.channels import problems
from bot.channels.admission import Admission, TrustedProxies
from bot.channels.chat_door import STATIC, STATIC_PATH, ChatDoor
from bot.channels.desk import Desk
from bot.channels.edge import Edge
from bot.channels.gradio_chat import build_chat
from bot.channels.http import api_router
from bot.channels.metrics import HttpMetrics, Metrics, metrics_router
from bot.channels.parts import AppParts
from bot.console.app import console_app

MAX_BODY_BYTES = 1024 * 1024
"""A product of a connected shop with all its variants; a long message is far smaller."""


def create_app(
    parts: AppParts, routers: Sequence[APIRouter] = (), metrics: Metrics | None = None
) -> FastAPI:
    """The application, ready for an ASGI server.

    Args:
        parts: what to serve.
        routers: more routes, e.g. of connected systems; tried before the chat page's.
        metrics: counts requests; shown at `/metrics` if the settings say so.
    """
    desk = Desk(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with desk.sharing:
            yield
        await anyio.to_thread.run_sync(desk.gate.shutdown)

    app = FastAPI(
        title=f"{parts.settings.shop_name_en} {parts.settings.shop_name_zh}: customer service",
        description="Answers customers' questions from the shop's own texts, in Chinese and "
        "English, each sentence with its source.",
        version="1",
        openapi_url="/api/v1/openapi.json",
        # The stock documentation pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(TrustedProxies, trusted=parts.settings.trusted_proxies),
            Middleware(Edge, max_body_bytes=MAX_BODY_BYTES),
            *([Middleware(HttpMetrics, metrics=metrics)] if metrics else []),
            Middleware(Admission, settings=parts.settings),
        ],
    )
    problems.install(app)
    app.include_router(api_router(parts, desk))
    for router in routers:
        app.include_router(router)
    if metrics is not None and parts.settings.metrics != "off":
        app.include_router(metrics_router(parts, metrics))
    app.mount(STATIC_PATH, StaticFiles(directory=STATIC))

    @app.get("/console", include_in_schema=False)
    def console_address(request: Request) -> RedirectResponse:
        return RedirectResponse(request.scope.get("root_path", "") + "/console/", 307)

    app.mount("/console", console_app(parts))
    in_a_loop(lambda: _mount_chat(app, parts, desk))
    return app


def in_a_loop(work: Callable[[], None]) -> None:
    """Run `work` where an event loop runs: outside of one, Gradio makes several and leaves them."""

    async def inside() -> None:
        work()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(inside())
    else:
        work()


def _mount_chat(app: FastAPI, parts: AppParts, desk: Desk) -> None:
    gr.mount_gradio_app(
        app,
        build_chat(parts.settings, desk),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        max_file_size=0,
    )
    mounted = app.routes[-1]
    if not isinstance(mounted, Mount):
        raise TypeError(f"the chat page was mounted as {mounted!r}")
    # Pages keep a stream open only to be told that they are gone; it must not hold up an end.
    app.state.idle_streams = [getattr(mounted.app, "stop_event").set]  # noqa: B009
    mounted.app = ChatDoor(mounted.app, parts.settings)

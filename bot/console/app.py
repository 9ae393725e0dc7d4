"""The agents' console: a web application of its own, mounted under `/console`.

Covered: putting routes, sessions and error pages together. Not covered: security headers
(`bot.channels.edge` sets them for the whole server).
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from bot.channels.parts import AppParts
from bot.console.actions import action_router
from bot.console.audit_page import audit_router
from bot.console.auth import (
    CsrfError,
    NotAllowedError,
    NotSignedInError,
    Sessions,
    leave_note,
    words,
)
from bot.console.lockout import Lockout
from bot.console.pages import page_router
from bot.console.people import people_router
from bot.console.render import STATIC, Renderer
from bot.console.teach import teach_router
from bot.console.why_page import why_router
from bot.errors import InputError


def console_app(parts: AppParts) -> FastAPI:
    """The console, ready to be mounted at `/console`."""
    renderer = Renderer(parts.settings)
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(Sessions, secret=parts.session_secret, path="/console")],
    )
    app.state.parts = parts
    app.include_router(page_router(parts, renderer, Lockout(parts.access.attempts)))
    app.include_router(action_router(parts))
    app.include_router(people_router(parts, renderer))
    app.include_router(why_router(parts, renderer))
    app.include_router(teach_router(parts, renderer))
    app.include_router(audit_router(parts, renderer))
    app.mount("/static", StaticFiles(directory=STATIC))
    _install_errors(app, renderer)
    return app


def _install_errors(app: FastAPI, renderer: Renderer) -> None:
    async def on_stranger(request: Request, _error: Exception) -> Response:
        base = request.scope.get("root_path", "")
        if request.query_params.get("part"):
            return Response(status_code=401)
        wanted = request.url.path if request.method == "GET" else f"{base}/"
        if request.url.query and request.method == "GET":
            wanted += f"?{request.url.query}"
        return RedirectResponse(f"{base}/login?next={quote(wanted, safe='')}", 303)

    async def on_forgery(request: Request, _error: Exception) -> Response:
        leave_note(request, words(request)("expired"), good=False)
        return RedirectResponse(request.scope.get("root_path", "") + "/", 303)

    async def on_forbidden(request: Request, _error: Exception) -> Response:
        return renderer.page(
            "error.html", request, words(request), status=403, known=True, forbidden=True
        )

    async def on_refusal(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return renderer.page(
            "error.html",
            request,
            words(request),
            status=status,
            known=status < 500,
            forbidden=False,
        )

    app.add_exception_handler(NotSignedInError, on_stranger)
    app.add_exception_handler(CsrfError, on_forgery)
    app.add_exception_handler(NotAllowedError, on_forbidden)
    app.add_exception_handler(HTTPException, on_refusal)
    app.add_exception_handler(RequestValidationError, on_refusal)
    app.add_exception_handler(InputError, on_refusal)
    app.add_exception_handler(500, on_refusal)

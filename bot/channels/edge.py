"""The outermost layer: a request id, security headers, a size limit, and no exception gets past it.

Covered: headers of every response, bodies that are too large, the answer to an unexpected error.
Not covered: the chat page's own policy, which needs a nonce per page (`bot.channels.chat_door`);
limits of rates and numbers (`bot.channels.admission`).
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Mapping

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels.problems import by_status, describe, headers_of, problem, too_large, words

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NUMBERS = random.Random()  # noqa: S311
"""Names in a log, no secrets. Asking the system for each would hand the interpreter to another
thread in the midst of every request."""

STRICT_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""For pages of our own: nothing inline, nothing from elsewhere, not in a frame."""

_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": STRICT_CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Edge:
    """ASGI middleware. A response that sets one of the headers itself keeps its own value.

    Starlette's own limit sits further out than any middleware and answers without our headers.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        offered = request.headers.get("x-request-id", "")
        request_id = (
            offered if _REQUEST_ID.fullmatch(offered) else f"{_NUMBERS.getrandbits(128):032x}"
        )
        scope["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request=request_id)
        started = False

        async def send_dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise HTTPException(413)
            return message

        try:
            if _announced(request) > self._limit:
                await too_large(request)(scope, receive, send_dressed)
            else:
                await self.app(scope, receive_limited, send_dressed)
        except Exception as error:
            refusal = _refusal(request, error)
            if refusal.status_code >= 500:
                log.exception("request %s to %s failed", request_id, scope["path"])
            if started:
                # Half an answer is out; only breaking the connection tells the client so.
                raise
            await refusal(scope, receive, send_dressed)


def _refusal(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return by_status(request, error.status_code, error.headers)
    described = describe(error, words(request))
    return problem(request, *described, headers=headers_of(error))


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0

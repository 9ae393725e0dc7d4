"""Who gets in at all: requests per address, requests at the same time, and time to send a body.

Covered: an ASGI layer in front of every route. What is too much is answered 429 with `Retry-After`
(never 503, which some chat systems take for "the bot is gone"). Connected systems share one address
each and sign what they send, so that only their number at the same time is bounded, apart from the
pages': a flood on one leaves the other open. Health checks and files always pass. Not covered: rates
of questions (`bot.channels.limits`), clients that send their headers slowly (a proxy's work).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.channels.gate import OverloadedError
from bot.channels.limits import RateLimiter, TooManyError, network_of, parse_rates
from bot.config import Settings

log = structlog.get_logger(__name__)

BODY_TIMEOUT_S: Final = 20.0
RETRY_AFTER_S: Final = 3
_FREE: Final = re.compile(
    r"/(?:healthz|readyz|metrics|theme\.css|assets/.*|static/.*|chat-static/.*|console/static/.*)"
)


class Admission:
    """ASGI middleware. Set up with the settings' limits; counts in this process."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        rates = parse_rates("SHOPKEEPER_REQUESTS_PER_ADDRESS", settings.requests_per_address)
        self._rate = RateLimiter(rates)
        self._at_once = settings.requests_at_once
        self._at_once_per_address = settings.requests_at_once_per_address
        self._pages = 0
        self._webhooks = 0
        self._by_address: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or raise what the edge turns into 429 or 408."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or _FREE.fullmatch(path):
            await self.app(scope, receive, send)
            return
        admitted = self._webhook() if path.startswith("/webhooks/") else self._page(scope)
        with admitted:
            await self.app(scope, _in_time(receive), send)

    @contextmanager
    def _webhook(self) -> Iterator[None]:
        if self._webhooks >= self._at_once:
            raise OverloadedError(RETRY_AFTER_S)
        self._webhooks += 1
        try:
            yield
        finally:
            self._webhooks -= 1

    @contextmanager
    def _page(self, scope: Scope) -> Iterator[None]:
        client = scope.get("client")
        address = network_of(client[0]) if client else ""
        if self._pages >= self._at_once:
            raise OverloadedError(RETRY_AFTER_S)
        if self._by_address[address] >= self._at_once_per_address:
            raise TooManyError("address", RETRY_AFTER_S)
        wait_s = self._rate.take(address)
        if wait_s > 0:
            raise TooManyError("address", wait_s)
        self._pages += 1
        self._by_address[address] += 1
        try:
            yield
        finally:
            self._pages -= 1
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]


def _in_time(receive: Receive) -> Receive:
    """A body must be there in time; waiting for the client to go away afterwards may last."""
    give_up = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
    complete = False

    async def timely() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(give_up):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return timely


class TrustedProxies:
    """ASGI middleware: the customer's address and scheme, from proxies that are trusted, else not.

    A forwarded header from anybody else is ignored, and the log says so once.
    """

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self.app = app
        hosts = [part.strip() for part in trusted.split(",") if part.strip()]
        self._behind = ProxyHeadersMiddleware(app, hosts)  # type: ignore[arg-type]
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not self._warned and scope["type"] == "http":
            self._warn(scope)
        await self._behind(scope, receive, send)  # type: ignore[arg-type]

    def _warn(self, scope: Scope) -> None:
        peer = (scope.get("client") or ("",))[0]
        told = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
        if told and peer not in self._behind.trusted_hosts:
            self._warned = True
            log.warning(
                "forwarded_header_ignored",
                peer=peer,
                fix="if this is your proxy, name it in SHOPKEEPER_TRUSTED_PROXIES",
            )

"""`POST /webhooks/<system>`, and GET for challenges: HTTP in front of the pipeline.

Covered: reading a body with a limit on size and time, a bounded number of requests that wait for
the database, statuses. Not covered: limits per address.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bot.channels.webhooks.adapter import Failure, Refused
from bot.channels.webhooks.pipeline import Ack, Pipeline

log = structlog.get_logger(__name__)

READ_TIMEOUT_S: Final = 5.0
STORE_TIMEOUT_S: Final = 4.0
"""Chatwoot waits five seconds for an answer and does not repeat what timed out."""

WAITING_REQUESTS: Final = 256


def webhook_router(pipeline: Pipeline) -> APIRouter:
    """The route, ready to be included in the application."""
    router = APIRouter(tags=["webhooks"])
    door = _Door(pipeline)

    @router.post(
        "/webhooks/{system}",
        summary="Events of a connected system",
        responses={
            400: {"description": "Not readable."},
            401: {"description": "Signature or timestamp is not right."},
            404: {"description": "No such system is connected."},
            413: {"description": "Too large."},
            429: {"description": "Busy: repeat it."},
            500: {"description": "Could not be stored: repeat it."},
        },
    )
    async def receive(system: str, request: Request) -> Response:
        """Verify, store, acknowledge. The answer is sent later, through the system's own API."""
        ack = await door.receive(system, request)
        headers = {} if ack.retry_after_s is None else {"Retry-After": str(ack.retry_after_s)}
        return Response(ack.body, ack.status, headers, ack.media_type)

    @router.get(
        "/webhooks/{system}",
        summary="Whether this address is ours: the verification of Meta's products",
        responses={
            403: {"description": "The token is not right."},
            405: {"description": "This system asks no such question."},
        },
    )
    def verify(system: str, request: Request) -> Response:
        """Answer the challenge of a system that verifies its webhooks by GET."""
        ack = pipeline.challenge(system, dict(request.query_params))
        if ack is None:
            return Response(status_code=405, headers={"Allow": "POST"})
        return Response(ack.body, ack.status, media_type=ack.media_type)

    return router


class _Door:
    """Lets requests in. It needs no thread of the pool that pages use: they cannot delay it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._waiting = 0

    async def receive(self, system: str, request: Request) -> Ack:
        started = time.perf_counter()
        pipeline = self._pipeline
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = (
            await self._read(request)
            if system in pipeline.adapters
            else Refused(Failure.UNKNOWN_SYSTEM)
        )
        if isinstance(body, Refused):
            return pipeline.refuse(system, body, 0)
        parsed = pipeline.examine(system, headers, body)
        if isinstance(parsed, Refused):
            return pipeline.refuse(system, parsed, len(body))
        if self._waiting >= WAITING_REQUESTS:
            log.warning("webhook_overload", system=system, waiting=self._waiting)
            return pipeline.later(system, "busy", 429)
        self._waiting += 1
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                ack = await pipeline.store(system, parsed)
        except TimeoutError:
            # What is under way may still be stored; then the repetition is a duplicate.
            log.warning("webhook_not_stored", system=system, error="the database is too slow")
            return pipeline.later(system, "too_slow", 500)
        finally:
            self._waiting -= 1
        took_ms = round(1000 * (time.perf_counter() - started), 1)
        log.debug("webhook_answered", system=system, status=ack.status, ms=took_ms)
        return ack

    async def _read(self, request: Request) -> bytes | Refused:
        limit = self._pipeline.max_body_bytes
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
            return Refused(Failure.TOO_LARGE, f"{announced[:20]} bytes announced")
        body = bytearray()
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit:
                        return Refused(Failure.TOO_LARGE, f"more than {limit} bytes")
        except (ClientDisconnect, TimeoutError):
            return Refused(Failure.CUT_OFF)
        return bytes(body)

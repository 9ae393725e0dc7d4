"""The open API: messages (JSON or server-sent events), feedback, health.

Covered: `POST /api/v1/messages`, `POST /api/v1/feedback`, `/healthz`, `/readyz`. Not covered:
connected systems (`bot.channels.webhooks`).

Events of a stream, in order: `started` once, `sentence` for each checked sentence, then `done`
with the outcome or `error` with a problem object. Lines that begin with a colon are heartbeats.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel

from bot.channels.api_access import key_for
from bot.channels.desk import Desk
from bot.channels.gate import AnswerStream
from bot.channels.intake import make_message, preferred_lang, to_lang
from bot.channels.parts import AppParts
from bot.channels.problems import PROBLEM_JSON, Problem, describe, problem, words
from bot.channels.schemas import (
    AnswerOut,
    CheckOut,
    FeedbackIn,
    MessageIn,
    OutcomeOut,
    ReadyOut,
    SentenceOut,
    StartedOut,
)
from bot.channels.streaming import EventStream
from bot.channels.texts import Refusals
from bot.errors import InputError
from bot.store.api_keys import ApiKey, Scope
from bot.types import Message, ReadinessCheck, Reply

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
READINESS_TIMEOUT_S = 5.0
READINESS_FRESH_S = 1.0
"""A load balancer that asks more often gets the last word again."""

_PROBLEM: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_STREAM_EXAMPLE = (
    'event: started\ndata: {"conversation_id": "web-42", "turn_id": "8f14…"}\n\n'
    'event: sentence\ndata: {"index": 0, "text": "You have 14 days …", "kind": "sentence", '
    '"citations": [{"number": 1, "title": "…", …}]}\n\n'
    'event: done\ndata: {"turn_id": "8f14…", "action": "answer", "reason": "answerable", …}\n\n'
)


def api_router(parts: AppParts, desk: Desk) -> APIRouter:
    """The routes, answering with `desk`."""
    router = APIRouter()
    demanded = key_for(parts, Scope.MESSAGES)
    Key = Annotated[ApiKey | None, Depends(demanded)]  # noqa: N806 (a type)

    @router.post(
        "/api/v1/messages",
        response_model=AnswerOut,
        tags=["messages"],
        summary="Ask a question",
        responses={
            200: {
                "description": "The answer. With `Accept: text/event-stream` it comes sentence by "
                "sentence: `started`, `sentence` …, then `done` or `error`.",
                "content": {
                    "text/event-stream": {"schema": {"type": "string"}, "example": _STREAM_EXAMPLE}
                },
            },
            401: _PROBLEM | {"description": "The shop demands an API key."},
            403: _PROBLEM | {"description": "The API key lacks the scope `messages`."},
            413: _PROBLEM | {"description": "The request is too large."},
            422: _PROBLEM | {"description": "Empty, too long, or not in this format."},
            429: _PROBLEM | {"description": "Too many customers; see `Retry-After`."},
            500: _PROBLEM | {"description": "Something failed on our side."},
        },
    )
    async def post_message(body: MessageIn, request: Request, key: Key) -> Response:
        """Answer one message of a customer from the shop's texts.

        The same question sent again is answered again: send each message once.
        """
        asked = request.headers.get("accept-language", "")
        message = make_message(
            body.text,
            channel="api",
            limit=parts.settings.max_message_chars,
            conversation_id=body.conversation_id,
            customer_id=body.customer_id or "",
            lang=to_lang(body.lang) or (preferred_lang(asked) if asked else None),
        )
        # Whoever has a key asks for many customers from one address.
        stream = desk.open(message, "" if key else address_of(request))
        if "text/event-stream" in request.headers.get("accept", ""):
            return EventStream(_events(desk, stream, message, words(request)))
        async with stream:
            replies = [reply async for reply in stream]
        outcome = await _outcome(desk, message, replies)
        sentences = [SentenceOut.of(index, reply) for index, reply in enumerate(replies)]
        return JSONResponse(AnswerOut(**outcome.model_dump(), sentences=sentences).model_dump())

    @router.post(
        "/api/v1/feedback",
        status_code=204,
        tags=["messages"],
        summary="Vote on an answer",
        responses={
            401: _PROBLEM,
            403: _PROBLEM,
            404: _PROBLEM | {"description": "No such answer."},
            422: _PROBLEM,
        },
        dependencies=[Depends(demanded)],
    )
    async def post_feedback(body: FeedbackIn, request: Request) -> Response:
        """Store a thumb up or down with the turn it belongs to; `none` takes it back."""
        value: Literal[-1, 0, 1] = {"up": 1, "none": 0, "down": -1}[body.value]  # type: ignore[assignment]
        try:
            await anyio.to_thread.run_sync(desk.vote, body.turn_id, value, body.comment)
        except InputError:
            detail = words(request).unknown_turn
            return problem(request, 404, "unknown-turn", "Unknown turn", detail)
        return Response(status_code=204)

    @router.get("/healthz", tags=["operations"], summary="Is the process alive?")
    async def healthz() -> dict[str, str]:
        """Always `ok` while the process can answer at all."""
        return {"status": "ok"}

    probe = _Probe(parts)

    @router.get(
        "/readyz",
        response_model=ReadyOut,
        tags=["operations"],
        summary="Can it answer customers now?",
        responses={503: {"model": ReadyOut, "description": "Not now; see `checks`."}},
    )
    async def readyz() -> Response:
        """Looks at models, index and database at this moment."""
        checks = await probe.look()
        ready = bool(checks) and all(check.ok for check in checks)
        listed = [CheckOut(name=c.name, ok=c.ok, detail=c.detail) for c in checks]
        body = ReadyOut(ready=ready, checks=listed)
        return JSONResponse(body.model_dump(), 200 if ready else 503)

    return router


def address_of(request: Request) -> str:
    """Where a request comes from; behind a trusted proxy the customer's address."""
    return request.client.host if request.client else ""


async def _outcome(desk: Desk, message: Message, replies: list[Reply]) -> OutcomeOut:
    turn = await desk.stored_turn(message.message_id)
    return OutcomeOut.of(message.conversation_id, message.message_id, replies, turn)


async def _events(
    desk: Desk, stream: AnswerStream, message: Message, text: Refusals
) -> AsyncGenerator[bytes, None]:
    """The answer as events. Closing this iterator frees the generator."""
    async with stream:
        started = StartedOut(conversation_id=message.conversation_id, turn_id=message.message_id)
        yield _event("started", started)
        replies: list[Reply] = []
        try:
            async for reply in _with_heartbeats(stream):
                if reply is None:
                    yield KEEPALIVE_COMMENT
                    continue
                yield _event("sentence", SentenceOut.of(len(replies), reply))
                replies.append(reply)
            yield _event("done", await _outcome(desk, message, replies))
        except Exception as error:
            log.exception("turn %s failed", message.message_id)
            status, code, title, detail = describe(error, text)
            yield _event(
                "error",
                Problem(
                    type=code,
                    title=title,
                    status=status,
                    detail=detail,
                    request_id=message.message_id,
                ),
            )


async def _with_heartbeats(stream: AnswerStream) -> AsyncIterator[Reply | None]:
    """Replies, with None whenever nothing came for a while."""
    pending = asyncio.ensure_future(anext(stream, None))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT_S)
            if not done:
                yield None
                continue
            reply = pending.result()
            if reply is None:
                return
            yield reply
            pending = asyncio.ensure_future(anext(stream, None))
    finally:
        pending.cancel()


# Many clients take these for line ends, as Python's `splitlines` does.
_LINE_ENDS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json().translate(_LINE_ENDS))


class _Probe:
    """Readiness, looked up at most once a second and never for longer than a few."""

    def __init__(self, parts: AppParts) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._checks: Sequence[ReadinessCheck] = ()
        self._at = float("-inf")

    async def look(self) -> Sequence[ReadinessCheck]:
        async with self._lock:
            if time.monotonic() - self._at >= READINESS_FRESH_S:
                self._checks = await self._ask()
                self._at = time.monotonic()
            return self._checks

    async def _ask(self) -> Sequence[ReadinessCheck]:
        try:
            with anyio.fail_after(READINESS_TIMEOUT_S):
                return await anyio.to_thread.run_sync(self._parts.readiness, abandon_on_cancel=True)
        except TimeoutError:
            late = f"no answer within {READINESS_TIMEOUT_S:.0f} s"
            return (ReadinessCheck("readiness", ok=False, detail=late),)
        except Exception:
            log.exception("the readiness check failed")
            return (ReadinessCheck("readiness", ok=False, detail="failed; see the log"),)

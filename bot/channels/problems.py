"""Errors as the API tells them: `application/problem+json` (RFC 9457), polite, in two languages.

Covered: what went wrong on a JSON route. A customer never reads an exception's text; the log does,
under the same request id. Not covered: the console's error page (`bot.console`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from bot.channels.api_access import NoKeyError, ScopeError
from bot.channels.gate import OverloadedError
from bot.channels.intake import BadIdError, EmptyTextError, TextTooLongError, preferred_lang
from bot.channels.limits import TooManyError
from bot.channels.texts import Refusals, refusals
from bot.errors import InputError

PROBLEM_JSON = "application/problem+json"


class Problem(BaseModel):
    """A refusal. `detail` may be shown to a customer; `request_id` finds it in the log."""

    type: str = Field(examples=["text-too-long"], description="Stable code of the problem.")
    title: str = Field(examples=["Message too long"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["Sorry, that is too long for me: …"])
    request_id: str = Field(examples=["8f14e45fceea467a9c3d1a5b2f6e7c90"])


_TITLES = {
    404: ("not-found", "Not found", "not_found"),
    408: ("too-slow", "Too slow", "too_slow"),
    405: ("method-not-allowed", "Method not allowed", "method"),
    413: ("too-large", "Too large", "too_large"),
}


def words(request: Request) -> Refusals:
    """The refusals in the language this client asks for."""
    return refusals(preferred_lang(request.headers.get("accept-language", "")))


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem object as response."""
    body = Problem(
        type=code,
        title=title,
        status=status,
        detail=detail,
        request_id=request.scope.get("request_id", ""),
    )
    return JSONResponse(
        body.model_dump(), status, headers=dict(headers or {}), media_type=PROBLEM_JSON
    )


def describe(error: Exception, text: Refusals) -> tuple[int, str, str, str]:
    """Status, code, title and polite detail for an error raised while answering."""
    if isinstance(error, EmptyTextError):
        return 422, "empty-text", "Empty message", text.empty
    if isinstance(error, TextTooLongError):
        detail = text.too_long.format(limit=f"{error.limit:,}")
        return 422, "text-too-long", "Message too long", detail
    if isinstance(error, BadIdError):
        return 422, "bad-id", "Unusable identifier", text.bad_id.format(hint=str(error))
    if isinstance(error, InputError):
        return 422, "bad-input", "Unusable input", text.unreadable.format(hint=error.message)
    if isinstance(error, TooManyError):
        return (
            429,
            "too-many",
            "Too many requests",
            text.slow_down.format(seconds=error.retry_after_s),
        )
    if isinstance(error, OverloadedError):
        detail = text.busy.format(seconds=error.retry_after_s)
        return 429, "busy", "Busy", detail
    if isinstance(error, NoKeyError):
        return 401, "no-key", "API key needed", text.no_key
    if isinstance(error, ScopeError):
        return 403, "no-scope", "Not allowed", text.no_scope.format(scope=error.scope.value)
    return 500, "failed", "Internal error", text.failed


def headers_of(error: Exception) -> dict[str, str]:
    """Headers that go with the refusal."""
    if isinstance(error, OverloadedError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, NoKeyError) else {}


def too_large(request: Request) -> JSONResponse:
    """The refusal of a body that is too large."""
    return by_status(request, 413)


def by_status(
    request: Request, status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The refusal that goes with a bare status."""
    code, title, name = _TITLES.get(status, ("refused", "Refused", "failed"))
    return problem(request, status, code, title, getattr(words(request), name), headers)


def install(app: FastAPI) -> None:
    """Answer refusals of `app` with a problem object; `bot.channels.edge` does it for crashes."""

    async def on_known(request: Request, error: Exception) -> Response:
        status, code, title, detail = describe(error, words(request))
        return problem(request, status, code, title, detail, headers_of(error))

    async def on_invalid(request: Request, error: Exception) -> Response:
        hint = _first_fault(error.errors()) if isinstance(error, RequestValidationError) else ""
        detail = words(request).unreadable.format(hint=hint)
        return problem(request, 422, "invalid-request", "Invalid request", detail)

    async def on_http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return by_status(request, status, getattr(error, "headers", None))

    app.add_exception_handler(InputError, on_known)
    app.add_exception_handler(OverloadedError, on_known)
    app.add_exception_handler(NoKeyError, on_known)
    app.add_exception_handler(ScopeError, on_known)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)


def _first_fault(errors: Any) -> str:
    """Where and why, without repeating what was sent."""
    for error in errors:
        place = ".".join(str(part) for part in error.get("loc", ()) if part != "body")
        message = str(error.get("msg", ""))
        return f"{place}: {message}" if place else message
    return ""

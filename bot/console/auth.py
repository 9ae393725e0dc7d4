"""Who is signed in, and whether a form came from our own page.

Covered: the signed session cookie, the session and the person behind it, what the person may do,
CSRF tokens, the language of the console, one-time messages. Not covered: checking passwords
(`bot.store.agents`), which role has which right (`bot.console.roles`).

The cookie holds a random token; session and person are looked up on every request, so that whoever
signed out, was disabled or got a new password is out at once, with every copy of the cookie.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.channels.intake import preferred_lang
from bot.channels.texts import UiLang, ui_lang
from bot.console.roles import Right, may
from bot.console.texts import Words
from bot.console.watch import watched
from bot.store.agents import Agent
from bot.store.sessions import SESSION, SqlSessions

COOKIE = "shopkeeper_console"
SESSION_S = int(SESSION.total_seconds())


class NotSignedInError(Exception):
    """Nobody is signed in; the browser is sent to the sign-in page."""


class NotAllowedError(Exception):
    """The person's role may not do this; nothing was done."""


class CsrfError(Exception):
    """The form was not made for this session; nothing was done."""


class Sessions:
    """ASGI middleware: a signed cookie, `Secure` whenever the request came over https."""

    def __init__(self, app: ASGIApp, secret: str, path: str) -> None:
        common: dict[str, Any] = {
            "secret_key": secret,
            "session_cookie": COOKIE,
            "max_age": SESSION_S,
            "path": path,
            "same_site": "lax",
        }
        self._open = SessionMiddleware(app, https_only=False, **common)
        self._secure = SessionMiddleware(app, https_only=True, **common)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with its session in `scope`."""
        chosen = self._secure if scope.get("scheme") == "https" else self._open
        await chosen(scope, receive, send)


def sign_in(request: Request, agent: Agent) -> None:
    """Begin a fresh session: nothing of the one before sign-in is kept but the language."""
    lang = request.session.get("lang")
    sign_out(request)
    request.session["token"] = _sessions(request).begin(agent.name)
    request.app.state.parts.access.audit.record(f"console:{agent.name}", "console.sign_in")
    if lang:
        request.session["lang"] = lang


def sign_out(request: Request) -> None:
    """End the session, here and for every copy of its cookie."""
    token = request.session.get("token")
    request.session.clear()
    if isinstance(token, str):
        _sessions(request).end(token)


def csrf_token(request: Request) -> str:
    """The token that forms of this session carry."""
    token = request.session.get("csrf")
    if not isinstance(token, str):
        token = request.session["csrf"] = secrets.token_urlsafe(24)
    return token


def checked_form(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    """Dependency of every form.

    Raises:
        CsrfError: the token is missing or another session's.
    """
    expected = request.session.get("csrf")
    if not isinstance(expected, str) or not secrets.compare_digest(
        expected.encode(), csrf.encode(errors="replace")
    ):
        raise CsrfError


def current_agent(request: Request) -> Agent:
    """Dependency of every page behind the sign-in.

    Raises:
        NotSignedInError: nobody is signed in, or the person has been disabled since.
    """
    token = request.session.get("token")
    agent = _sessions(request).agent(token) if isinstance(token, str) else None
    if agent is None:
        raise NotSignedInError
    return agent


def with_right(right: Right) -> Any:
    """A dependency: the signed-in person, who may do this.

    Raises (when used):
        NotSignedInError: nobody is signed in.
        NotAllowedError: the person's role lacks the right.
    """

    async def allowed(request: Request, agent: Annotated[Agent, Depends(current_agent)]) -> Agent:
        allows = may(agent.role, right)
        await watched(request, agent, refused=not allows)
        if not allows:
            raise NotAllowedError
        return agent

    return Depends(allowed)


def _sessions(request: Request) -> SqlSessions:
    sessions: SqlSessions = request.app.state.parts.access.sessions
    return sessions


def words(request: Request) -> Words:
    """The console's texts in the agent's language: chosen once, else the browser's."""
    wanted: object = request.query_params.get("lang")
    if wanted in ("en", "zh"):
        request.session["lang"] = wanted
    chosen = request.session.get("lang")
    if chosen in ("en", "zh"):
        lang: UiLang = "zh" if chosen == "zh" else "en"
        return Words(lang)
    return Words(ui_lang(preferred_lang(request.headers.get("accept-language", ""))))


def leave_note(request: Request, text: str, *, good: bool = True) -> None:
    """Show `text` on the next page, once."""
    request.session["note"] = {"text": text[:500], "good": good}


def take_note(request: Request) -> dict[str, Any] | None:
    """The message left for this page, if any."""
    if "note" not in request.session:
        return None
    note: dict[str, Any] = request.session.pop("note")
    return note


Reader = Annotated[Agent, with_right(Right.READ)]
Server = Annotated[Agent, with_right(Right.SERVE)]
Teacher = Annotated[Agent, with_right(Right.TEACH)]
Manager = Annotated[Agent, with_right(Right.PEOPLE)]
Guardian = Annotated[Agent, with_right(Right.PRIVACY)]
Spoken = Annotated[Words, Depends(words)]

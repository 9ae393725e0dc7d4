"""The console's pages: sign-in, the list, one conversation, unanswered questions.

Covered: reading and showing. Not covered: what agents do to a conversation
(`bot.console.actions`), templates' looks.
"""

from __future__ import annotations

import math
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from bot.channels.parts import AppParts
from bot.console.auth import Reader, Spoken, checked_form, sign_in, sign_out
from bot.console.lockout import Lockout
from bot.console.render import Renderer
from bot.console.teach import written
from bot.console.turn_view import lines, moods
from bot.store.agents import SignInBusyError
from bot.store.records import ConversationFilter

PAGE_SIZE = 40
UNANSWERED_SHOWN = 200
VIEWS: Final = ("all", "waiting", "mine", "unhappy", "handed_over", "unanswered", "own")


def page_router(parts: AppParts, renderer: Renderer, lockout: Lockout) -> APIRouter:
    """Routes of the pages."""
    router = APIRouter()

    @router.get("/login")
    def login_page(request: Request, say: Spoken) -> Response:
        return renderer.page("login.html", request, say, problem="", name="")

    @router.post("/login", dependencies=[Depends(checked_form)])
    def login(
        request: Request,
        say: Spoken,
        name: Annotated[str, Form(max_length=300)] = "",
        password: Annotated[str, Form(max_length=5000)] = "",
    ) -> Response:
        def again(status: int, problem: str, wait_s: float = 0.0) -> Response:
            page = renderer.page(
                "login.html", request, say, status=status, problem=problem, name=name
            )
            if wait_s > 0:
                page.headers["Retry-After"] = str(math.ceil(wait_s))
            return page

        address = request.client.host if request.client else ""
        attempt = lockout.attempt(name, address)
        if attempt.wait_s > 0:
            minutes = max(1, round(attempt.wait_s / 60))
            return again(429, say("locked", minutes=minutes), attempt.wait_s)
        try:
            agent = parts.agents.verify(name, password)
        except SignInBusyError:
            return again(429, say("sign_in_busy"), 5.0)
        if agent is None:
            # A name nobody has may be a password in the wrong field.
            known = name if parts.agents.get(name) is not None else ""
            parts.access.audit.record("console", "console.sign_in_failed", known)
            return again(401, say("wrong"))
        lockout.succeeded(name, address, attempt)
        sign_in(request, agent)
        return RedirectResponse(_local(request, request.query_params.get("next", "")), 303)

    @router.post("/logout", dependencies=[Depends(checked_form)])
    def logout(request: Request) -> Response:
        sign_out(request)
        return RedirectResponse(request.scope.get("root_path", "") + "/login", 303)

    @router.get("/")
    def conversation_list(
        request: Request,
        say: Spoken,
        agent: Reader,
        view: str = "all",
        q: str = "",
        before: str = "",
        part: str = "",
    ) -> Response:
        view = view if view in VIEWS else "all"
        page = parts.queries.conversations(_filter(view, q, agent.name), PAGE_SIZE, before or None)
        counts = parts.queries.counts(agent.name)
        counted = {
            "all": counts.all,
            "waiting": counts.waiting,
            "mine": counts.with_agents,
            "own": counts.own,
            "unhappy": counts.unhappy,
            "handed_over": counts.handed_over,
            "unanswered": counts.unanswered,
        }

        def link(**changes: str) -> str:
            wanted = {"view": view, "q": q, **changes}
            return "?" + urlencode({key: value for key, value in wanted.items() if value})

        return renderer.page(
            "rows.html" if part == "rows" else "list.html",
            request,
            say,
            agent=agent,
            fragment=part == "rows",
            items=page.items,
            next_page=page.next,
            view=view,
            q=q,
            before=before,
            encrypted=parts.queries.encrypted,
            counted=counted,
            link=link,
        )

    @router.get("/c/{conversation_id:path}")
    def conversation(
        request: Request, say: Spoken, agent: Reader, conversation_id: str, part: str = ""
    ) -> Response:
        if part == "pulse":
            summary = parts.queries.summary(conversation_id)
            if summary is None:
                raise HTTPException(404)
            # Anything an agent could see change: a message, who is up, a vote.
            mark = [
                summary.last_at.isoformat(),
                summary.status,
                summary.assigned_to,
                summary.turns,
                summary.feedback,
                summary.overdue,
            ]
            return JSONResponse({"mark": mark}, headers={"Cache-Control": "no-store"})
        detail = parts.queries.conversation(conversation_id)
        if detail is None:
            raise HTTPException(404)
        return renderer.page(
            "conversation.html",
            request,
            say,
            agent=agent,
            it=detail.summary,
            lines=lines(detail.messages, detail.turns),
            moods=moods(detail.turns),
            handover=detail.handover,
            episodes=detail.episodes,
            last_mood=detail.turns[-1].turn.mood if detail.turns else None,
            following=_next_waiting(parts, conversation_id),
        )

    @router.get("/unanswered")
    def unanswered(request: Request, say: Spoken, agent: Reader) -> Response:
        found = parts.queries.unanswered_questions(UNANSWERED_SHOWN + 1)
        return renderer.page(
            "unanswered.html",
            request,
            say,
            agent=agent,
            items=found[:UNANSWERED_SHOWN],
            written=written(parts, [one.turn_id for one in found]),
            more=len(found) > UNANSWERED_SHOWN,
            shown=UNANSWERED_SHOWN,
        )

    return router


def _next_waiting(parts: AppParts, but: str) -> str:
    """Whom to serve next, other than the conversation on the page; "" when nobody waits."""
    first = parts.queries.conversations(_filter("waiting"), 2).items
    return next((one.conversation_id for one in first if one.conversation_id != but), "")


def _filter(view: str, search: str = "", agent: str = "") -> ConversationFilter:
    return ConversationFilter(
        unhappy=view == "unhappy",
        handed_over=view == "handed_over",
        unanswered=view == "unanswered",
        status={"waiting": "waiting", "mine": "agent", "own": "agent"}.get(view, ""),
        assigned_to=agent if view == "own" else "",
        search=search,
    )


def _local(request: Request, wanted: str) -> str:
    """Where to go after signing in: a page of the console, never somewhere else."""
    base = request.scope.get("root_path", "")
    inside = wanted.startswith(f"{base}/") and "\\" not in wanted and "//" not in wanted
    return wanted if inside and wanted.isprintable() else f"{base}/"

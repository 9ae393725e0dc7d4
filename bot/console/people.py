"""The page on which admins manage who may sign in.

Covered: adding, roles, new passwords, disabling, signing out everywhere. Not covered: what is
allowed (`bot.store.agents` refuses, e.g. to disable the last admin).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from bot.channels.parts import AppParts
from bot.console.auth import Manager, Spoken, checked_form, leave_note
from bot.console.render import Renderer
from bot.errors import InputError
from bot.store.agents import Role

log = structlog.get_logger(__name__)

_ROLES: Final[dict[str, Role]] = {"agent": "agent", "admin": "admin"}


def people_router(parts: AppParts, renderer: Renderer) -> APIRouter:
    """Routes of the page and its forms."""
    router = APIRouter(prefix="/people")
    agents, sessions = parts.agents, parts.access.sessions

    @router.get("")
    def people(request: Request, say: Spoken, agent: Manager) -> Response:
        return renderer.page("people.html", request, say, agent=agent, people=agents.list())

    @router.post("/add", dependencies=[Depends(checked_form)])
    def add(
        request: Request,
        say: Spoken,
        agent: Manager,
        name: Annotated[str, Form(max_length=300)] = "",
        password: Annotated[str, Form(max_length=5000)] = "",
        role: Annotated[str, Form(max_length=20)] = "agent",
    ) -> Response:
        def act() -> None:
            agents.create(name, password, _ROLES.get(role, "agent"))
            log.info("agent_added", by=agent.name, name=name, role=role)

        return back(request, say("done_person_added", name=name), act, say)

    @router.post("/change", dependencies=[Depends(checked_form)])
    def change(
        request: Request,
        say: Spoken,
        agent: Manager,
        name: Annotated[str, Form(max_length=300)],
        what: Annotated[str, Form(max_length=20)],
        password: Annotated[str, Form(max_length=5000)] = "",
    ) -> Response:
        doings: dict[str, Callable[[], object]] = {
            "admin": lambda: agents.set_role(name, "admin"),
            "agent": lambda: agents.set_role(name, "agent"),
            "disable": lambda: agents.disable(name),
            "enable": lambda: agents.enable(name),
            "password": lambda: agents.set_password(name, password),
            "sign_out": lambda: sessions.end_all(name),
        }

        def act() -> None:
            if what not in doings:
                raise InputError(f"there is nothing called {what[:40]!r} to do")
            doings[what]()
            log.info("agent_changed", by=agent.name, name=name, what=what)

        return back(request, say("done_person_changed", name=name), act, say)

    def back(request: Request, done: str, act: Callable[[], None], say: Spoken) -> Response:
        try:
            act()
            leave_note(request, done)
        except InputError as error:
            leave_note(request, say("refused", why=str(error)), good=False)
        return RedirectResponse(request.scope.get("root_path", "") + "/people", 303)

    return router

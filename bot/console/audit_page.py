"""The page on which admins read the audit log: who read or changed what, newest first.

Covered: filters by person, beginning of an action, and subject; pages. Not covered: changing
anything (the database refuses that).
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from bot.channels.parts import AppParts
from bot.console.auth import Guardian, Spoken
from bot.console.render import Renderer
from bot.store.audit import AuditFilter

PAGE: Final = 100
_Short = Query(max_length=300)


def audit_router(parts: AppParts, renderer: Renderer) -> APIRouter:
    """The route of the page."""
    router = APIRouter()

    @router.get("/audit")
    def audit(
        request: Request,
        say: Spoken,
        agent: Guardian,
        actor: Annotated[str, _Short] = "",
        action: Annotated[str, _Short] = "",
        subject: Annotated[str, _Short] = "",
        before: Annotated[int, Query(ge=0, le=2**62)] = 0,
    ) -> Response:
        where = AuditFilter(actor.strip(), action.strip(), subject.strip())
        found = parts.access.audit.entries(where, PAGE + 1, before or None)
        wanted = {"actor": where.actor, "action": where.action, "subject": where.subject}
        chosen = {name: value for name, value in wanted.items() if value}
        older = ""
        if len(found) > PAGE:
            older = "?" + urlencode({**chosen, "before": str(found[PAGE - 1].entry_id)})
        return renderer.page(
            "audit.html",
            request,
            say,
            agent=agent,
            items=found[:PAGE],
            wanted=wanted,
            filtered=bool(chosen),
            older=older,
        )

    return router

"""The page that shows which words of a customer's message drove its mood.

Covered: highlighted text, as a page of its own and as a piece of the conversation's. The encoder
runs only when an agent asks. Not covered: how words are weighed (`bot.why`).
"""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from bot.channels.parts import AppParts
from bot.console.auth import Reader, Spoken
from bot.console.render import Renderer


def why_router(parts: AppParts, renderer: Renderer) -> APIRouter:
    """Route of the page."""
    router = APIRouter()

    @router.get("/why/{turn_id:path}")
    def why(request: Request, say: Spoken, agent: Reader, turn_id: str, part: str = "") -> Response:
        record = parts.queries.turn(turn_id)
        if record is None:
            raise HTTPException(404)
        turn = record.turn
        return renderer.page(
            "why_words.html" if part == "words" else "why.html",
            request,
            say,
            agent=agent,
            fragment=part == "words",
            turn=turn,
            explained=parts.why(turn.message.text),
        )

    return router

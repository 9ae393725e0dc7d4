"""What agents do with a conversation: take over, reply, hand back, resolve.

Covered: the forms of the conversation page. Each action leads back to the page with a note. Not
covered: what is allowed when (`bot.handover.states` decides and refuses).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from bot.channels.parts import AppParts
from bot.console.auth import Server, Spoken, checked_form, leave_note
from bot.console.texts import Words
from bot.errors import InputError


def action_router(parts: AppParts) -> APIRouter:
    """Routes of the actions. The conversation's id is a form field: it may hold any character."""
    router = APIRouter(prefix="/do", dependencies=[Depends(checked_form)])
    desk = parts.conversations

    def back(
        request: Request, say: Words, conversation_id: str, done: str, act: Callable[[], object]
    ) -> Response:
        try:
            act()
            leave_note(request, say(done))
        except InputError as error:
            leave_note(request, say("refused", why=error.message), good=False)
        base = request.scope.get("root_path", "")
        return RedirectResponse(f"{base}/c/{quote(conversation_id, safe='')}#end", 303)

    @router.post("/take_over")
    def take_over(
        request: Request, say: Spoken, agent: Server, conversation_id: Annotated[str, Form()]
    ) -> Response:
        return back(
            request,
            say,
            conversation_id,
            "done_take_over",
            lambda: desk.take_over(conversation_id, agent.name),
        )

    @router.post("/hand_back")
    def hand_back(
        request: Request, say: Spoken, agent: Server, conversation_id: Annotated[str, Form()]
    ) -> Response:
        return back(
            request,
            say,
            conversation_id,
            "done_hand_back",
            lambda: desk.hand_back(conversation_id, agent.name),
        )

    @router.post("/resolve")
    def resolve(
        request: Request, say: Spoken, agent: Server, conversation_id: Annotated[str, Form()]
    ) -> Response:
        return back(
            request,
            say,
            conversation_id,
            "done_resolve",
            lambda: desk.resolve(conversation_id, agent.name),
        )

    @router.post("/reply")
    def reply(
        request: Request,
        say: Spoken,
        agent: Server,
        conversation_id: Annotated[str, Form()],
        text: Annotated[str, Form()] = "",
        request_id: Annotated[str, Form(max_length=100)] = "",
    ) -> Response:
        return back(
            request,
            say,
            conversation_id,
            "done_reply",
            lambda: desk.reply_as_agent(
                conversation_id, agent.name, text.replace("\r\n", "\n"), request_id
            ),
        )

    return router

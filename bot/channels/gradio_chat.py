"""The customers' chat page, a Gradio app of one component.

Covered: answers streamed by checked sentence, the conversation read back after a reload, votes,
replies of people who took over. Not covered: the page's outer HTML and its security policy
(`bot.channels.chat_door`), its looks (`static/`).

Gradio's templates would evaluate a customer's text as code if it were part of them, so the
template here is fixed and empty: texts travel as values, and `static/chat.js` shows them as text.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

from bot.channels.chat_view import answer_view, news_view, transcript_view
from bot.channels.desk import Desk
from bot.channels.intake import make_message, to_lang
from bot.channels.problems import describe
from bot.channels.texts import chat_texts, refusals
from bot.config import Settings
from bot.errors import InputError
from bot.types import Reply

# Gradio reads these when it is imported: no usage statistics, no look-ups at its maker's.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr

log = logging.getLogger(__name__)

CHANNEL = "web"
_REFUSED_ID = "(none)"
_CONVERSATION = re.compile(r"[0-9a-f]{32}")
_START = "window.shopChat.start(element, trigger, props, server, watch);"


def build_chat(settings: Settings, desk: Desk) -> gr.Blocks:
    """The page, ready to be mounted."""
    page: gr.Blocks
    suggested = desk.examples()
    with gr.Blocks(
        title=f"{settings.shop_name_zh} · {settings.shop_name_en}",
        analytics_enabled=False,
        fill_width=True,
    ) as page:
        chat = gr.HTML(
            value=None,
            html_template='<div class="chat"></div>',
            js_on_load=_START,
            apply_default_css=False,
            elem_id="shop-chat",
            server_functions=_server_functions(desk),
            texts={lang: asdict(text) for lang, text in chat_texts(settings, suggested).items()},
            limit=settings.max_message_chars,
        )
        chat.submit(
            _respond(settings, desk),
            outputs=[chat],
            show_progress="hidden",
            # Limits and waiting are the gate's business, which other channels share.
            concurrency_limit=None,
            # The next question is sent as soon as the answer before it is shown as complete, which
            # is a moment before Gradio considers it done.
            trigger_mode="multiple",
            api_visibility="private",
        )
    page.queue(default_concurrency_limit=None)
    return page


def _respond(
    settings: Settings, desk: Desk
) -> Callable[[gr.EventData, gr.Request], AsyncIterator[dict[str, Any]]]:
    async def respond(event: gr.EventData, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
        sent = event._data if isinstance(event._data, dict) else {}
        lang = to_lang(str(sent.get("lang", "")))
        # Made by the page, so that it can tell this answer from a late one.
        ticket = str(sent.get("ticket", ""))[:64]
        turn_id = ""
        replies: list[Reply] = []
        try:
            message = make_message(
                str(sent.get("text", "")),
                channel=CHANNEL,
                limit=settings.max_message_chars,
                conversation_id=_conversation(sent) or _REFUSED_ID,
                lang=lang,
            )
            turn_id = message.message_id
            async with desk.open(message, _address(request)) as stream:
                yield {"ticket": ticket} | answer_view(turn_id, replies, "writing")
                async for reply in stream:
                    replies.append(reply)
                    yield {"ticket": ticket} | answer_view(turn_id, replies, "writing")
            turn = await desk.stored_turn(turn_id)
            yield {"ticket": ticket} | answer_view(turn_id, replies, "done", turn=turn)
        except Exception as error:
            status, _, _, detail = describe(error, refusals(lang))
            if status >= 500:
                log.exception("turn %s failed", turn_id or "(not begun)")
            yield {"ticket": ticket} | answer_view(turn_id, replies, "failed", notice=detail)

    return respond


def _address(request: gr.Request) -> str:
    client = getattr(request, "client", None)
    return str(client.host) if client else ""


def _server_functions(desk: Desk) -> list[Callable[[Any], Any]]:
    def transcript(sent: Any) -> dict[str, Any] | None:
        found = desk.transcript(_conversation(sent), CHANNEL)
        return None if found is None else transcript_view(found)

    def news(sent: Any) -> dict[str, Any] | None:
        after = sent.get("after") if isinstance(sent, dict) else None
        after = after if type(after) is int and 0 <= after < 2**62 else 0
        found = desk.news(_conversation(sent), CHANNEL, after)
        return None if found is None else news_view(*found, after)

    def vote(sent: Any) -> bool:
        if not isinstance(sent, dict) or sent.get("value") not in (-1, 0, 1):
            return False
        try:
            desk.vote(str(sent.get("turn_id", "")), sent["value"])
        except InputError:
            return False
        return True

    return [transcript, news, vote]


def _conversation(sent: Any) -> str:
    """The page's conversation id, or "" if it is not one of this page.

    It is long and random, since knowing it opens the conversation.
    """
    found = str(sent.get("conversation_id", "")) if isinstance(sent, dict) else ""
    return found if _CONVERSATION.fullmatch(found) else ""

"""The door in front of the Gradio app: what may pass, and how its page is dressed.

Covered: an allow-list of paths (the app brings uploads, proxies, code editing and more, none of
which a shop's customers need), the page's outer HTML with the shop's names, its security policy
with a nonce. Not covered: the page's content (`bot.channels.gradio_chat`).
"""

from __future__ import annotations

import html
import re
import secrets
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels.texts import chat_texts
from bot.config import Settings

STATIC = Path(__file__).parent / "static"
STATIC_PATH = "/chat-static"
_SCRIPTS = ("chat_dom.js", "chat_nodes.js", "chat.js")

_ALLOWED = re.compile(
    r"/(?:assets/.*|static/.*|theme\.css|config/?"
    r"|gradio_api/(?:info/?|startup-events|app_id/?|reset/?|cancel"
    r"|queue/join|queue/data|component_server/?|heartbeat/[0-9A-Za-z]+))"
)
_ATTRIBUTION = re.compile(r"\s*<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*/>", re.DOTALL)


class ChatDoor:
    """ASGI wrapper around the Gradio app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._head, self._body = _dress(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it like an address that does not exist."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        if path == "/":
            await self._page(scope, receive, send)
        elif _ALLOWED.fullmatch(path):
            await self.app(scope, receive, send)
        else:
            raise HTTPException(404)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce = secrets.token_urlsafe(16)
        start: Message = {}
        chunks: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                return
            chunks.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = self._dressed(b"".join(chunks).decode(), nonce).encode() if chunks[0] else b""
            headers = MutableHeaders(scope=start)
            headers["Content-Security-Policy"] = _policy(nonce)
            headers["Cache-Control"] = "no-store"
            if body:
                headers["Content-Length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, collect)

    def _dressed(self, page: str, nonce: str) -> str:
        page = _ATTRIBUTION.sub("", page)
        page = page.replace('<link rel="manifest" href="/manifest.json" />', "")
        page = page.replace("</style>", f"</style>{self._head}", 1)
        page = re.sub(r"(<body\b[^>]*>)", lambda tag: tag[0] + self._body, page, count=1)
        return page.replace("<script", f'<script nonce="{nonce}"')


def _policy(nonce: str) -> str:
    # Gradio compiles its (fixed) templates, hence unsafe-eval, and sets styles from scripts.
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; media-src 'self'; "
        "form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
    )


def _dress(settings: Settings) -> tuple[str, str]:
    """What goes into the head, and what shows in the body until the app has started."""
    texts = chat_texts(settings)
    en, zh = texts["en"], texts["zh"]
    name = html.escape(f"{zh.shop} · {en.shop}")
    about = html.escape(f"{zh.intro} {en.intro}", quote=True)
    style, icon = _versioned("chat.css"), _versioned("icon.svg")
    scripts = "".join(f'<script src="{_versioned(name)}"></script>' for name in _SCRIPTS)
    head = (
        f"<title>{name}</title>"
        f'<meta name="description" content="{about}">'
        '<meta name="theme-color" content="#faf7f2"><meta name="color-scheme" content="light">'
        f'<link rel="icon" type="image/svg+xml" href="{icon}">'
        f'<link rel="stylesheet" href="{style}">{scripts}'
    )
    body = (
        f'<div class="splash" aria-hidden="true"><img src="{icon}" alt="" width="44" height="44">'
        f"<span>{name}</span></div>"
        f"<noscript><p>{html.escape(zh.no_script)}</p><p>{html.escape(en.no_script)}</p></noscript>"
    )
    return head, body


def _versioned(name: str) -> str:
    """A relative address that changes with the file, so that browsers may keep the old one."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f".{STATIC_PATH}/{name}?v={digest}"

"""A Chatwoot on loopback that keeps the rules of its code, as far as an agent bot meets them.

Covered: signed webhooks, five seconds of patience, three attempts on 429 and 500 only, a pending
conversation that is opened when the bot could not be reached, the calls a bot token may make with
their answers, echoes of the bot's own messages. Anything else is refused and remembered in
`refused`. Not covered: other channels, users' tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import httpx

TOKEN = "bot-token"
SECRET = "cw_test_secret"
ACCOUNT = 1
_PATH = re.compile(r"/api/v1/accounts/(\d+)/conversations/(\d+)(/[a-z_]+)?")
_TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}


@dataclass
class PeerMessage:
    id: int
    content: str | None
    message_type: str
    private: bool = False
    sender: dict | None = None
    content_attributes: dict = field(default_factory=dict)
    additional_attributes: dict = field(default_factory=dict)
    attachments: list = field(default_factory=list)
    created_at: float = field(default_factory=time.time)


@dataclass
class PeerConversation:
    id: int
    status: str = "pending"
    labels: list = field(default_factory=list)
    priority: str | None = None
    messages: list[PeerMessage] = field(default_factory=list)
    typing: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    additional_attributes: dict = field(default_factory=dict)

    def said_by_bot(self) -> list[str]:
        """Public messages of the bot."""
        return [m.content or "" for m in self._by_bot() if not m.private]

    def notes(self) -> list[str]:
        return [m.content or "" for m in self._by_bot() if m.private]

    def _by_bot(self) -> list[PeerMessage]:
        return [m for m in self.messages if (m.sender or {}).get("type") == "agent_bot"]


@dataclass
class Attempt:
    """One webhook request: its body, what the bot answered (0: no answer)."""

    body: bytes
    headers: dict[str, str]
    status: int


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is killed breaks its connection; that is what the tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ChatwootPeer:
    """Use `running_peer`."""

    def __init__(self, *, retry_wait_s: float = 0.05, timeout_s: float = 5.0) -> None:
        self.conversations: dict[int, PeerConversation] = {}
        self.attempts: list[Attempt] = []
        self.refused: list[str] = []
        self.webhook_url = ""
        self.retry_wait_s = retry_wait_s
        self.timeout_s = timeout_s
        self.duplicate = False
        """Send every webhook twice, at the same time."""
        self.answer_next: list[int] = []
        """Statuses to answer the next API calls with, instead of obeying."""
        self.after_post: Callable[[PeerMessage], bool] = lambda _message: True
        """Called when the bot's message is stored; False breaks the connection unanswered."""
        self.before_show: Callable[[PeerConversation], None] = lambda _conversation: None
        self._lock = threading.RLock()
        self._ids = iter(range(4711, 10**9))
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="peer-webhook")
        self._client = httpx.Client(timeout=timeout_s)
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    # -- what people do -------------------------------------------------------------------------

    def conversation(self, number: int = 42) -> PeerConversation:
        with self._lock:
            return self.conversations.setdefault(number, PeerConversation(number))

    def customer_says(self, content: str | None, number: int = 42, **values: object) -> PeerMessage:
        conversation = self.conversation(number)
        sender = {"id": 9, "name": "Li Lei", "account": {"id": ACCOUNT}, "blocked": False}
        with self._lock:
            if conversation.status == "resolved":
                self._set_status(conversation, "pending")
            return self._add(conversation, content, "incoming", sender=sender, **values)

    def agent_says(
        self, content: str, number: int = 42, *, private: bool = False, sender: dict | None = None
    ) -> PeerMessage:
        sender = sender or {"id": 7, "name": "Han Mei", "email": "h@example.org", "type": "user"}
        return self._add(
            self.conversation(number), content, "outgoing", sender=sender, private=private
        )

    def phone_says(self, content: str, number: int = 42) -> PeerMessage:
        """An agent typed it on the phone: no sender."""
        return self._add(self.conversation(number), content, "outgoing", sender=None)

    def adds(self, content: str, message_type: str, number: int = 42, **values: object) -> None:
        self._add(self.conversation(number), content, message_type, **values)

    def set_status(self, status: str, number: int = 42) -> None:
        with self._lock:
            self._set_status(self.conversation(number), status)

    # -- webhooks -------------------------------------------------------------------------------

    def sign(self, body: bytes, timestamp: int | None = None) -> dict[str, str]:
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Chatwoot-Delivery": str(uuid4()),
            "X-Chatwoot-Timestamp": stamp,
            "X-Chatwoot-Signature": f"sha256={digest}",
        }

    def message_event(self, conversation: PeerConversation, message: PeerMessage) -> dict:
        created = datetime.fromtimestamp(message.created_at, UTC)
        event = {
            "event": "message_created",
            "id": message.id,
            "content": message.content,
            "content_type": "text",
            "content_attributes": message.content_attributes,
            "additional_attributes": message.additional_attributes,
            "message_type": message.message_type,
            "private": message.private,
            "created_at": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "source_id": None,
            "sender": message.sender,
            "inbox": {"id": 3, "name": "Website"},
            "account": {"id": ACCOUNT, "name": "My Shop"},
            "conversation": self.conversation_data(conversation),
        }
        if message.attachments:
            event["attachments"] = message.attachments
        return event

    def conversation_data(self, conversation: PeerConversation) -> dict:
        last = conversation.messages[-1:] if conversation.messages else []
        return {
            "id": conversation.id,
            "inbox_id": 3,
            "status": conversation.status,
            "channel": "Channel::WebWidget",
            "can_reply": True,
            "labels": list(conversation.labels),
            "priority": conversation.priority,
            "custom_attributes": {},
            "additional_attributes": conversation.additional_attributes,
            "meta": {"sender": {"id": 9, "type": "contact"}, "assignee": None},
            "messages": [self._inner(conversation, message) for message in last],
            "account": {"id": ACCOUNT, "name": "My Shop"},
            "updated_at": time.time(),
        }

    def send(self, event: dict, *, opens: PeerConversation | None = None) -> None:
        """Send a webhook in the background."""
        if self.webhook_url:
            body = json.dumps(event, ensure_ascii=False).encode()
            delivery = str(uuid4())
            for _ in range(2 if self.duplicate else 1):
                self._pool.submit(self._send, body, delivery, opens)

    def _send(self, body: bytes, delivery: str, opens: PeerConversation | None) -> None:
        for attempt in range(3):
            if attempt:
                time.sleep(self.retry_wait_s)
            headers = self.sign(body) | {"X-Chatwoot-Delivery": delivery}
            try:
                status = self._client.post(self.webhook_url, content=body, headers=headers)
            except httpx.HTTPError:
                code = 0
            else:
                code = status.status_code
            with self._lock:
                self.attempts.append(Attempt(body, headers, code))
            if 200 <= code < 300:
                return
            if code not in (429, 500):
                break
        with self._lock:
            if opens is not None and opens.status == "pending":
                opens.status = "open"
                self._add(opens, "The bot could not be reached", "activity")

    def _add(
        self, conversation: PeerConversation, content: str | None, kind: str, **values: object
    ) -> PeerMessage:
        with self._lock:
            message = PeerMessage(next(self._ids), content, kind, **values)  # type: ignore[arg-type]
            conversation.messages.append(message)
            if kind != "activity":
                opens = conversation if kind == "incoming" else None
                self.send(self.message_event(conversation, message), opens=opens)
        return message

    def _set_status(self, conversation: PeerConversation, status: str) -> None:
        before, conversation.status = conversation.status, status
        if before == status:
            return
        data = self.conversation_data(conversation)
        changed = [{"status": {"previous_value": before, "current_value": status}}]
        self.send({"event": "conversation_status_changed", "changed_attributes": changed, **data})
        names = {"open": "conversation_opened", "resolved": "conversation_resolved"}
        if status in names:
            self.send({"event": names[status], **data})

    # -- the API --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Listen (again, on the same port)."""
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer._serve(self, "GET")

            def do_POST(self) -> None:
                peer._serve(self, "POST")

            def log_message(self, *_args: object) -> None:
                pass

        server = _Server(("127.0.0.1", self._port), Handler)
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        self.down()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _serve(self, request: BaseHTTPRequestHandler, method: str) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        raw = request.rfile.read(length)
        if self._server is None:  # a kept connection of a server that is down
            request.close_connection = True
            return
        body = json.loads(raw) if raw else {}
        answer = self._answer(method, request.path, request.headers.get("api_access_token"), body)
        if answer is None:
            request.close_connection = True
            return
        status, value = answer
        out = json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(out)))
        request.end_headers()
        request.wfile.write(out)

    def _answer(
        self, method: str, path: str, token: str | None, body: dict
    ) -> tuple[int, dict] | None:
        if token != TOKEN:
            self.refused.append(f"401 {method} {path}")
            return 401, {"error": "Invalid Access Token"}
        found = _PATH.fullmatch(path)
        known = found and int(found[1]) == ACCOUNT and int(found[2]) in self.conversations
        if not found or not known:
            self.refused.append(f"404 {method} {path}")
            return 404, {"error": "Resource could not be found"}
        conversation = self.conversations[int(found[2])]
        call = f"{method}{found[3] or ''}"
        with self._lock:
            if self.answer_next and not call.endswith("typing_status"):
                return self.answer_next.pop(0), {"error": "as told"}
            conversation.calls.append(call)
        if call == "GET":
            self.before_show(conversation)
            return 200, self._show(conversation)
        if call == "POST/messages":
            return self._post_message(conversation, body)
        with self._lock:
            return self._small_call(conversation, call, body)

    def _small_call(
        self, conversation: PeerConversation, call: str, body: dict
    ) -> tuple[int, dict]:
        if call == "POST/toggle_status":
            self._set_status(conversation, body["status"])
            return 200, {"meta": {}, "payload": {"success": True, "current_status": body["status"]}}
        if call == "POST/toggle_typing_status":
            conversation.typing.append(body["typing_status"])
            return 200, {}
        if call == "GET/labels":
            return 200, {"payload": list(conversation.labels)}
        if call == "POST/labels":
            conversation.labels = list(body["labels"])
            return 200, {"payload": list(conversation.labels)}
        if call == "POST/toggle_priority":
            conversation.priority = body["priority"]
            return 200, {}
        self.refused.append(f"404 {call}")
        return 404, {"error": "a bot token may not do this"}

    def _post_message(self, conversation: PeerConversation, body: dict) -> tuple[int, dict] | None:
        if "source_id" in body or not body["content"]:
            self.refused.append("422 POST/messages")
            return 422, {"error": "not deliverable"}
        bot = {"id": 2, "name": "Shopkeeper", "type": "agent_bot"}
        message = self._add(
            conversation,
            body["content"],
            body.get("message_type", "outgoing"),
            private=bool(body.get("private")),
            content_attributes=body.get("content_attributes") or {},
            sender=bot,
        )
        if not self.after_post(message):
            return None
        return 200, self._inner(conversation, message)

    def _show(self, conversation: PeerConversation) -> dict:
        with self._lock:
            real = [m for m in conversation.messages if m.message_type != "activity"]
            last = self._inner(conversation, real[-1]) if real else None
            return self.conversation_data(conversation) | {"last_non_activity_message": last}

    def _inner(self, conversation: PeerConversation, message: PeerMessage) -> dict:
        kinds = {"user": "User", "agent_bot": "AgentBot", "captain_assistant": "Captain::Assistant"}
        sender = message.sender
        return {
            "id": message.id,
            "content": message.content,
            "message_type": _TYPES[message.message_type],
            "conversation_id": conversation.id,
            "private": message.private,
            "content_attributes": message.content_attributes,
            "additional_attributes": message.additional_attributes,
            "sender_type": kinds.get(sender.get("type"), "Contact") if sender else None,
            "created_at": int(message.created_at),
        }


@contextmanager
def running_peer(**values: float) -> Iterator[ChatwootPeer]:
    """A peer that listens; closed at the end."""
    peer = ChatwootPeer(**values)
    peer.up()
    try:
        yield peer
    finally:
        peer.close()

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
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import httpx

from tests.channels.webhooks.chatwoot_http import PeerServer
from tests.channels.webhooks.chatwoot_records import (
    ACCOUNT,
    Attempt,
    PeerConversation,
    PeerMessage,
    conversation_data,
    inner,
    message_event,
)

__all__ = ["ACCOUNT", "SECRET", "TOKEN", "ChatwootPeer", "PeerConversation", "PeerMessage"]

TOKEN = "bot-token"
SECRET = "cw_test_secret"
_PATH = re.compile(r"/api/v1/accounts/(\d+)/conversations/(\d+)(/[a-z_]+)?")


class ChatwootPeer(PeerServer):
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

    message_event = staticmethod(message_event)
    conversation_data = staticmethod(conversation_data)

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
                self.send(message_event(conversation, message), opens=opens)
        return message

    def _set_status(self, conversation: PeerConversation, status: str) -> None:
        before, conversation.status = conversation.status, status
        if before == status:
            return
        data = conversation_data(conversation)
        changed = [{"status": {"previous_value": before, "current_value": status}}]
        self.send({"event": "conversation_status_changed", "changed_attributes": changed, **data})
        names = {"open": "conversation_opened", "resolved": "conversation_resolved"}
        if status in names:
            self.send({"event": names[status], **data})

    # -- the API --------------------------------------------------------------------------------

    def close(self) -> None:
        self.down()
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

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
        return 200, inner(conversation, message)

    def _show(self, conversation: PeerConversation) -> dict:
        with self._lock:
            real = [m for m in conversation.messages if m.message_type != "activity"]
            last = inner(conversation, real[-1]) if real else None
            return conversation_data(conversation) | {"last_non_activity_message": last}


@contextmanager
def running_peer(**values: float) -> Iterator[ChatwootPeer]:
    """A peer that listens; closed at the end."""
    peer = ChatwootPeer(**values)
    peer.up()
    try:
        yield peer
    finally:
        peer.close()

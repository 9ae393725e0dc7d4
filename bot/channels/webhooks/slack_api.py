"""The two calls of Slack's API that are made: post a message, look for one.

Covered: which errors pass, which leave a doubt, limits. Not covered: everything else that Slack can.
Slack answers most failures with status 200 and `"ok": false`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from pydantic_core import from_json

from bot.channels.webhooks.adapter import NotDeliveredError
from bot.channels.webhooks.http_failures import failure, send
from bot.store.codec import to_json

_PASSING: Final = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"}
)
_DOUBTFUL: Final = frozenset({"fatal_error", "internal_error", "request_timeout"})
"""Slack: "it's possible some aspect of the operation succeeded before the error was raised"."""

_EVENT_TYPE: Final = "shopkeeper_message"
_LOOK_BACK: Final = 50


@dataclass(frozen=True, slots=True)
class SlackApi:
    """Calls with the bot's token.

    Raises (each method):
        NotDeliveredError: Slack was not reached or refused.
    """

    url: str
    token: str = field(repr=False)

    def post(self, client: httpx.Client, channel: str, thread: str, text: str, key: str) -> str:
        """Say something; Slack's id of the message."""
        message: dict[str, object] = {
            "channel": channel,
            "text": escaped(text),
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": _EVENT_TYPE, "event_payload": {"key": key}},
        }
        if thread:
            message["thread_ts"] = thread
        return str(self._call(client, "chat.postMessage", message).get("ts", ""))

    def find(self, client: httpx.Client, channel: str, thread: str, key: str) -> str:
        """Slack's id of the message that carries this key; empty if the newest ones do not."""
        wanted = {"channel": channel, "limit": str(_LOOK_BACK), "include_all_metadata": "true"}
        method = "conversations.replies" if thread else "conversations.history"
        if thread:
            wanted["ts"] = thread
        for message in self._call(client, method, wanted, form=True).get("messages") or ():
            metadata = message.get("metadata") if isinstance(message, dict) else None
            payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
            if isinstance(payload, dict) and payload.get("key") == key:
                return str(message.get("ts", ""))
        return ""

    def _call(
        self,
        client: httpx.Client,
        method: str,
        body: Mapping[str, object],
        *,
        form: bool = False,
    ) -> dict[str, Any]:
        # Methods that read do not take JSON.
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        headers = {"authorization": f"Bearer {self.token}", "content-type": kind}
        sent = (urlencode(body) if form else to_json(dict(body))).encode()
        response = send(client, "POST", f"{self.url}/{method}", "Slack", headers, sent)
        if not response.is_success:
            raise failure(response, "Slack", method, fix="check SHOPKEEPER_SLACK_TOKEN")
        try:
            told = from_json(response.content)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise NotDeliveredError(f"Slack answered {method} with no JSON", in_doubt=True)
        if told.get("ok") is not True:
            error = str(told.get("error", "no reason"))[:60]
            raise NotDeliveredError(
                f"Slack refused {method}: {error}",
                permanent=error not in _PASSING | _DOUBTFUL,
                in_doubt=error in _DOUBTFUL,
                fix="give the app the scopes in docs/webhooks.md and invite it to the channel",
            )
        return told


def escaped(text: str) -> str:
    """Text as Slack wants it: a customer's `<!channel>` must not call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

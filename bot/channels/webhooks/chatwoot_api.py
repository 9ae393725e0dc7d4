"""The few calls of Chatwoot's API that a bot token may make, on one conversation.

Covered: paths, the token, what each kind of failure means. Not covered: listing old messages (a
bot token may not), retries (`bot.store.queue`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bot.channels.webhooks.adapter import NotDeliveredError
from bot.channels.webhooks.chatwoot_payload import KEY_ATTRIBUTE, NAME
from bot.channels.webhooks.http_failures import failure, send
from bot.store.codec import to_json

TYPING_TIMEOUT_S: Final = 2.0
_REFUSED_FIX: Final = "set SHOPKEEPER_CHATWOOT_TOKEN to the bot's access token"


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The newest message of a conversation. `key` is ours; empty if somebody else wrote it."""

    id: int
    key: str
    by_person: bool


@dataclass(frozen=True, slots=True)
class ConversationState:
    """A conversation as Chatwoot has it now. `last` leaves out activity notes."""

    status: str
    priority: str
    last: LastMessage | None


@dataclass(frozen=True, slots=True)
class ChatwootApi:
    """Calls on one conversation.

    Raises (each method):
        NotDeliveredError: Chatwoot was not reached or refused.
    """

    client: httpx.Client
    base_url: str
    token: str
    account: int
    conversation: int

    @classmethod
    def of(
        cls, conversation_id: str, client: httpx.Client, base_url: str, token: str
    ) -> ChatwootApi:
        """For our `conversation_id`, which is `chatwoot:<account>:<display id>`.

        Raises:
            NotDeliveredError: it is not one of Chatwoot's.
        """
        name, _, rest = conversation_id.partition(":")
        account, _, number = rest.partition(":")
        if name != NAME or not (_is_number(account) and _is_number(number)):
            raise NotDeliveredError(
                f"{conversation_id[:80]!r} is no conversation of Chatwoot", permanent=True
            )
        return cls(client, base_url, token, int(account), int(number))

    def show(self) -> ConversationState:
        """How things stand now."""
        seen = self._call("GET", "")
        return ConversationState(
            status=_text(seen.get("status")),
            priority=_text(seen.get("priority")),
            last=_last_message(seen),
        )

    def post_message(self, content: str, key: str, *, private: bool) -> str:
        """Say something, to the customer or to the agents only. Returns Chatwoot's id."""
        message = {
            "content": _inert(content),
            "message_type": "outgoing",
            "private": private,
            "content_type": "text",
            "content_attributes": {KEY_ATTRIBUTE: key},
            "echo_id": key,
        }
        made = self._call("POST", "/messages", message, once=True)
        number = made.get("id")
        return str(number) if isinstance(number, int) else ""

    def set_status(self, status: str) -> None:
        """Open (which hands over to people), set pending (back to the bot), or resolve."""
        self._call("POST", "/toggle_status", {"status": status})

    def add_labels(self, labels: tuple[str, ...]) -> None:
        """Add labels to those that are there: Chatwoot replaces the whole list."""
        listed = self._call("GET", "/labels").get("payload")
        there = [label for label in _items(listed) if isinstance(label, str)]
        merged = list(dict.fromkeys((*there, *labels)))
        if merged != there:
            self._call("POST", "/labels", {"labels": merged})

    def set_priority(self, priority: str) -> None:
        """Set the priority: low, medium, high or urgent."""
        self._call("POST", "/toggle_priority", {"priority": priority})

    def set_typing(self, on: bool) -> None:
        """Show or hide the typing indicator. A failure is no matter."""
        with suppress(NotDeliveredError):
            status = "on" if on else "off"
            self._call(
                "POST",
                "/toggle_typing_status",
                {"typing_status": status},
                timeout_s=TYPING_TIMEOUT_S,
            )

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        once: bool = False,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """One call. `once` marks one that must not be repeated blindly."""
        url = f"{self.base_url}/api/v1/accounts/{self.account}/conversations/{self.conversation}{path}"
        headers = {
            "api_access_token": self.token,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        sent = None if body is None else to_json(body).encode()
        try:
            response = send(self.client, method, url, "Chatwoot", headers, sent, timeout_s)
            if response.is_success:
                return _object(response)
            fixes = {401: _REFUSED_FIX, 403: _REFUSED_FIX, 404: ""}
            fix = fixes.get(response.status_code, "check SHOPKEEPER_CHATWOOT_URL")
            raise failure(response, "Chatwoot", f"{method} {path or 'conversation'}", fix=fix)
        except NotDeliveredError as error:
            # What may be repeated is never in doubt.
            error.in_doubt = error.in_doubt and once
            raise


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _last_message(seen: Mapping[str, Any]) -> LastMessage | None:
    offered = [seen.get("last_non_activity_message"), *_items(seen.get("messages"))]
    read = [message for message in map(_read_message, offered) if message is not None]
    return max(read, key=lambda message: message.id, default=None)


def _read_message(message: object) -> LastMessage | None:
    if not isinstance(message, dict) or not isinstance(message.get("id"), int):
        return None
    kind = message.get("message_type")
    if kind in (2, "activity"):
        return None
    attributes = message.get("content_attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    additional = message.get("additional_attributes")
    automated = "automation_rule_id" in attributes or (
        isinstance(additional, dict) and "campaign_id" in additional
    )
    key = _text(attributes.get(KEY_ATTRIBUTE))
    by_person = (
        kind in (1, "outgoing")
        and not message.get("private")
        and not key
        and not automated
        and message.get("sender_type") in (None, "User")
    )
    return LastMessage(message["id"], key, by_person)


def _inert(content: str) -> str:
    # Chatwoot runs outgoing text through a template engine; a quoted customer must not use it.
    return content.replace("{{", "{ {").replace("{%", "{ %")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18 and int(text) > 0


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

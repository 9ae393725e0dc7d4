"""What the Chatwoot peer keeps and how it tells of it: its records and the JSON of its webhooks.

Covered: messages, conversations, attempts at a webhook. Not covered: rules (`chatwoot_peer`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

ACCOUNT = 1
TYPES = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}


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


def message_event(conversation: PeerConversation, message: PeerMessage) -> dict:
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
        "conversation": conversation_data(conversation),
    }
    if message.attachments:
        event["attachments"] = message.attachments
    return event


def conversation_data(conversation: PeerConversation) -> dict:
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
        "messages": [inner(conversation, message) for message in last],
        "account": {"id": ACCOUNT, "name": "My Shop"},
        "updated_at": time.time(),
    }


def inner(conversation: PeerConversation, message: PeerMessage) -> dict:
    kinds = {"user": "User", "agent_bot": "AgentBot", "captain_assistant": "Captain::Assistant"}
    sender = message.sender
    return {
        "id": message.id,
        "content": message.content,
        "message_type": TYPES[message.message_type],
        "conversation_id": conversation.id,
        "private": message.private,
        "content_attributes": message.content_attributes,
        "additional_attributes": message.additional_attributes,
        "sender_type": kinds.get(sender.get("type"), "Contact") if sender else None,
        "created_at": int(message.created_at),
    }

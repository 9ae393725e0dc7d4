"""What a customer's text must pass before it becomes a `Message`, whichever page it came from.

Covered: characters no database keeps, emptiness, length, the shape of identifiers, the language a
browser asks for. Not covered: what the text means (`bot.query`).
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from bot.errors import InputError
from bot.types import Lang, Message

MAX_ID_CHARS = 128
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ID = re.compile(rf"[A-Za-z0-9_.@-]{{1,{MAX_ID_CHARS}}}")


class EmptyTextError(InputError):
    """The message holds nothing a person could read."""


class TextTooLongError(InputError):
    """The message is longer than the shop allows. `limit` is in characters."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(
            f"the message has {length:,} characters, the limit is {limit:,}",
            fix="send a shorter message, or several",
        )
        self.limit = limit


class BadIdError(InputError):
    """An identifier holds characters that are reserved or cannot be stored."""


def clean_text(text: str, limit: int) -> str:
    """`text` trimmed, without control characters and broken surrogates; line breaks are kept.

    Raises:
        EmptyTextError: nothing is left.
        TextTooLongError: more than `limit` characters are left.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATES.sub("\ufffd", _UNSHOWABLE.sub("", text)).strip()
    if not text:
        raise EmptyTextError("the message is empty", fix="send a question in `text`")
    if len(text) > limit:
        raise TextTooLongError(len(text), limit)
    return text


def check_id(name: str, value: str) -> str:
    """`value`, when it is fit to be an identifier.

    A colon is reserved: connected systems put their name before it, and nobody may write into
    their conversations through the open API.

    Raises:
        BadIdError: names the field and the characters that are allowed.
    """
    if _ID.fullmatch(value) is None:
        raise BadIdError(
            f"{name} {value[:40]!r} is not usable",
            fix=f"use 1 to {MAX_ID_CHARS} of the characters A-Z a-z 0-9 _ . @ -",
        )
    return value


def new_id() -> str:
    """A fresh identifier that nobody can guess: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def to_lang(tag: str | None) -> Lang | None:
    """The language of a tag like `zh-TW` or `en-GB`; None when there is none.

    >>> to_lang("zh-Hant-HK"), to_lang("zh_CN"), to_lang("en-GB"), to_lang("fr"), to_lang("")
    ('zh-Hant', 'zh-Hans', 'en', 'other', None)
    """
    if not tag or not tag.strip():
        return None
    parts = tag.strip().replace("_", "-").lower().split("-")
    if parts[0] == "zh":
        return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(parts[1:]) else "zh-Hans"
    return "en" if parts[0] == "en" else "other"


def preferred_lang(accept_language: str) -> Lang:
    """The first language of an `Accept-Language` header that the pages speak; else English.

    >>> preferred_lang("de-DE,de;q=0.9,zh-CN;q=0.8,en;q=0.1")
    'zh-Hans'
    """
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameters = part.partition(";")
        found = re.search(r"q\s*=\s*([01](?:\.\d{0,3})?)", parameters)
        weighted.append((-float(found[1]) if found else -1.0, position, tag))
    for _, _, tag in sorted(weighted):
        lang = to_lang(tag)
        if lang not in (None, "other"):
            return lang
    return "en"


def make_message(
    text: str,
    *,
    channel: str,
    limit: int,
    conversation_id: str | None = None,
    customer_id: str = "",
    lang: Lang | None = None,
) -> Message:
    """A message with a fresh id, which becomes the id of its turn.

    Raises:
        EmptyTextError, TextTooLongError, BadIdError: see there.
    """
    return Message(
        conversation_id=check_id("conversation_id", conversation_id or new_id()),
        text=clean_text(text, limit),
        channel=channel,
        customer_id=check_id("customer_id", customer_id) if customer_id else "",
        message_id=new_id(),
        interface_lang=lang,
        received_at=datetime.now(UTC),
    )

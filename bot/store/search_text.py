"""What the console's search looks into, and how a search is asked there.

Without a key it is the text itself, folded: any part of a word is found. With a key it is a blind
index: each word, and in Chinese each two neighbouring characters, as a keyed hash. Whoever has the
database but not the key reads nothing; whoever searches finds whole words and Chinese phrases.
Personal data counts as one word however it is spelled (`138-1234-5678` is found as 13812345678).
Not covered: parts of words, a single Chinese character, the order of words, under encryption.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Dialect, and_, exists, func, or_

from bot.privacy.finding import find
from bot.store.columns import fold
from bot.store.sealing import Keyring, keyring_of
from bot.store.tables import conversations, messages

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(rf"[{_HAN}]")


def searchable(text: str, dialect: Dialect) -> str:
    """`text` as the column `messages.search_text` holds it."""
    ring = keyring_of(dialect)
    if ring is None:
        return fold(text)
    words = {ring.blind(word)[0] for word in (*_words(text), *_personal(text))}
    return " ".join(sorted(words))


def mentions(word: str, dialect: Dialect) -> ColumnElement[bool]:
    """The condition that a conversation, or its customer's name, holds `word` (folded)."""
    table = conversations.c
    column = messages.c.search_text
    found = [column.contains(word, autoescape=True)]
    ring = keyring_of(dialect)
    if ring is not None:
        # Rows from before the key are plain until `shopkeeper privacy encrypt` has been there.
        found += _blind(word, ring)
    return or_(
        exists().where(messages.c.conversation_id == table.id, or_(*found)),
        func.lower(table.customer_id).contains(word, autoescape=True),
        func.lower(table.id).contains(word, autoescape=True),
    )


def _blind(word: str, ring: Keyring) -> Iterator[ColumnElement[bool]]:
    column = messages.c.search_text
    parts = [ring.blind(part) for part in _words(word)]
    whole = ring.blind("".join(_RUN.findall(word)))
    for number, joined in enumerate(whole):
        yield column.contains(joined)
        if parts:
            yield and_(*(column.contains(part[number]) for part in parts))


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(fold(text)):
        if _IS_HAN.match(run) and len(run) > 1:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run


def _personal(text: str) -> Iterator[str]:
    for found in find(text):
        yield "".join(_RUN.findall(fold(found.text)))

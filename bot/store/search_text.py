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

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Text,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bot.privacy.finding import find
from bot.store.columns import fold
from bot.store.grams import grams, has_all
from bot.store.sealing import Keyring, keyring_of
from bot.store.tables import conversations, messages

MOST_MESSAGES = 10_000
COMMON_WORD_MESSAGES = 100_000
SAMPLE = 2_000
COMMON = 20
"""A word that so many of the newest `SAMPLE` messages hold is common."""

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


def mentions(word: str, connection: Connection) -> ColumnElement[bool]:
    """The condition that a conversation, or its customer's name, holds `word` (folded).

    On PostgreSQL the newest 10,000 messages that hold the word are looked at, found here and now,
    so that a condition that is used twice costs once. For a word that is common, or too short for
    the index (`bot.store.grams`), it is those among the newest 100,000 of all: the index would give
    every tenth message of the shop's life only to have them sorted.
    """
    if connection.dialect.name == "postgresql":
        ids = _mentioned(word, connection)
        return conversations.c.id.in_(select(func.unnest(cast(ids, ARRAY(Text)))))
    held = _held(word, connection.dialect, indexed=False)
    return or_(exists().where(messages.c.conversation_id == conversations.c.id, held), _named(word))


def _mentioned(word: str, connection: Connection) -> list[str]:
    """Conversations that `mentions` is about, by the index where that is quicker."""
    dialect, pieces = connection.dialect, grams(word)
    plain = _held(word, dialect, indexed=False)
    # Asked first: a bound that the planner knows makes it read these few rows only.
    last = connection.execute(select(func.coalesce(func.max(messages.c.id), 0))).scalar_one()
    sample = select(func.count()).where(messages.c.id > last - SAMPLE, plain)
    newest = select(messages.c.conversation_id, messages.c.id)
    if pieces and connection.execute(sample).scalar_one() < COMMON:
        newest = newest.where(_held(word, dialect, indexed=True))
    else:
        newest = newest.where(plain, messages.c.id > last - COMMON_WORD_MESSAGES)
    found = newest.order_by(messages.c.id.desc()).limit(MOST_MESSAGES).subquery()
    named = select(conversations.c.id).where(_named(word))
    if pieces:
        name = func.lower(conversations.c.id + literal_column("' '") + conversations.c.customer_id)
        named = named.where(has_all(name, pieces))
    both = union(select(found.c.conversation_id), named)
    return list(connection.execute(both).scalars())


def _named(word: str) -> ColumnElement[bool]:
    table = conversations.c
    return or_(
        func.lower(table.customer_id).contains(word, autoescape=True),
        func.lower(table.id).contains(word, autoescape=True),
    )


def _held(word: str, dialect: Dialect, *, indexed: bool) -> ColumnElement[bool]:
    """That a message holds the word; with `indexed` so that PostgreSQL need not read them all."""
    column = messages.c.search_text
    pieces = grams(word) if indexed else ()
    plain = column.contains(word, autoescape=True)
    found = [and_(has_all(column, pieces), plain) if pieces else plain]
    ring = keyring_of(dialect)
    if ring is not None:
        # Rows from before the key are plain until `shopkeeper privacy encrypt` has been there.
        for tokens in _blind(word, ring):
            every = and_(*(column.contains(token) for token in tokens))
            found.append(and_(has_all(column, tokens), every) if indexed else every)
    return or_(*found)


def _blind(word: str, ring: Keyring) -> Iterator[list[str]]:
    """Blind words that must all be there; any one of these lists will do."""
    parts = [ring.blind(part) for part in _words(word)]
    whole = ring.blind("".join(_RUN.findall(word)))
    for number, joined in enumerate(whole):
        yield [joined]
        if parts:
            yield [part[number] for part in parts]


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(fold(text)):
        if _IS_HAN.match(run) and len(run) > 1:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield run


def _personal(text: str) -> Iterator[str]:
    for found in find(text):
        yield "".join(_RUN.findall(fold(found.text)))

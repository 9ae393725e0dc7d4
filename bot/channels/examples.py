"""The questions that an empty chat suggests: what the owner chose, or some of the shop's own.

Covered: choosing among the titles of the FAQ entries: where their ids name topics (`faq-returns-01`)
the first question of the largest topics, since the first is the plainest; else evenly over all of
them, since neighbours are about one subject. Read when the server starts. Not covered: how they look (`static/chat_nodes.js`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from bot.channels.texts import UiLang
from bot.config import Settings
from bot.store.knowledge import SqlKnowledgeStore
from bot.types import Lang

SHOWN = 4
_LOOKED_AT = 2000
_CHARS: dict[UiLang, tuple[int, int]] = {"en": (12, 64), "zh": (5, 24)}
"""Lengths of a title that reads as a question and fits on a button."""

_NUMBER = re.compile(r"[-_.#]?\d+(?:\.[a-zA-Z-]+)?$")
"""What tells entries of one topic apart: `-03.en` of `faq-returns-03.en`."""

_LANGS: dict[UiLang, Sequence[Lang]] = {"en": ("en",), "zh": ("zh-Hans", "zh-Hant")}


def examples(
    settings: Settings, knowledge: SqlKnowledgeStore, today: date
) -> dict[UiLang, tuple[str, ...]]:
    """Up to four questions for each language of the page.

    A shop that writes in one language only suggests its questions in that one: the bot finds the
    answer across languages. None at all while the shop knows no FAQ entry.

    Raises:
        StoreError: the database failed.
    """
    own: dict[UiLang, tuple[str, ...]] = {
        "en": _chosen(settings.examples_en) or _from(knowledge, "en", today),
        "zh": _chosen(settings.examples_zh) or _from(knowledge, "zh", today),
    }
    return {"en": own["en"] or own["zh"], "zh": own["zh"] or own["en"]}


def _chosen(setting: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in setting.split("|"))))[: 2 * SHOWN]


def _from(knowledge: SqlKnowledgeStore, lang: UiLang, today: date) -> tuple[str, ...]:
    least, most = _CHARS[lang]
    found = knowledge.faq_titles(_LANGS[lang], today, _LOOKED_AT)
    topics: dict[str, list[str]] = {}
    for passage_id, title in found:
        if least <= len(title) <= most and title.endswith(("?", "？")):
            topics.setdefault(_NUMBER.sub("", passage_id), []).append(title)
    largest = sorted(topics.values(), key=len, reverse=True)
    if len(largest) >= SHOWN and len(largest[SHOWN - 1]) > 1:
        return tuple(titles[0] for titles in largest[:SHOWN])
    return spread(
        list(dict.fromkeys(title for titles in topics.values() for title in titles)), SHOWN
    )


def spread(items: Sequence[str], count: int) -> tuple[str, ...]:
    """At most `count` items, evenly over the whole."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count))

"""Topics that the shop keeps for people: legal threats, safety, payment disputes, and its own.

Covered: phrases of a shipped list in English and Chinese and of the shop's own, found in a message
as they stand: upper or lower case, full or half width, simplified or traditional alike; English
phrases as whole words, `*` at the end for any ending. Not covered: meaning. A phrase list misses
what it does not know, and what it finds an operator can look up and change.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import InputError
from retrieval.text import fold

SHIPPED = Path(__file__).with_name("topics.csv")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a topic. A topic of the form `-name` in the shop's list drops that phrase."""

    topic: str
    text: str


class ReservedTopics:
    """Finds reserved topics in messages; safe to use from many threads."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        by_topic: dict[str, list[str]] = {}
        for phrase in phrases:
            by_topic.setdefault(phrase.topic, []).append(_pattern(phrase.text))
        self._patterns = {
            topic: re.compile("|".join(found)) for topic, found in by_topic.items() if found
        }

    @classmethod
    def load(cls, own: Path | None = None) -> ReservedTopics:
        """The shipped list, and the shop's CSV with the columns `topic` and `phrase`.

        A row whose topic begins with a minus takes a shipped phrase out: `-safety,swallowed`; with
        `*` as phrase it takes out the topic.

        Raises:
            InputError: the CSV cannot be read or a row lacks a value; names file and line.
        """
        shipped, more = read_phrases(SHIPPED), read_phrases(own) if own else []
        gone = {(p.topic[1:], _plain(p.text)) for p in more if p.topic.startswith("-")}
        kept = [
            phrase
            for phrase in shipped
            if (phrase.topic, _plain(phrase.text)) not in gone and (phrase.topic, "*") not in gone
        ]
        return cls([*kept, *(p for p in more if not p.topic.startswith("-"))])

    def find(self, text: str) -> str:
        """The first topic that a message touches, in the order of the lists; empty for none."""
        plain = _plain(text)
        return next((topic for topic, found in self._patterns.items() if found.search(plain)), "")


def read_phrases(path: Path) -> list[Phrase]:
    """The rows of a list.

    Raises:
        InputError: names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(_rows(csv.DictReader(stream), path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}", fix="give a UTF-8 CSV file") from error


def _rows(table: csv.DictReader[str], path: Path) -> Iterable[Phrase]:
    missing = {"topic", "phrase"} - set(table.fieldnames or ())
    if missing:
        raise InputError(
            f"{path}:1: column {' and '.join(sorted(missing))} is missing",
            fix="begin the file with: topic,phrase",
        )
    for row in table:
        topic, text = (row["topic"] or "").strip(), (row["phrase"] or "").strip()
        if not text or not _NAME.fullmatch(topic.removeprefix("-")):
            raise InputError(
                f"{path}:{table.line_num}: topic {topic[:40]!r}, phrase {text[:40]!r}",
                fix="write a topic in small letters, such as recalls, and a phrase",
            )
        yield Phrase(topic, text)


def _plain(text: str) -> str:
    return " ".join(fold(text).replace("’", "'").split())


def _pattern(text: str) -> str:
    plain = _plain(text)
    stem = plain.removesuffix("*")
    found = re.escape(stem)
    if stem[:1].isascii() and stem[:1].isalnum():
        found = rf"(?<![a-z0-9]){found}"
    if stem[-1:].isascii() and stem[-1:].isalnum() and stem == plain:
        found = rf"{found}(?![a-z0-9])"
    return found

"""The files of the evaluation: passages and questions as JSON Lines, checked line by line.

A line that cannot be used is an error that names file, line and field: a measurement over half of
a file would be a wrong number. Fields that are not asked for are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import InputError
from bot.protocols import Understand
from bot.types import HistoryEntry, Lang, Message, Passage, Query, Speaker
from retrieval.importers import import_path
from retrieval.importers.values import parse_lang
from retrieval.text import guess_lang

_SPEAKERS: dict[str, Speaker] = {
    "customer": "customer",
    "user": "customer",
    "agent": "agent",
    "bot": "bot",
    "assistant": "bot",
    "system": "bot",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `gold` is empty when no passage answers it, topic and split may be ""."""

    id: str
    lang: Lang
    lang_as_given: str
    text: str
    history: tuple[HistoryEntry, ...]
    gold: frozenset[str]
    topic: str = ""
    split: str = ""


class _Line:
    """One JSON object and where it stands, for errors."""

    def __init__(self, place: str, record: dict[str, Any]) -> None:
        self.place = place
        self.record = record

    def error(self, field: str, message: str) -> InputError:
        return InputError(f"{self.place}: {field}: {message}", fix="correct this line")

    def text(self, field: str, *, required: bool = True) -> str:
        value = self.record.get(field)
        if value is None and not required:
            return ""
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self.error(field, f"expected text, found {value!r:.60}")
        text = str(value).encode("utf-8", "replace").decode("utf-8")
        if required and not text.strip():
            raise self.error(field, "is empty")
        return text

    def lang(self, fallback: str) -> tuple[Lang, str]:
        given = self.text("lang", required=False).strip()
        if not given:
            guessed = guess_lang(fallback)
            return guessed, guessed
        try:
            return parse_lang(given), given
        except ValueError as error:
            raise self.error("lang", f"{error} (found {given!r})") from error

    def gold(self) -> frozenset[str]:
        value = self.record.get("gold_passage_id")
        values = value if isinstance(value, list) else [] if value in (None, "") else [value]
        for item in values:
            if not isinstance(item, str | int):
                raise self.error("gold_passage_id", f"expected an id or a list, found {item!r:.60}")
        return frozenset(str(item) for item in values)

    def history(self) -> tuple[HistoryEntry, ...]:
        value = self.record.get("history") or []
        entries = []
        for turn in value if isinstance(value, list) else [None]:
            speaker = _SPEAKERS.get(str(turn.get("speaker"))) if isinstance(turn, dict) else None
            text = turn.get("text") if isinstance(turn, dict) else None
            if speaker is None or not isinstance(text, str):
                raise self.error("history", "expected a list of {speaker: customer or agent, text}")
            entries.append(HistoryEntry(speaker, text))
        return tuple(entries)


def read_passages(path: Path) -> tuple[Passage, ...]:
    """Passages in the order of the file, or those of a folder that is imported.

    Raises:
        InputError: names file, line and field.
    """
    if path.is_dir():
        imported = import_path(path)
        if imported.problems:
            raise InputError(str(imported.problems[0]), fix="correct it, then measure again")
        if not imported.passages:
            raise InputError(f"{path} has no passages", fix="give a folder with knowledge")
        return imported.passages
    passages: dict[str, Passage] = {}
    for line in _lines(path):
        passage_id = line.text("passage_id")
        if passage_id in passages:
            raise line.error("passage_id", f"{passage_id!r} was there before")
        text, title = line.text("text"), line.text("title", required=False)
        lang, _ = line.lang(text)
        passages[passage_id] = Passage(passage_id, "faq", lang, title, text, source=path.name)
    if not passages:
        raise InputError(f"{path} has no passages", fix="give a file of passages")
    return tuple(passages.values())


def read_questions(path: Path) -> tuple[Question, ...]:
    """Questions in the order of the file.

    Raises:
        InputError: names file, line and field.
    """
    questions = []
    for line in _lines(path):
        text = line.text("question")
        lang, given = line.lang(text)
        questions.append(
            Question(
                line.text("id"),
                lang,
                given,
                text,
                line.history(),
                line.gold(),
                topic=line.text("topic", required=False),
                split=line.text("split", required=False),
            )
        )
    return tuple(questions)


def query_of(question: Question, understand: Understand | None) -> Query:
    """The query a question becomes; without `understand` the customer's last words go before it."""
    if understand is not None:
        message = Message(
            conversation_id=f"eval-{question.id}",
            text=question.text,
            channel="eval",
            interface_lang=question.lang,
        )
        return understand(message, question.history)
    said = [entry.text for entry in question.history if entry.speaker == "customer"]
    text = "\n".join([*said[-1:], question.text])
    return Query(question.text, question.lang, text, is_follow_up=bool(said))


def _lines(path: Path) -> Iterator[_Line]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", fix="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8: byte {error.start}", fix="save the file as UTF-8"
        ) from error
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        place = f"{path}:{number}"
        try:
            record = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: not JSON: {error}", fix="correct this line") from error
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected an object", fix="correct this line")
        yield _Line(place, record)

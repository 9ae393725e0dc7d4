"""The files of the evaluation: passages and questions as JSON Lines, checked line by line.

Covered: passages and questions in the fields of the evaluation commands, questions that bring their
own contexts, what is searched for a question with a history. A line that cannot be used is an
error that names file, line and field, or goes to the caller's list of problems and is left out;
fields that are not asked for are ignored. Not covered: measuring (`retrieval.evaluation`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from bot.errors import InputError
from bot.protocols import Understand
from bot.types import HistoryEntry, Lang, Message, Passage, Query, Speaker
from retrieval.importers import import_path
from retrieval.importers.values import parse_lang
from retrieval.text import guess_lang

T = TypeVar("T")
HistoryMode = Literal["last", "questions", "turns", "completed"]
HISTORY_MODES: tuple[HistoryMode, ...] = ("last", "questions", "turns", "completed")
"""What is searched for a question with a history: the question alone; all of the customer's words
joined; everybody's words joined; the question as the shop completes it."""

_JOINED = 2000
"""Characters of a joined history that are searched: its end, where the question stands."""
_SPEAKERS: dict[str, Speaker] = {
    "customer": "customer",
    "user": "customer",
    "human": "customer",
    "agent": "agent",
    "bot": "bot",
    "assistant": "bot",
    "system": "bot",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `gold` is empty when no passage answers it, topic and split may be "".

    `contexts` are texts that a row brings along as its right passages (`pooled_contexts`).
    """

    id: str
    lang: Lang
    lang_as_given: str
    text: str
    history: tuple[HistoryEntry, ...]
    gold: frozenset[str]
    topic: str = ""
    split: str = ""
    contexts: tuple[str, ...] = ()


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
            if not isinstance(item, str | int) or isinstance(item, bool):
                raise self.error("gold_passage_id", f"expected an id or a list, found {item!r:.60}")
        return frozenset(str(item) for item in values)

    def contexts(self) -> tuple[str, ...]:
        value = self.record.get("contexts") or self.record.get("context") or []
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise self.error("contexts", "expected a list of texts")
        return tuple(text for text in texts if text.strip())

    def history(self) -> tuple[HistoryEntry, ...]:
        value = self.record.get("history") or []
        entries = []
        for turn in value if isinstance(value, list) else [value]:
            named = str(turn.get("speaker")).casefold() if isinstance(turn, dict) else ""
            text = turn.get("text") if isinstance(turn, dict) else None
            if named not in _SPEAKERS or not isinstance(text, str):
                raise self.error(
                    "history",
                    "expected a list of {speaker: customer, agent or bot, text}, "
                    f"found {turn!r:.60}",
                )
            entries.append(HistoryEntry(_SPEAKERS[named], text))
        return tuple(entries)


def read_passages(path: Path, problems: list[str] | None = None) -> tuple[Passage, ...]:
    """Passages in the order of the file, or those of a folder that is imported.

    Args:
        path: JSON Lines of passage_id, lang, title (optional), text; or a shop's folder.
        problems: takes the complaints about lines that are then left out; None to raise instead.

    Raises:
        InputError: names file, line and field; or the file has no usable passage.
    """
    if path.is_dir():
        imported = import_path(path)
        if imported.problems and problems is None:
            raise InputError(str(imported.problems[0]), fix="correct it, then measure again")
        if not imported.passages:
            raise InputError(f"{path} has no passages", fix="give a folder with knowledge")
        if problems is not None:
            problems.extend(str(problem) for problem in imported.problems)
        return imported.passages
    passages: dict[str, Passage] = {}

    def keep(line: _Line) -> None:
        passage_id = line.text("passage_id")
        if passage_id in passages:
            raise line.error("passage_id", f"{passage_id!r} was there before")
        text, title = line.text("text"), line.text("title", required=False)
        lang, _ = line.lang(text)
        passages[passage_id] = Passage(passage_id, "faq", lang, title, text, source=path.name)

    _each(path, keep, problems)
    if not passages:
        raise InputError(f"{path} has no passages{_first(problems)}", fix="give a file of passages")
    return tuple(passages.values())


def read_questions(
    path: Path, problems: list[str] | None = None, *, split: str = ""
) -> tuple[Question, ...]:
    """Questions in the order of the file.

    Args:
        path: JSON Lines of id, lang, question, history (optional), gold_passage_id or contexts.
        problems: takes the complaints about lines that are then left out; None to raise instead.
        split: keep only rows whose field `split` says so; "" for all.

    Raises:
        InputError: names file, line and field; or no row is of that split.
    """
    questions = _each(path, _question, problems)
    chosen = [question for question in questions if split in ("", question.split)]
    if split and not chosen:
        found = sorted({question.split for question in questions if question.split})
        raise InputError(
            f"{path} has no question of the split {split!r}",
            fix=f"use one of {', '.join(found)}" if found else "the rows have no field split",
        )
    return tuple(chosen)


def pooled_contexts(
    questions: Sequence[Question],
) -> tuple[tuple[Passage, ...], tuple[Question, ...]]:
    """All contexts of all questions as passages, and the questions with their own as gold.

    A text that several questions bring along is one passage. Questions keep a gold of their own
    only if they have no contexts.
    """
    ids: dict[str, str] = {}
    asked = []
    for question in questions:
        own = [ids.setdefault(text, f"context-{len(ids) + 1}") for text in question.contexts]
        asked.append(replace(question, gold=frozenset(own)) if own else question)
    passages = (Passage(name, "faq", guess_lang(text), "", text) for text, name in ids.items())
    return tuple(passages), tuple(asked)


def query_of(
    question: Question, understand: Understand | None, history: HistoryMode = "completed"
) -> Query:
    """The query a question becomes.

    Args:
        question: what is asked, and what was said before.
        understand: completes it; None puts the customer's last words before it.
        history: what is searched when there is one.
    """
    if history != "completed":
        return _joined(question, history)
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


def _joined(question: Question, history: HistoryMode) -> Query:
    said = [
        entry.text
        for entry in question.history
        if history == "turns" or (history == "questions" and entry.speaker == "customer")
    ]
    text = "\n".join([*said, question.text])[-_JOINED:]
    return Query(question.text, question.lang, text)


def _question(line: _Line) -> Question:
    text = line.text("question")
    lang, given = line.lang(text)
    return Question(
        line.text("id"),
        lang,
        given,
        text,
        line.history(),
        line.gold(),
        topic=line.text("topic", required=False),
        split=line.text("split", required=False),
        contexts=line.contexts(),
    )


def _each(path: Path, read: Callable[[_Line], T], problems: list[str] | None) -> list[T]:
    """What `read` makes of every line; with `problems`, bad lines are named there and left out."""
    found = []
    for number, raw in _lines(path):
        try:
            found.append(read(_parsed(f"{path}:{number}", raw)))
        except InputError as error:
            if problems is None:
                raise
            problems.append(error.message)
    return found


def _first(problems: Sequence[str] | None) -> str:
    return f" ({problems[0]})" if problems else ""


def _parsed(place: str, raw: str) -> _Line:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON: {error}", fix="correct this line") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected an object", fix="correct this line")
    return _Line(place, record)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their numbers from 1."""
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
        if raw.strip():
            yield number, raw

"""`shopkeeper eval answers`: whole turns against questions with known answers.

Covered: questions with their own contexts (`--given-context`) or a passages file to retrieve from.
The shipped decision, generator and guard are used as they serve; only the mood is left out, since
a question from a test set is nobody's complaint. Metrics: see DESIGN's table; each row keeps its
own scores, so that a bad average can be traced.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.answering.compose import Composer
from bot.answering.decision import Thresholds, decide
from bot.answering.drafting import Draft
from bot.answering.notices import to_script
from bot.answering.prompt import clip, width
from bot.answering.sentences import split
from bot.errors import InputError
from bot.protocols import Encoder, Retriever, Understand
from bot.types import (
    Action,
    Decision,
    HistoryEntry,
    Intent,
    Lang,
    Message,
    Mood,
    Passage,
    Reply,
    join_sentences,
)

_CHUNK = 700.0
"""Width of the pieces that a long context is cut into before it is searched."""


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the questions file."""

    id: str
    lang: Lang
    question: str
    history: tuple[HistoryEntry, ...]
    contexts: tuple[str, ...]
    answers: tuple[str, ...]
    reference: str
    answerable: bool
    gold: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the system did with one question.

    `text` is all that was said besides prepared sentences, `marked` the shortest answer that is
    marked in it, "" where none is. `similarity` is the cosine of `text` with the reference; None
    where either is missing.
    """

    question: Question
    text: str
    marked: str
    abstained: bool
    reason: str
    answerability: float
    replies: tuple[Reply, ...]
    draft: Draft
    evidence: tuple[str, ...]
    first_ms: float
    total_ms: float
    similarity: float | None = None


def read_questions(path: Path, split: str = "") -> list[Question]:
    """Rows of a questions file; with `split`, only rows of that split.

    Raises:
        InputError: names file and line of a row that cannot be used.
    """
    found = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if split and row.get("split") != split:
                    continue
                found.append(_question(row))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{path}, line {number}: {type(error).__name__}: {error}",
                    fix="each line needs id, lang, question, answers and answerable",
                ) from error
    if not found:
        raise InputError(f"{path} holds no questions", fix="check the file and --split")
    return found


def _question(row: dict[str, Any]) -> Question:
    contexts = row.get("contexts") or ([row["context"]] if row.get("context") else [])
    gold = row.get("gold_passage_id") or []
    reference = row.get("reference_answer") or ""
    answers = tuple(row.get("answers") or ())
    return Question(
        id=str(row["id"]),
        lang=row["lang"],
        question=row["question"],
        history=tuple(
            HistoryEntry("customer" if h["speaker"] in ("customer", "user") else "bot", h["text"])
            for h in row.get("history") or ()
        ),
        contexts=tuple(contexts),
        answers=answers,
        reference=reference,
        answerable=bool(row.get("answerable", True)),
        gold=(gold,) if isinstance(gold, str) else tuple(gold),
        kind=str(row.get("kind", "")),
    )


def chunks(context: str, lang: Lang, question_id: str) -> list[Passage]:
    """A context as passages of whole sentences that fit a prompt."""
    gap = "" if lang.startswith("zh") else " "
    texts = [""]
    for sentence in split(context):
        joined = f"{texts[-1]}{gap}{sentence}" if texts[-1] else sentence
        if texts[-1] and width(joined) > _CHUNK:
            texts.append(clip(sentence, 2 * _CHUNK))
        else:
            texts[-1] = joined
    return [
        Passage(f"{question_id}#{n}", "policy", lang, "", text)
        for n, text in enumerate(texts, start=1)
        if text
    ]


@dataclass(frozen=True)
class AnswerTask:
    """The parts under test.

    `retriever_for` builds one over a question's own contexts; `encoder` compares answers with
    references.
    """

    understand: Understand
    composer: Composer
    thresholds: Thresholds
    retriever: Retriever | None
    retriever_for: Callable[[Sequence[Passage]], Retriever]
    encoder: Encoder

    def run(self, questions: Sequence[Question]) -> Iterator[Outcome]:
        """An outcome for each question, in order."""
        for question in questions:
            yield self._answer(question)

    def _answer(self, question: Question) -> Outcome:
        retriever = self.retriever
        if retriever is None:
            pieces = [
                piece
                for n, context in enumerate(question.contexts)
                for piece in chunks(context, question.lang, f"{question.id}/{n}")
            ]
            retriever = self.retriever_for(pieces)
        started = time.perf_counter()
        message = Message(question.id, question.question, "eval", interface_lang=question.lang)
        query = replace(self.understand(message, question.history), intent=Intent.QUESTION)
        found = retriever.search(query)
        decision = decide(query, found, Mood(), question.history, False, self.thresholds)
        draft = Draft()
        searched = 1000 * (time.perf_counter() - started)
        for _ in self.composer.compose(decision, query, question.history, draft):
            pass
        total = 1000 * (time.perf_counter() - started)
        spoken = [reply for reply in draft.replies if reply.kind != "notice"]
        text = join_sentences(reply.text for reply in spoken)
        return Outcome(
            question=question,
            text=text,
            marked=_marked(spoken, query.lang),
            abstained=not any(reply.citations for reply in spoken),
            reason=_reason(decision, draft),
            answerability=found.answerability,
            replies=tuple(draft.replies),
            draft=draft,
            evidence=tuple(f"{h.passage.title}\n{h.passage.text}" for h in found.hits),
            first_ms=searched + draft.first_reply_ms,
            total_ms=total,
            similarity=self._similarity(text, question),
        )

    def _similarity(self, text: str, question: Question) -> float | None:
        if not text or not question.reference or not question.answerable:
            return None
        said, wanted = self.encoder.encode([text, question.reference], "passage")
        return float(said @ wanted)


def _marked(spoken: Sequence[Reply], lang: Lang) -> str:
    """The shortest answer that the first quotation marks, as the customer reads it."""
    for reply in spoken[:1]:
        for citation in reply.citations[:1] if reply.kind == "verbatim" else ():
            if citation.answer:
                marked = citation.text[slice(*citation.answer)]
                return marked if marked in reply.text else to_script(marked, lang)
    return ""


def _reason(decision: Decision, draft: Draft) -> str:
    if decision.action is Action.ANSWER and draft.declined:
        return "declined"
    return decision.reason

"""`shopkeeper eval answers`: whole turns against questions with known answers.

Covered: questions with their own contexts (`--given-context`) or a passages file to retrieve from.
The shipped decision, generator and guard are used as they serve; only the mood is left out, since
a question from a test set is nobody's complaint. Metrics: see DESIGN's table; each row keeps its
own scores, so that a bad average can be traced.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from bot.answering.compose import Composer, Draft
from bot.answering.decision import Thresholds, decide
from bot.answering.facts import facts_of, is_supported
from bot.answering.prompt import clip, width
from bot.answering.sentences import split
from bot.errors import InputError
from bot.protocols import Retriever, Understand
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
from training.tasks.text_metrics import auroc, best, exact_match, rouge_l, token_f1

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
    """What the system did with one question, and how that scored."""

    question: Question
    text: str
    abstained: bool
    reason: str
    answerability: float
    replies: tuple[Reply, ...]
    draft: Draft
    evidence: tuple[str, ...]
    first_ms: float
    total_ms: float


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
    """The parts under test. `retriever_for` builds one over a question's own contexts."""

    understand: Understand
    composer: Composer
    thresholds: Thresholds
    retriever: Retriever | None
    retriever_for: Callable[[Sequence[Passage]], Retriever]

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
        return Outcome(
            question=question,
            text=join_sentences(reply.text for reply in spoken),
            abstained=not any(reply.citations for reply in spoken),
            reason=_reason(decision, draft),
            answerability=found.answerability,
            replies=tuple(draft.replies),
            draft=draft,
            evidence=tuple(f"{h.passage.title}\n{h.passage.text}" for h in found.hits),
            first_ms=searched + draft.first_reply_ms,
            total_ms=total,
        )


def _reason(decision: Decision, draft: Draft) -> str:
    if decision.action is Action.ANSWER and draft.declined:
        return "declined"
    return decision.reason


def metrics_of(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """All metrics over the outcomes; NaN where the rows do not tell."""
    answerable = [o for o in outcomes if o.question.answerable]
    unanswerable = [o for o in outcomes if not o.question.answerable]
    abstained = [o for o in outcomes if o.abstained]
    right = sum(not o.question.answerable for o in abstained)
    precision = _share(right, len(abstained))
    recall = _share(right, len(unanswerable))
    rows = [row_scores(o) for o in outcomes]
    by_row = dict(zip((o.question.id for o in outcomes), rows, strict=True))
    verdicts = [(v, o) for o in outcomes for v in o.draft.verdicts]
    released = [(v, o) for v, o in verdicts if v.released]
    blocked = [(v, o) for v, o in verdicts if not v.released]
    good = [(v, o) for v, o in verdicts if _reference_supports(v.sentence, o.question)]
    return {
        "f1": _mean([by_row[o.question.id]["f1"] for o in answerable]),
        "em": _mean([by_row[o.question.id]["em"] for o in answerable]),
        "rouge_l": _mean([by_row[o.question.id]["rouge_l"] for o in answerable]),
        "judged_right": _mean(
            [by_row[o.question.id]["right"] for o in answerable if not o.abstained]
        ),
        "answerable_auroc": auroc(
            [o.answerability for o in outcomes], [o.question.answerable for o in outcomes]
        ),
        "abstain_precision": precision,
        "abstain_recall": recall,
        "abstain_f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "over_abstain": _share(sum(o.abstained for o in answerable), len(answerable)),
        "number_fidelity": _mean([float(not _unsupported(v.sentence, o)) for v, o in released]),
        "unsupported_before": _mean([float(_unsupported(v.sentence, o)) for v, o in verdicts]),
        "unsupported_after": _mean([float(_unsupported(v.sentence, o)) for v, o in released]),
        "false_block": _share(sum(not v.released for v, _ in good), len(good)),
        "blocked": _share(len(blocked), len(verdicts)),
        "citation_precision": _mean([x for o in outcomes for x in _citation_scores(o)]),
        "language_match": _mean([float(_language_matches(o)) for o in outcomes if o.text]),
        "first_sentence_p50_ms": _median([o.first_ms for o in outcomes]),
        "turn_p50_ms": _median([o.total_ms for o in outcomes]),
    }


def row_scores(outcome: Outcome) -> dict[str, float]:
    """Scores of one answer; an abstention scores 0 on an answerable question."""
    question = outcome.question
    short = question.answers or ((question.reference,) if question.reference else ())
    long = (question.reference,) if question.reference else question.answers
    text = outcome.text
    contains = bool(question.answers) and all(
        _contains(text, answer) for answer in question.answers
    )
    return {
        "f1": best(token_f1, text, short),
        "em": best(exact_match, text, short),
        "rouge_l": best(rouge_l, text, long),
        "right": float(contains or best(token_f1, text, long) >= 0.6),
    }


def _contains(text: str, answer: str) -> bool:
    facts = facts_of(answer)
    if facts:
        known = facts_of(text)
        return all(is_supported(fact, known) for fact in facts)
    return answer.casefold() in text.casefold()


def _reference_supports(sentence: str, question: Question) -> bool:
    if not question.answerable:
        return False
    references = (*question.answers, *((question.reference,) if question.reference else ()))
    return any(_contains(sentence, a) for a in question.answers) or (
        best(token_f1, sentence, references) >= 0.6
    )


def _unsupported(sentence: str, outcome: Outcome) -> bool:
    known = facts_of("\n".join(outcome.evidence))
    return any(not is_supported(fact, known) for fact in facts_of(sentence))


def _citation_scores(outcome: Outcome) -> list[float]:
    """1 for each citation of a gold passage (without gold ids: of one that holds an answer)."""
    question = outcome.question
    if not question.answerable:
        return []
    cited = [citation for reply in outcome.replies for citation in reply.citations]
    if question.gold and not question.contexts:
        return [float(citation.passage_id in question.gold) for citation in cited]
    if not question.answers:
        return []
    return [float(any(a.casefold() in c.text.casefold() for a in question.answers)) for c in cited]


def _language_matches(outcome: Outcome) -> bool:
    # A bare figure or a Latin name is right in any language.
    text = outcome.text
    han = sum("\u3400" <= char <= "\u9fff" for char in text)
    letters = sum(char.isalpha() and char.isascii() for char in text)
    if not han and letters < 12:
        return True
    return (han > 0.15 * (han + letters)) == outcome.question.lang.startswith("zh")


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else float("nan")


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def details_of(outcome: Outcome) -> dict[str, Any]:
    """One row of the details file."""
    question = outcome.question
    return {
        "id": question.id,
        "lang": question.lang,
        "kind": question.kind,
        "question": question.question,
        "answerable": question.answerable,
        "answers": list(question.answers),
        "reference_answer": question.reference,
        "reply": join_sentences(reply.text for reply in outcome.replies),
        "answer": outcome.text,
        "abstained": outcome.abstained,
        "reason": outcome.reason,
        "answerability": round(outcome.answerability, 4),
        "draft": outcome.draft.text,
        "blocked": [
            {"sentence": v.sentence, "problems": [f"{p.code}: {p.detail}" for p in v.problems]}
            for v in outcome.draft.verdicts
            if not v.released
        ],
        "cited": [c.passage_id for r in outcome.replies for c in r.citations],
        **row_scores(outcome),
        "first_ms": round(outcome.first_ms, 1),
        "total_ms": round(outcome.total_ms, 1),
    }


def language_of(outcome: Outcome) -> str:
    """The language that an outcome is counted under."""
    return cast("str", outcome.question.lang)

"""Scores of evaluated answers: per row, and over all of them (docs/evaluation.md).

Covered: everything that `shopkeeper eval answers` reports. Not covered: making the answers
(`training.tasks.answers`) and comparing two texts (`training.tasks.text_metrics`).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bot.answering.facts import facts_of, is_supported
from bot.types import join_sentences
from training.tasks.answers import Outcome, Question
from training.tasks.text_metrics import auroc, best, exact_match, rouge_l, token_f1


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
        "citation_recall": _mean([x for o in outcomes for x in _citation_recall(o)]),
        "language_match": _mean([float(_language_matches(o)) for o in outcomes if o.text]),
        "answer_chars": _mean([float(len(o.text)) for o in outcomes if o.text]),
        "first_sentence_p50_ms": _quantile([o.first_ms for o in outcomes], 0.5),
        "first_sentence_p95_ms": _quantile([o.first_ms for o in outcomes], 0.95),
        "turn_p50_ms": _quantile([o.total_ms for o in outcomes], 0.5),
        "turn_p95_ms": _quantile([o.total_ms for o in outcomes], 0.95),
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


def _citation_recall(outcome: Outcome) -> list[float]:
    """1 where an answered question cites a gold passage, 0 where it cites only others."""
    scores = _citation_scores(outcome)
    return [max(scores)] if scores else []


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


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else float("nan")


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


SHOWN = ("lang", "kind", "question", "reply", "reference_answer", "answers", "reason", "f1")
"""Fields of a case that a report shows."""


def worst(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that went wrong, worst first: wrong answers, then refusals, then answers too many."""

    def badness(outcome: Outcome) -> float:
        if outcome.question.answerable:
            return 1.0 - row_scores(outcome)["f1"] if not outcome.abstained else 0.5
        return 0.0 if outcome.abstained else 0.6 + 0.4 * outcome.answerability

    return sorted((o for o in outcomes if badness(o) > 0.4), key=badness, reverse=True)


def grouped(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], str]
) -> dict[str, dict[str, float]]:
    """All metrics for each value of `key`; outcomes whose key is empty are left out."""
    values = sorted({key(outcome) for outcome in outcomes} - {""})
    return {value: metrics_of([o for o in outcomes if key(o) == value]) for value in values}


def kind_of(outcome: Outcome) -> str:
    """The kind of question that an outcome is counted under."""
    return outcome.question.kind


def language_of(outcome: Outcome) -> str:
    """The language that an outcome is counted under."""
    return str(outcome.question.lang)

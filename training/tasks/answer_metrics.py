"""Scores of evaluated answers, one question at a time (docs/evaluation.md).

Covered: what one answer scores by itself, and what it adds to every row of the report, as a share:
so much of so much. Not covered: the report (`training.tasks.answer_report`), making the answers
(`training.tasks.answers`), comparing two texts (`training.tasks.text_metrics`).

Source of telling a short answer from a long one: Kwiatkowski et al., 2019, Natural Questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bot.answering.facts import facts_of, is_supported
from bot.answering.guard import without_citations
from bot.types import join_sentences
from training.tasks.answers import Outcome, Question
from training.tasks.text_metrics import best, exact_match, rouge_l, token_f1

Share = tuple[float, float]
"""So much of so much; (0, 0) where a question does not tell."""
_NOTHING: Share = (0.0, 0.0)
_DRAFT_SCORES = ("draft_f1", "draft_rouge_l", "draft_chars")
_RIGHT_FROM = 0.6
"""Token F1 with the reference from which on an answer counts as right."""


def row_scores(outcome: Outcome) -> dict[str, float]:
    """Scores of one answer; an abstention scores 0 on an answerable question.

    `f1` and `em` compare what the reply marks as its answer, or all of it where nothing is marked,
    with references that are short; `whole_f1` compares all that the customer reads.
    """
    question = outcome.question
    short = short_answers(question)
    text, long = outcome.text, (question.reference,) if question.reference else question.answers
    said, wanted = (outcome.marked or text, short) if short else (text, long)
    return {
        "f1": best(token_f1, said, wanted),
        "em": best(exact_match, said, wanted),
        "whole_f1": best(token_f1, text, wanted),
        "rouge_l": best(rouge_l, text, long),
        "right": float(_is_right(text, question)),
    }


def draft_scores(outcome: Outcome) -> dict[str, float]:
    """Scores of what the generator wrote, before the guard; none where nothing was drafted.

    These compare generators: what the customer reads may be the shop's text in a draft's place.
    """
    question, drafted = outcome.question, without_citations(outcome.draft.text)
    if not drafted or not question.answerable:
        return {}
    wanted = (question.reference,) if question.reference else question.answers
    return {
        "draft_f1": best(token_f1, drafted, wanted),
        "draft_rouge_l": best(rouge_l, drafted, wanted),
        "draft_chars": float(len(drafted)),
    }


def short_answers(question: Question) -> tuple[str, ...]:
    """The references that are spans or facts, not a sentence that says everything."""
    return tuple(answer for answer in question.answers if answer != question.reference)


def _is_right(text: str, question: Question) -> bool:
    """Whether an answer holds what it must, or says nearly what the reference says.

    Beside a reference, `answers` are the facts that it must hold; alone they are ways of saying
    one answer.
    """
    held = [_contains(text, answer) for answer in short_answers(question)]
    enough = all(held) if question.reference else any(held)
    references = (question.reference,) if question.reference else question.answers
    return (bool(held) and enough) or best(token_f1, text, references) >= _RIGHT_FROM


def _contains(text: str, answer: str) -> bool:
    facts = facts_of(answer)
    if facts:
        known = facts_of(text)
        return all(is_supported(fact, known) for fact in facts)
    return answer.casefold() in text.casefold()


def shares_of(outcome: Outcome) -> dict[str, Share]:
    """What one outcome adds to each row of the report."""
    scores = row_scores(outcome)
    answerable, abstained = outcome.question.answerable, outcome.abstained
    refused = (float(abstained and not answerable), float(abstained))
    right, drafted = scores.pop("right"), draft_scores(outcome)
    return {
        **{name: _mean_of([score] if answerable else []) for name, score in scores.items()},
        "judged_right": _mean_of([right] if answerable and not abstained else []),
        **{name: _mean_of([drafted[name]] if drafted else []) for name in _DRAFT_SCORES},
        "similarity": _mean_of([] if outcome.similarity is None else [outcome.similarity]),
        "abstain_precision": refused,
        "abstain_recall": (refused[0], float(not answerable)),
        "abstain_f1": (2 * refused[0], float(abstained) + float(not answerable)),
        "over_abstain": (float(abstained and answerable), float(answerable)),
        **_guard_shares(outcome),
        **_citation_shares(outcome),
        "language_match": _mean_of([_language_matches(outcome)] if outcome.text else []),
        "answer_chars": _mean_of([len(outcome.text)] if outcome.text else []),
    }


def _guard_shares(outcome: Outcome) -> dict[str, Share]:
    """Sentences with facts that no passage holds, before and after the guard; what it blocked."""
    known = facts_of("\n".join(outcome.evidence))
    verdicts = outcome.draft.verdicts
    bad = [not all(is_supported(f, known) for f in facts_of(v.sentence)) for v in verdicts]
    sent = [unsupported for v, unsupported in zip(verdicts, bad, strict=True) if v.released]
    good = [v for v in verdicts if _reference_supports(v.sentence, outcome.question)]
    return {
        "number_fidelity": _mean_of(not unsupported for unsupported in sent),
        "unsupported_before": _mean_of(bad),
        "unsupported_after": _mean_of(sent),
        "false_block": _mean_of(not v.released for v in good),
        "blocked": _mean_of(not v.released for v in verdicts),
    }


def _reference_supports(sentence: str, question: Question) -> bool:
    if not question.answerable:
        return False
    if any(_contains(sentence, answer) for answer in short_answers(question)):
        return True
    references = (*question.answers, question.reference)
    return best(token_f1, sentence, [r for r in references if r]) >= _RIGHT_FROM


def _citation_shares(outcome: Outcome) -> dict[str, Share]:
    """Citations of a gold passage, and whether one of them was cited.

    Without gold ids, or where each question brings its own contexts, a passage is right that holds
    an answer.
    """
    question = outcome.question
    cited = [citation for reply in outcome.replies for citation in reply.citations]
    right: list[bool] = []
    if question.answerable and question.gold and not question.contexts:
        right = [citation.passage_id in question.gold for citation in cited]
    elif question.answerable and (answers := short_answers(question)):
        right = [any(a.casefold() in c.text.casefold() for a in answers) for c in cited]
    return {
        "citation_precision": _mean_of(right),
        "citation_recall": _mean_of([any(right)] if right else []),
    }


def _language_matches(outcome: Outcome) -> bool:
    # A bare figure or a Latin name is right in any language.
    text = outcome.text
    han = sum("\u3400" <= char <= "\u9fff" for char in text)
    letters = sum(char.isalpha() and char.isascii() for char in text)
    if not han and letters < 12:
        return True
    return (han > 0.15 * (han + letters)) == outcome.question.lang.startswith("zh")


def _mean_of(values: Iterable[float]) -> Share:
    found = list(values)
    return (float(sum(found)), float(len(found))) if found else _NOTHING


def details_of(outcome: Outcome) -> dict[str, Any]:
    """One row of the details file."""
    question = outcome.question
    return {
        "id": question.id,
        "lang": question.lang,
        "kind": kind_of(outcome),
        "question": question.question,
        "answerable": question.answerable,
        "answers": list(question.answers),
        "reference_answer": question.reference,
        "reply": join_sentences(reply.text for reply in outcome.replies),
        "answer": outcome.text,
        "marked": outcome.marked,
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
        **draft_scores(outcome),
        **({} if outcome.similarity is None else {"similarity": round(outcome.similarity, 4)}),
        "first_ms": round(outcome.first_ms, 1),
        "total_ms": round(outcome.total_ms, 1),
    }


SHOWN = (
    "lang",
    "kind",
    "question",
    "reply",
    "marked",
    "reference_answer",
    "answers",
    "reason",
    "f1",
)
"""Fields of a case that a report shows."""


def worst(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that went wrong, worst first: wrong answers, then refusals, then answers too many."""

    def badness(outcome: Outcome) -> float:
        if outcome.question.answerable:
            return 1.0 - row_scores(outcome)["f1"] if not outcome.abstained else 0.5
        return 0.0 if outcome.abstained else 0.6 + 0.4 * outcome.answerability

    return sorted((o for o in outcomes if badness(o) > 0.4), key=badness, reverse=True)


Key = Callable[[Outcome], str]
"""What outcomes are grouped by."""


def kind_of(outcome: Outcome) -> str:
    """The kind of question as the file has it, otherwise what can be told from the row."""
    question = outcome.question
    if question.kind:
        return question.kind
    if not question.answerable:
        return "unanswerable"
    return "followup" if question.history else "question"


def language_of(outcome: Outcome) -> str:
    """The language that an outcome is counted under."""
    return str(outcome.question.lang)

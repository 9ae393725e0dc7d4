"""`eval answers`: whole turns over real search and guard, and scores that mean what they say."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.compose import Composer
from bot.answering.decision import Thresholds
from bot.answering.drafting import Draft, Drafter
from bot.answering.wording import Wording
from bot.config import AnswerStyle
from bot.errors import InputError
from bot.types import (
    EvidenceSentence,
    HistoryEntry,
    Lang,
    Message,
    Problem,
    Query,
    Reading,
    Verdict,
)
from retrieval.calibration import FEATURE_NAMES, Calibration
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever
from retrieval.spans import sentence_spans
from tests.retrieval.fakes import FakeEncoder
from tests.scripted import ScriptedGenerator
from training.tasks.answer_metrics import details_of, draft_scores, row_scores, shares_of
from training.tasks.answer_report import AnswerReport, compare_reports, grouped
from training.tasks.answers import AnswerTask, Outcome, Question, read_questions
from training.tasks.text_metrics import auroc

STEAM = (
    "Steam engines are external combustion engines. The ideal cycle used to analyse them is called "
    "the Rankine cycle. In the cycle, water is heated and transforms into steam within a boiler that "
    "works at a high pressure. When it expands through pistons or turbines, mechanical work is done."
)
ANSWER = "Rankine cycle"


class Pointing:
    """A reader that knows one answer: a passage that holds it answers, and there it points."""

    name = "pointing"

    def __init__(self, answer: str, sure: float = 0.9) -> None:
        self._answer = answer
        self._sure = sure

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        return [self._reading(text) for text in passages]

    def _reading(self, text: str) -> Reading:
        at = text.find(self._answer)
        spans = sentence_spans(text)
        needed = [EvidenceSentence(a, b, 0.9 if a <= at < b else 0.01) for a, b in spans]
        place = (at, at + len(self._answer)) if at >= 0 else (0, 1)
        return Reading(4.0 if at >= 0 else -4.0, tuple(needed), place, self._sure)


def understand(message: Message, history: Sequence[HistoryEntry]) -> Query:
    lang: Lang = message.interface_lang or "en"
    return Query(message.text, lang, message.text)


def reads(
    answer: str, sure: float = 0.9, said: str = "", style: AnswerStyle = "quote"
) -> AnswerTask:
    """The task with a generator that says `said`, answerable where the reader found the answer."""
    encoder = FakeEncoder()
    weights = tuple(float(name == "reading") for name in FEATURE_NAMES)
    nothing = (0.0,) * len(FEATURE_NAMES)
    certain = Calibration(weights, 0.0, nothing, (1.0,) * len(FEATURE_NAMES))
    return AnswerTask(
        understand=understand,
        composer=Composer(Drafter(ScriptedGenerator(said)), Wording("Shop", "店"), style=style),
        thresholds=Thresholds(answer=0.5),
        retriever=None,
        retriever_for=lambda texts: HybridRetriever(
            HybridIndex.build(texts, encoder),
            encoder,
            calibration=certain,
            reader=Pointing(answer, sure),
        ),
        encoder=encoder,
    )


def question(**more: object) -> Question:
    plain = Question("q1", "en", "Which cycle is ideal?", (), (STEAM,), (ANSWER,), "", True, (), "")
    return replace(plain, **more)  # type: ignore[arg-type]


def ask(task: AnswerTask, asked: Question) -> Outcome:
    (outcome,) = task.run([asked])
    return outcome


def test_a_quotation_is_scored_by_the_answer_that_it_marks() -> None:
    outcome = ask(reads(ANSWER), question())
    assert outcome.marked == ANSWER
    assert ANSWER in outcome.text
    scores = row_scores(outcome)
    assert (scores["f1"], scores["em"]) == (1.0, 1.0)
    assert 0.1 < scores["whole_f1"] < 0.6, "the customer reads a sentence around it"
    assert details_of(outcome)["marked"] == ANSWER


def test_where_nothing_is_marked_all_of_the_reply_is_the_answer() -> None:
    outcome = ask(reads(ANSWER, sure=0.01), question())
    scores = row_scores(outcome)
    assert outcome.marked == ""
    assert scores["f1"] == scores["whole_f1"] < 0.6


def test_a_long_reference_is_compared_with_all_that_is_said() -> None:
    sentence = "The ideal cycle used to analyse them is called the Rankine cycle."
    outcome = ask(reads(ANSWER), question(answers=(sentence,), reference=sentence))
    assert row_scores(outcome)["f1"] == row_scores(outcome)["whole_f1"] == 1.0
    assert outcome.similarity == pytest.approx(1.0, abs=1e-5)


def test_facts_must_all_be_said_and_of_wordings_one() -> None:
    outcome = ask(reads(ANSWER), question())
    facts = replace(outcome, question=question(answers=(ANSWER, "40 bar"), reference="At 40 bar."))
    ways = replace(outcome, question=question(answers=(ANSWER, "the cycle of Rankine")))
    assert row_scores(facts)["right"] == 0.0
    assert row_scores(ways)["right"] == 1.0


def test_a_question_that_its_context_does_not_answer_is_abstained_from() -> None:
    outcome = ask(reads("Otto cycle"), question(answers=(), answerable=False))
    assert outcome.abstained
    shares = shares_of(outcome)
    assert shares["abstain_precision"] == shares["abstain_recall"] == (1.0, 1.0)
    assert shares["f1"] == (0.0, 0.0), "it says nothing about answerable questions"


def test_a_question_without_any_context_is_abstained_from() -> None:
    assert ask(reads(ANSWER), question(contexts=())).abstained


def test_traditional_text_is_quoted_and_marked_as_it_was_written() -> None:
    text = "台灣的首都在哪裡，眾說紛紜。" * 12 + "這座城市裡最高的建築叫做台北一零一大樓。"
    asked = question(
        lang="zh-Hant", question="最高的建築叫什麼？", contexts=(text,), answers=("台北一零一大樓",)
    )
    outcome = ask(reads("台北一零一大樓"), asked)
    assert outcome.marked == "台北一零一大樓"
    assert "台北一零一大樓" in outcome.text


def test_drafts_are_scored_before_the_guard_changes_them() -> None:
    task = reads(ANSWER, said="It was Otto in 1876 [1].", style="draft")
    outcome = ask(task, question(reference="It was Otto in 1876.", answers=()))
    assert draft_scores(outcome)["draft_f1"] == 1.0
    shares = shares_of(outcome)
    assert shares["unsupported_before"] == (1.0, 1.0)
    assert shares["unsupported_after"] == (0.0, 0.0), "nothing of it was sent"
    assert draft_scores(ask(reads(ANSWER), question())) == {}


def scored(answerable: bool, abstained: bool, score: float, number: int = 0) -> Outcome:
    made = question(id=f"q{number}", answerable=answerable, answers=("yes",) if answerable else ())
    text = "" if abstained else ("yes" if score else "no")
    return Outcome(made, text, "", abstained, "", score, (), Draft(), (), 10.0, 20.0)


outcomes = st.lists(
    st.builds(scored, st.booleans(), st.booleans(), st.sampled_from([0.0, 1.0])), min_size=1
).map(
    lambda found: [
        replace(o, question=replace(o.question, id=f"q{n}")) for n, o in enumerate(found)
    ]
)


@given(outcomes)
def test_the_report_is_what_counting_by_hand_gives(found: list[Outcome]) -> None:
    metrics = AnswerReport.of(found).metrics()
    refused = [o for o in found if o.abstained]
    unanswerable = [o for o in found if not o.question.answerable]
    both = sum(not o.question.answerable for o in refused)
    if refused or unanswerable:
        assert metrics["abstain_f1"] == pytest.approx(2 * both / (len(refused) + len(unanswerable)))
    else:
        assert math.isnan(metrics["abstain_f1"]), "no question tells"
    answerable = [o for o in found if o.question.answerable]
    if answerable:
        wanted = np.mean([row_scores(o)["f1"] for o in answerable])
        assert metrics["f1"] == pytest.approx(wanted)
        assert metrics["over_abstain"] == pytest.approx(
            sum(o.abstained for o in answerable) / len(answerable)
        )


@given(outcomes)
def test_groups_make_up_the_whole(found: list[Outcome]) -> None:
    whole = AnswerReport.of(found)
    parts = grouped(found, lambda o: "a" if o.question.answerable else "b")
    assert set(parts) <= {"a", "b"}
    if len(parts) == 1:
        (only,) = parts.values()
        np.testing.assert_equal(only, whole.metrics())


def test_a_better_run_is_told_row_by_row_with_its_interval() -> None:
    bad = [scored(True, n % 2 == 0, 0.0, n) for n in range(40)]
    good = [scored(True, False, 1.0, n) for n in range(40)]
    found = {d.measure: d for d in compare_reports(AnswerReport.of(bad), AnswerReport.of(good))}
    assert found["f1"].verdict == "B is better"
    assert (found["f1"].a, found["f1"].b) == (0.0, 1.0)
    assert found["over_abstain"].verdict == "B is better", "less of it is better"
    assert found["over_abstain"].low < found["over_abstain"].change < found["over_abstain"].high
    assert found["turn_p50_ms"].verdict == "no clear difference"
    assert "abstain_recall" not in found, "no row tells"
    with pytest.raises(InputError, match="different questions"):
        compare_reports(AnswerReport.of(bad), AnswerReport.of(good[:5]))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(cases: list[tuple[int, bool]]) -> None:
    up = [score for score, positive in cases if positive]
    down = [score for score, positive in cases if not positive]
    area = auroc([score for score, _ in cases], [positive for _, positive in cases])
    if not up or not down:
        assert math.isnan(area)
        return
    won = sum((a > b) + 0.5 * (a == b) for a in up for b in down)
    assert area == pytest.approx(won / (len(up) * len(down)))


def test_what_the_guard_blocked_wrongly_is_counted() -> None:
    outcome = ask(reads(ANSWER), question())
    draft = Draft(
        verdicts=[
            Verdict("It is the Rankine cycle.", (1,), (Problem("support_low", "-9"),)),
            Verdict("It is the Otto cycle.", (1,), (Problem("unsupported_name", "Otto"),)),
        ]
    )
    shares = shares_of(replace(outcome, draft=draft))
    assert shares["false_block"] == (1.0, 1.0)
    assert shares["blocked"] == (2.0, 2.0)


@dataclass(frozen=True)
class Line:
    text: str
    told: str


@pytest.mark.parametrize(
    "line",
    [
        Line("not json", "line 2"),
        Line('{"id": "x", "question": "y"}', "lang"),
        Line('{"id": "x", "lang": "en", "question": "y", "history": [3]}', "line 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: Line) -> None:
    good = json.dumps({"id": "a", "lang": "en", "question": "b", "answers": ["c"]})
    path = tmp_path / "q.jsonl"
    path.write_text(f"{good}\n{line.text}\n", "utf-8")
    with pytest.raises(InputError, match=re.escape(line.told)):
        read_questions(path)

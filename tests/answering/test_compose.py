"""Composing: drafts are checked sentence by sentence, and there is always something to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.answering.compose import Composer
from bot.answering.drafting import Draft, Drafter
from bot.answering.wording import Wording
from bot.types import Action, Decision, EvidenceSentence, Hit, Lang, Passage, Query, Reading, Reply
from tests.scripted import ScriptedGenerator

WORDING = Wording("Maple Lane", "枫里")
RETURNS = Hit(
    Passage(
        "faq-1.en", "faq", "en", "Returns", "Unopened items go back within 30 days.", version=3
    ),
    1.0,
)
RETURNS_ZH = Hit(Passage("faq-1.zh", "faq", "zh-Hans", "退货", "未拆封商品30天内可退。"), 0.9)
ANSWER = Decision(Action.ANSWER, "answerable", 0.9, (RETURNS, RETURNS_ZH))


def compose(
    reply: str, decision: Decision = ANSWER, lang: Lang = "en", **options: Any
) -> tuple[list[Reply], Draft, ScriptedGenerator]:
    generator = ScriptedGenerator(reply, pause_s=options.pop("pause_s", 0.0))
    limits = {"deadline_s": options.pop("deadline_s")} if "deadline_s" in options else {}
    composer = Composer(Drafter(generator, **limits), WORDING, **options)
    draft = Draft()
    query = Query("How long can I return it?", lang, "How long can I return it?")
    return list(composer.compose(decision, query, (), draft)), draft, generator


def test_a_supported_sentence_is_released_with_its_source_and_version() -> None:
    replies, draft, _ = compose("Unopened items can go back within 30 days [1].")
    assert [reply.text for reply in replies] == ["Unopened items can go back within 30 days."]
    assert [(c.passage_id, c.version) for c in replies[0].citations] == [("faq-1.en", 3)]
    assert draft.verdicts[0].released


def test_an_unsupported_sentence_is_dropped_and_kept_for_the_record() -> None:
    replies, draft, _ = compose("You have 30 days [1]. Refunds take 3 days [1].")
    assert [reply.text for reply in replies] == ["You have 30 days."]
    assert [v.released for v in draft.verdicts] == [True, False]


def test_when_nothing_can_be_released_the_shop_speaks_for_itself() -> None:
    replies, _, _ = compose("You have 45 days [1].")
    assert [reply.kind for reply in replies] == ["notice", "verbatim"]
    assert replies[-1].text == RETURNS.passage.text


def test_the_verbatim_text_is_in_the_customers_language_and_script() -> None:
    replies, _, _ = compose("You have 45 days [1].", lang="zh-Hant")
    assert replies[-1].text == "未拆封商品30天內可退。"


@pytest.mark.parametrize("reply", ["!", "", "   \n"])
def test_a_generator_that_fails_or_says_nothing_leaves_the_customer_with_an_answer(
    reply: str,
) -> None:
    replies, _, _ = compose(reply)
    assert replies[-1].text == RETURNS.passage.text


def test_a_draft_that_takes_too_long_is_replaced() -> None:
    replies, draft, generator = compose("Unopened " * 40 + "[1].", pause_s=0.02, deadline_s=0.1)
    assert replies[-1].kind == "verbatim"
    assert "took longer" in draft.error
    assert generator.closed == 1, "the generator is freed"


def test_a_refusal_of_the_generator_becomes_the_prepared_one() -> None:
    unsure = Decision(Action.ANSWER, "answerable", 0.6, ANSWER.hits)
    replies, draft, _ = compose("I'm sorry, I don't have that information. [none]", unsure)
    assert [reply.kind for reply in replies] == ["notice"]
    assert draft.declined


def test_a_refusal_is_overruled_when_the_passages_surely_answer() -> None:
    replies, _, _ = compose("I'm sorry, I don't have that information. [none]")
    assert [reply.kind for reply in replies] == ["notice", "verbatim"]


def test_a_repeated_sentence_is_said_once() -> None:
    replies, _, _ = compose("You have 30 days [1]. You have 30 days [1]. You have 30 days [1].")
    assert len(replies) == 1


def test_a_sentence_leaves_before_the_next_is_drafted() -> None:
    generator = ScriptedGenerator("You have 30 days [1]. It must be unopened [1]. " + "x" * 400)
    draft = Draft()
    query = Query("How long?", "en", "How long?")
    replies: Iterator[Reply] = Composer(Drafter(generator), WORDING).compose(
        ANSWER, query, (), draft
    )
    assert next(replies).text == "You have 30 days."
    assert len(draft.text) < 60
    replies.close()  # type: ignore[attr-defined]
    assert generator.closed == 1, "a customer who leaves frees the generator"


@pytest.mark.parametrize("lang", ["en", "zh-Hans", "zh-Hant", "other"])
@pytest.mark.parametrize(
    "decision",
    [
        Decision(Action.ABSTAIN, "not_in_knowledge"),
        Decision(Action.ABSTAIN, "out_of_scope"),
        Decision(Action.HAND_OVER, "asked_for_person"),
        Decision(Action.HAND_OVER, "unhappy"),
        Decision(Action.HAND_OVER, "two_failed"),
        Decision(Action.HAND_OVER, "order_matter"),
        Decision(Action.HAND_OVER, "complaint"),
        Decision(Action.SMALLTALK, "smalltalk"),
        Decision(Action.SMALLTALK, "thanks_bye"),
        Decision(Action.CLARIFY, "nothing_asked"),
        Decision(Action.REJECT, "abuse"),
    ],
    ids=lambda decision: decision.reason,
)
def test_every_decision_says_something_in_every_language(decision: Decision, lang: Lang) -> None:
    replies, _, generator = compose("", decision, lang)
    assert replies
    assert all(reply.text.strip() and "{" not in reply.text for reply in replies)
    assert not generator.prompts, "nothing is drafted for it"


def test_a_handover_says_what_happens_next() -> None:
    replies, _, _ = compose("", Decision(Action.HAND_OVER, "asked_for_person"))
    assert "colleague" in replies[-1].text
    assert "appear in this chat" in replies[-1].text


def test_what_was_read_in_the_customers_language_is_quoted_without_the_generator() -> None:
    read = replace(RETURNS, reading=Reading(3.0, (EvidenceSentence(0, 38, 0.9),)))
    replies, draft, generator = compose("Never asked [1].", replace(ANSWER, hits=(read,)))
    assert [(reply.kind, reply.text) for reply in replies] == [("verbatim", RETURNS.passage.text)]
    assert replies[0].citations[0].passage_id == "faq-1.en"
    assert generator.prompts == []
    assert [verdict.released for verdict in draft.verdicts] == [True]


def test_a_shop_may_have_every_answer_drafted() -> None:
    read = replace(RETURNS, reading=Reading(3.0, (EvidenceSentence(0, 38, 0.9),)))
    replies, _, _ = compose("You have 30 days [1].", replace(ANSWER, hits=(read,)), style="draft")
    assert [reply.text for reply in replies] == ["You have 30 days."]


READ = replace(RETURNS, reading=Reading(3.0, (EvidenceSentence(0, 38, 0.9),), (30, 37), 0.8))
READ_ZH = replace(RETURNS_ZH, reading=Reading(2.0, (EvidenceSentence(0, 12, 0.9),)))


def ask_in(text: str, page: Lang | None, *hits: Hit, **options: Any) -> tuple[list[Reply], int]:
    """What a customer of a third language is told, and how often the generator was asked."""
    generator = ScriptedGenerator("It costs ¥8 and €59 [1].")
    composer = Composer(Drafter(generator), WORDING, **options)
    query = Query(text, "other", text, page_lang=page)
    decision = replace(ANSWER, hits=hits)
    return list(composer.compose(decision, query, (), Draft())), len(generator.prompts)


@pytest.mark.parametrize(
    ("text", "page", "told"),
    [
        ("Combien de temps pour un retour ?", None, RETURNS.passage.text),
        ("Combien de temps pour un retour ?", "zh-Hans", RETURNS_ZH.passage.text),
        ("返品は何日以内ですか", None, RETURNS_ZH.passage.text),
        ("返品は何日以内ですか", "en", RETURNS.passage.text),
        ("Combien de temps pour un retour ?", "other", RETURNS.passage.text),
    ],
)
@pytest.mark.parametrize("hits", [(READ, READ_ZH), (READ_ZH, READ), (RETURNS, RETURNS_ZH)])
def test_a_third_language_is_answered_in_the_shops_own_words(
    text: str, page: Lang | None, told: str, hits: tuple[Hit, ...]
) -> None:
    replies, drafted = ask_in(text, page, *hits)
    assert drafted == 0
    assert replies[0].kind == "notice"
    assert "English" in replies[0].text
    assert "中文" in replies[0].text
    assert [reply.text for reply in replies if reply.kind != "notice"] == [told]
    chinese_page = told == RETURNS_ZH.passage.text
    assert replies[0].text.startswith("我" if chinese_page else "I"), "the page's language first"


def test_a_third_language_gets_the_text_there_is_when_the_nearer_one_is_missing() -> None:
    replies, drafted = ask_in("Combien de temps ?", "en", READ_ZH)
    assert drafted == 0
    assert replies[-1].text == RETURNS_ZH.passage.text


def test_a_shop_that_wants_drafts_gets_them_in_a_third_language_too() -> None:
    _, drafted = ask_in("Combien de temps ?", "en", READ, style="draft")
    assert drafted == 1


def test_the_shortest_answer_is_marked_in_the_source() -> None:
    (reply,), _, _ = compose("", replace(ANSWER, hits=(READ,)))
    (citation,) = reply.citations
    assert citation.answer is not None
    assert citation.text[slice(*citation.answer)] == "30 days"
    assert citation.evidence == ((0, 38),)


def test_traditional_text_is_not_respelt_for_a_reader_of_traditional() -> None:
    text = "台灣本島滿千免運。"
    passage = Passage("faq-2.zh", "faq", "zh-Hant", "運費", text)
    hit = Hit(passage, 1.0, reading=Reading(3.0, (EvidenceSentence(0, 9, 0.9),)))
    (reply,), _, _ = compose("", replace(ANSWER, hits=(hit,)), lang="zh-Hant")
    assert reply.text == text
    (simple,), _, _ = compose("", replace(ANSWER, hits=(hit,)), lang="zh-Hans")
    assert simple.text == "台湾本岛满千免运。"

"""The chat page in a real browser, as customers meet it."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import Page, expect

from bot.types import Action, Citation, Message, Passage, Reply
from tests.channels.fakes import CHINESE, RETURNS, RETURNS_ZH, Script, Shop
from tests.e2e.conftest import OpenPage

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"document.title='owned'\">{{7*7}}${7*7} [a](javascript:x) **b**"


def send(page: Page, text: str) -> None:
    """Type a message and press Enter, as a customer does."""
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def answered(page: Page, count: int = 1) -> None:
    """Wait until so many answers are complete."""
    expect(page.locator(".theirs[aria-busy=false]")).to_have_count(count)


@pytest.mark.parametrize("width", [1280, 390])
def test_an_english_question_is_answered_with_its_source(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width)
    expect(page.get_by_role("heading", name="Hello! How can we help?")).to_be_visible()
    send(page, "How long may I return shoes?")
    answered(page)
    expect(page.locator(".said")).to_contain_text("You have 14 days in the EU")
    page.get_by_role("button", name="Sources 1").click()
    expect(page.locator(".source-text").first).to_have_text(RETURNS.text)
    expect(page.locator(".source-text").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_chinese_question_is_answered_with_its_source(open_page: OpenPage, shop: Shop) -> None:
    shop.answer.default = Script(CHINESE, lang="zh-Hans")
    page = open_page(locale="zh-CN")
    expect(page.get_by_role("heading", name="您好，有什么可以帮您？")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    send(page, "几天内可以退货？")
    answered(page)
    expect(page.locator(".said")).to_contain_text("签收后7天内可以退货。")
    page.get_by_role("button", name="出处 1").click()
    expect(page.locator(".source-text").first).to_have_text(RETURNS_ZH.text)
    assert shop.answer.calls[0].interface_lang == "zh-Hans"


def test_sentences_appear_one_by_one(open_page: OpenPage, shop: Shop) -> None:
    go = threading.Semaphore(1)
    shop.answer.default = Script(before=go.acquire)
    page = open_page()
    send(page, "returns?")
    expect(page.locator(".said")).to_contain_text("14 days")
    expect(page.locator(".dots")).to_be_visible()
    expect(page.locator(".said")).not_to_contain_text("Delivery")
    go.release()
    expect(page.locator(".said")).to_contain_text("Delivery is free from €59.")
    answered(page)
    expect(page.locator(".dots")).to_have_count(0)


def test_what_is_sent_while_an_answer_is_written_is_answered_next(
    open_page: OpenPage, shop: Shop
) -> None:
    go = threading.Semaphore(0)
    shop.answer.default = Script(before=go.acquire)
    page = open_page()
    for question in ("how much is delivery?", "to Norway", "by Friday?"):
        send(page, question)
    expect(page.locator(".bubble")).to_have_count(3)
    expect(page.locator(".is-pending")).to_have_count(2)
    expect(page.get_by_role("textbox")).to_have_value("")
    for _ in range(30):
        go.release()
    answered(page, 3)
    expect(page.locator(".is-pending")).to_have_count(0)
    shown = page.locator(".turn")
    assert ["mine" in str(shown.nth(at).get_attribute("class")) for at in range(6)] == [1, 0] * 3
    asked = [call.text for call in shop.answer.calls]
    assert asked == ["how much is delivery?", "to Norway", "by Friday?"]


def test_a_person_can_be_asked_for_again_once_the_matter_was_closed(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page()
    send(page, "first question")
    answered(page)
    person = page.get_by_role("button", name="Talk to a person")
    conversation = shop.answer.calls[0].conversation_id
    shop.parts.conversations.take_over(conversation, "anna")
    page.reload()
    expect(person).to_be_disabled()
    shop.parts.conversations.resolve(conversation, "anna")
    page.reload()
    expect(person).to_be_enabled()


def test_the_conversation_survives_a_reload(open_page: OpenPage, shop: Shop) -> None:
    page = open_page()
    send(page, "first question")
    answered(page)
    page.reload()
    answered(page)
    expect(page.locator(".bubble")).to_contain_text("first question")
    expect(page.locator(".said")).to_contain_text("14 days")
    send(page, "second question")
    answered(page, 2)
    assert len({call.conversation_id for call in shop.answer.calls}) == 1


def test_a_new_conversation_can_be_begun_and_taken_back(open_page: OpenPage, shop: Shop) -> None:
    page = open_page()
    send(page, "first question")
    answered(page)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bubble")).to_contain_text("first question")
    page.get_by_role("button", name="New conversation").click()
    send(page, "another matter")
    answered(page)
    assert len({call.conversation_id for call in shop.answer.calls}) == 2


def test_an_example_is_asked_with_one_click_and_the_keyboard_does_the_rest(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page()
    page.get_by_role("button", name="How do I descale a kettle?").click()
    answered(page)
    box = page.get_by_role("textbox")
    box.press_sequentially("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    box.press("Enter")
    answered(page, 2)
    assert [call.text for call in shop.answer.calls] == ["How do I descale a kettle?", "one\ntwo"]


def test_a_vote_is_stored_and_can_be_taken_back(open_page: OpenPage, shop: Shop) -> None:
    page = open_page()
    send(page, "returns?")
    answered(page)
    turn_id = shop.answer.calls[0].message_id

    def stored() -> int:
        record = shop.parts.queries.turn(turn_id)
        assert record is not None
        return record.feedback

    up = page.get_by_role("button", name="Helpful", exact=True)
    up.click()
    expect(page.get_by_text("Thank you for telling us.")).to_be_visible()
    assert stored() == 1
    page.reload()
    expect(up).to_have_attribute("aria-pressed", "true")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    assert stored() == 0


def test_the_source_shows_what_the_answer_rests_on_and_the_shortest_answer(
    open_page: OpenPage, shop: Shop
) -> None:
    text = "🎁 Returns are easy. You have 14 days in the EU. Tell us why."
    begin, answer = text.index("You"), text.index("14 days")
    cited = Citation(
        1, "p", 1, "Returns", text, "faq", ((begin, begin + 26),), (answer, answer + 7)
    )
    shop.answer.default = Script((Reply("You have 14 days in the EU.", "verbatim", (cited,)),))
    page = open_page()
    send(page, "How long?")
    expect(page.locator(".turn[aria-busy=true]")).to_have_count(0)
    source = page.locator(".source-text").first
    expect(source).to_have_text(text)
    expect(source.locator("mark")).to_have_text(text[begin : begin + 26])
    expect(source.locator("mark strong")).to_have_text("14 days")


def test_nothing_anybody_writes_is_markup(open_page: OpenPage, shop: Shop) -> None:
    passage = Passage("p", "faq", "en", EVIL, EVIL)
    cited = Citation(1, passage.passage_id, 1, EVIL, EVIL, "faq")
    shop.answer.default = Script((Reply(EVIL, "sentence", (cited,)), Reply(EVIL, "verbatim")))
    page = open_page()
    for _ in range(2):
        send(page, EVIL)
        expect(page.locator(".turn[aria-busy=true]")).to_have_count(0)
    answered(page, 2)
    page.reload()
    answered(page, 2)
    expect(page.locator(".bubble").first).to_contain_text(EVIL)
    expect(page.locator(".said").first).to_contain_text(EVIL[:-1])
    page.locator(".cite").first.click()
    expect(page.locator(".source-text").first).to_have_text(EVIL)
    assert page.locator(".log img, .log b, .log a, .log script").count() == 0
    assert page.title() != "owned"


def test_a_failure_is_told_politely_and_can_be_tried_again(open_page: OpenPage, shop: Shop) -> None:
    shop.answer.default = Script((), error=RuntimeError("password=hunter2"))
    page = open_page()
    send(page, "returns?")
    expect(page.get_by_role("alert")).to_contain_text("Sorry, something went wrong on our side.")
    assert "hunter2" not in page.content()
    shop.answer.default = Script()
    page.get_by_role("button", name="Try again").click()
    answered(page)
    expect(page.locator(".said").last).to_contain_text("14 days")
    assert page.locator(".bubble").count() == 1


def test_too_long_a_message_is_refused_before_it_is_sent(open_page: OpenPage, shop: Shop) -> None:
    page = open_page()
    send(page, "x" * 501)
    expect(page.get_by_text("1 characters too many")).to_be_visible()
    expect(page.get_by_text("please keep it under 500 characters")).to_be_visible()
    assert page.get_by_role("textbox").input_value() == "x" * 501
    assert shop.answer.calls == []


def test_the_language_can_be_switched_and_is_remembered(open_page: OpenPage) -> None:
    page = open_page(locale="de-DE")
    expect(page.locator(".welcome")).to_contain_text("How can we help")
    page.get_by_role("button", name="中文").click()
    expect(page.locator(".welcome")).to_contain_text("有什么可以帮您")
    page.reload()
    expect(page.locator(".welcome")).to_contain_text("有什么可以帮您")
    assert page.title() == "枫里生活 · 在线客服"


def test_a_person_joins_the_conversation(open_page: OpenPage, shop: Shop) -> None:
    shop.answer.default = Script(
        (Reply("A colleague will answer here.", "notice"),), Action.HAND_OVER, "asked_for_person"
    )
    page = open_page()
    page.get_by_role("button", name="Talk to a person").click()
    answered(page)
    expect(page.locator(".is-handover")).to_contain_text("A colleague will answer here.")
    expect(page.get_by_text("Waiting for a colleague")).to_be_visible()
    conversation_id = shop.answer.calls[0].conversation_id
    shop.parts.conversations.take_over(conversation_id, "anna")
    shop.parts.conversations.reply_as_agent(conversation_id, "anna", "Hello, Anna here.")
    expect(page.locator(".from-agent")).to_contain_text("Hello, Anna here.", timeout=15_000)
    send(page, "my order is late")
    expect(page.get_by_text("Our colleague has received this")).to_be_visible()
    page.reload()
    expect(page.locator(".from-agent")).to_contain_text("Colleague · anna")
    expect(page.get_by_text("A colleague has joined")).to_be_visible()


def test_a_stranger_cannot_read_a_conversation_of_another_channel(
    open_page: OpenPage, shop: Shop
) -> None:
    foreign = "f" * 32
    list(shop.answer(Message(foreign, "my address is secret", "api", message_id="foreign-1")))
    page = open_page()
    page.evaluate("id => localStorage.setItem('shopkeeper.conversation', id)", foreign)
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()
    page.wait_for_timeout(500)
    assert "my address is secret" not in page.content()


def test_leaving_the_page_frees_the_generator(open_page: OpenPage, shop: Shop) -> None:
    go = threading.Semaphore(1)
    shop.answer.default = Script(tuple(Script().replies) * 50, before=go.acquire)
    page = open_page()
    send(page, "returns?")
    expect(page.locator(".said")).to_contain_text("14 days")
    page.context.close()
    for _ in range(90):
        go.release()
        if shop.answer.freed.acquire(timeout=0.1):
            break
    assert shop.answer.open == 0

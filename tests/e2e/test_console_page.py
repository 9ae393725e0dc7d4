"""The console in a real browser, as an agent with a queue meets it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from bot.types import Action, Citation, Message, Passage, Problem, Reply, Verdict
from tests.channels.fakes import Script, Shop
from tests.console.seed import fill
from tests.e2e.conftest import PASSWORD, OpenPage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ids(served: tuple[Shop, str]) -> list[str]:
    """Forty conversations, the most urgent first."""
    return fill(served[0])


@pytest.fixture
def desk(open_page: OpenPage, ids: list[str]) -> Page:
    """The list, Anna signed in."""
    page = open_page("/console")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.locator(".row")).to_have_count(40)
    return page


def test_the_keyboard_opens_the_most_urgent_and_comes_back(desk: Page, ids: list[str]) -> None:
    longest = ids[1]  # both are angry, this one has waited longer
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    desk.keyboard.press("k")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/c/{longest}")
    expect(desk.locator(".line.customer .text").last).to_have_text(
        "This is the third time I ask. I want my money back NOW."
    )
    desk.keyboard.press("u")
    expect(desk.locator(".row.is-chosen")).to_have_attribute("data-id", longest)


def test_the_way_back_leads_to_the_filter_and_search_that_one_came_from(desk: Page) -> None:
    desk.locator(".view-unhappy").click()
    desk.get_by_role("searchbox").fill("money")
    desk.get_by_role("searchbox").press("Enter")
    expect(desk.locator(".row")).to_have_count(1)
    came_from = desk.url
    desk.locator(".row a").click()
    expect(desk.locator("#conversation")).to_be_visible()
    desk.keyboard.press("u")
    desk.wait_for_url(came_from)


def test_an_open_question_is_answered_for_everybody(desk: Page, ids: list[str], shop: Shop) -> None:
    desk.get_by_role("link", name="Unanswered questions").click()
    desk.locator(f'.row[data-id="{ids[4]}-0"]').get_by_role("link", name="Write the answer").click()
    desk.get_by_label("Answer, word for word").fill("No, it needs mains power.")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Saved. From now on the bot answers with it.")).to_be_visible()
    saved = {one.text for one in shop.parts.knowledge.live_passages()}
    assert "No, it needs mains power." in saved
    desk.get_by_role("link", name="Correct").first.click()
    desk.once("dialog", lambda dialog: dialog.accept())
    desk.get_by_role("button", name="Stop using this entry").click()
    expect(desk.get_by_text("The bot no longer answers with this entry.")).to_be_visible()


def test_the_list_keeps_up_to_date_and_keeps_its_place(
    desk: Page, ids: list[str], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keyboard.press("j")
    chosen = desk.locator(".row.is-chosen").get_attribute("data-id")
    desk.mouse.wheel(0, 400)
    desk.wait_for_timeout(200)
    place = desk.evaluate("scrollY")
    assert place > 0
    list(shop.answer(Message("new-one", "Is anybody there?", "web", message_id="new-1")))
    desk.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(desk.get_by_text("Is anybody there?")).to_have_count(1)
    assert desk.evaluate("scrollY") == place
    expect(desk.locator(".row.is-chosen")).to_have_attribute("data-id", str(chosen))
    assert desk.title().startswith(f"({shop.parts.queries.counts().waiting})")


def test_an_agent_takes_over_and_answers(desk: Page, ids: list[str], shop: Shop) -> None:
    desk.locator(f'.row[data-id="{ids[2]}"] a').click()
    desk.get_by_role("button", name="Take over").first.click()
    expect(desk.get_by_text("You have taken over.")).to_be_visible()
    reply = desk.get_by_label("Your reply to the customer")
    reply.fill("Hello, how can I help?")
    desk.reload()
    expect(reply).to_have_value("Hello, how can I help?")
    reply.press("Control+Enter")
    expect(desk.locator(".line.agent .text")).to_have_text("Hello, how can I help?")
    customer = Message(ids[2], "Thanks for coming!", "web", message_id="thanks-1")
    reply.fill("half a sent")
    list(shop.answer(customer))
    expect(desk.locator(".line.customer .text").last).to_have_text(
        "Thanks for coming!", timeout=15_000
    )
    expect(reply).to_have_value("half a sent")
    desk.get_by_role("button", name="Resolve").click()
    expect(desk.get_by_text("Marked as resolved.")).to_be_visible()


def test_an_unanswered_question_opens_what_was_behind_it(desk: Page) -> None:
    desk.get_by_role("link", name="Unanswered questions").click()
    desk.get_by_text("Does the K17 kettle work with a camping gas stove?").click()
    expect(desk.locator(".behind[open]")).to_contain_text("not in the shop's texts")


def test_a_phone_shows_the_list_without_scrolling_sideways(open_page: OpenPage) -> None:
    page = open_page("/console/login", width=390, locale="zh-CN")
    page.get_by_label("用户名").fill("anna")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator(".rows")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".row a").first.click()
    expect(page.locator("#lines")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    "{{7*7}}{% raw %} [a](javascript:document.title='owned') **b** \u202e<svg/onload=alert(1)>"
)


def test_nothing_anybody_writes_is_markup_for_agents(desk: Page, shop: Shop) -> None:
    """A customer, a passage, a draft and a customer's name, all of them hostile."""
    passage = Passage("<b>id</b>", "faq", "en", HOSTILE, HOSTILE)
    cited = Citation(1, passage.passage_id, 1, HOSTILE, HOSTILE, "faq")
    shop.answer.scripts[HOSTILE] = Script(
        (Reply(HOSTILE, "sentence", (cited,)),),
        Action.ANSWER,
        hits=(passage,),
        verdicts=(Verdict(HOSTILE, (1,), (Problem("unsupported_name", HOSTILE),)),),
    )
    said = Message("hostile-1", HOSTILE, "web", HOSTILE, message_id="hostile-turn-1")
    list(shop.answer(said))
    for path in ("/console/?q=javascript", "/console/c/hostile-1"):
        desk.goto(desk.url.split("/console")[0] + path)
        expect(desk.locator("#main")).to_contain_text("{{7*7}}")
        desk.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert desk.locator("#main script, #main [onerror], #main [onload], #main b b").count() == 0
        assert desk.locator("#main a[href^=javascript]").count() == 0
        assert desk.locator("#main img[src=x]").count() == 0
        assert "owned" not in desk.title()

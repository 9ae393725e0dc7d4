"""The list and the pages show what is stored, in both languages, and nothing of it runs."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from bot.console import texts
from bot.console.texts import Words
from bot.console.texts import keys as all_keys
from bot.types import Action, Citation, Message, Mood, Passage, Reply
from tests.channels.fakes import Script, make_turn
from tests.console.conftest import Desk

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}${7*7}"


def rows(page: str) -> list[str]:
    """Ids of the rows, in order."""
    return re.findall(r'<li class="row[^"]*" data-id="([^"]+)"', page)


def test_unhappy_and_waiting_come_first(anna: Desk) -> None:
    page = anna.client.get("/console/").text
    angry, angry_for_longer, calm = anna.ids[:3]
    assert rows(page)[:3] == [angry_for_longer, angry, calm]
    assert "is-unhappy" in page
    assert "Waiting" in page


@pytest.mark.parametrize(
    ("view", "count"),
    [("all", 40), ("waiting", 3), ("unhappy", 2), ("handed_over", 4), ("mine", 1)],
)
def test_filters_show_as_many_as_they_say(anna: Desk, view: str, count: int) -> None:
    page = anna.client.get("/console/", params={"view": view}).text
    assert len(rows(page)) == count
    pill = re.search(rf'class="view-{view}[^"]*"[^>]*>[^<]*<b>(\d+)</b>', page)
    assert pill
    assert int(pill[1]) == count


@pytest.mark.parametrize(
    ("words", "found"),
    [("MONEY back", 1), ("12315", 1), ("包邮", 1), ("customer-1003", 1), ("%", 0), ("无此内容", 0)],
)
def test_search_works_in_both_languages(anna: Desk, words: str, found: int) -> None:
    page = anna.client.get("/console/", params={"q": words}).text
    assert len(rows(page)) == found
    assert (found == 0) == ("No conversation matches." in page)


def test_pages_follow_without_gap_or_repeat(anna: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.console.pages.PAGE_SIZE", 15)
    seen: list[str] = []
    path = "/console/"
    while path:
        page = anna.client.get(path).text
        seen += rows(page)
        after = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(after[1]) if after else ""
    assert len(seen) == len(set(seen)) == 40


def test_a_page_that_does_not_exist_is_said_so(anna: Desk) -> None:
    assert anna.client.get("/console/", params={"before": "rubbish"}).status_code == 404
    assert anna.client.get("/console/c/nobody").status_code == 404


def test_an_empty_console_says_what_will_come(anna: Desk) -> None:
    empty = anna.client.get("/console/", params={"q": "zzzz"}).text
    assert "Try another filter" in empty


def test_a_conversation_shows_everything_the_turn_stored(anna: Desk) -> None:
    page = anna.client.get(f"/console/c/{anna.ids[6]}").text
    for expected in (
        "How many days do I have to send something back?",
        "faq-returns-01.en",
        "v3",
        "0.89",
        "11.5",
        "Returns are free within 30 days.",
        "number is not in the source",
        "understand 14 ms",
        "qwen2.5-coder-0.5b-instruct",
        "87 %",
        "Voted up",
    ):
        assert expected in page, expected


def test_why_a_conversation_was_handed_over_and_how_the_mood_went(anna: Desk) -> None:
    page = anna.client.get(f"/console/c/{anna.ids[0]}").text
    assert "unhappy customer" in page
    assert "getting worse" in page
    assert "<polyline" in page


def test_the_pulse_changes_when_something_happens(anna: Desk) -> None:
    address = f"/console/c/{anna.ids[0]}?part=pulse"
    before = anna.client.get(address).json()
    assert anna.client.get(address).json() == before
    anna.shop.parts.conversations.take_over(anna.ids[0], "anna")
    assert anna.client.get(address).json() != before


def test_the_console_speaks_chinese(anna: Desk) -> None:
    page = anna.client.get("/console/?lang=zh").text
    assert "等待中" in page
    assert "枫里生活" in page
    assert '<html lang="zh-Hans">' in page
    again = anna.client.get("/console/unanswered").text
    assert "未解答的问题" in again


def test_unanswered_questions_lead_to_their_turn(anna: Desk) -> None:
    page = anna.client.get("/console/unanswered").text
    assert "Does the K17 kettle work with a camping gas stove?" in page
    assert f"/console/c/{anna.ids[4]}#t{anna.ids[4]}-0" in page


def test_nothing_a_customer_or_a_passage_says_is_markup(anna: Desk) -> None:
    evil_id = "x'\"><b>/../ü?#"
    passage = Passage(EVIL, "faq", "en", EVIL, EVIL)
    cited = Citation(1, EVIL, 1, EVIL, EVIL, "faq")
    message = Message(evil_id, EVIL, EVIL, customer_id=EVIL, message_id=EVIL)
    script = Script(
        (Reply(EVIL, "sentence", (cited,)),),
        Action.HAND_OVER,
        EVIL,
        Mood("negative", {}, 0.9, 0.1, unhappy=True),
        hits=(passage,),
        error=RuntimeError(EVIL),
    )
    anna.shop.store.save(make_turn(message, script, script.replies))
    gap = Message(evil_id, EVIL, "web", message_id="gap")
    anna.shop.store.save(make_turn(gap, Script((), Action.ABSTAIN, EVIL), ()))
    listed = anna.client.get("/console/").text
    (href,) = re.findall(r'<li class="row[^"]*" data-id="x[^>]*>\s*<a href="([^"]+)"', listed)
    one = anna.client.get(unescape(href))
    assert one.status_code == 200
    searched = anna.client.get("/console/", params={"q": EVIL, "view": EVIL, "before": ""}).text
    gaps = anna.client.get("/console/unanswered").text
    for page in (listed, one.text, searched, gaps):
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "<b>/" not in page
        assert "49" not in re.findall(r"&#34;&#39;(\S{0,4})", page)
        assert " style=" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_every_text_a_template_asks_for_exists_in_both_languages() -> None:
    folder = Path(texts.__file__).parent / "templates"
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.html"))
    asked = set(re.findall(r"""say\(["'](\w+)["'][,)]""", source))
    assert asked <= all_keys()
    prefixes = set(re.findall(r"""say\(["'](\w+_)["'] ~""", source))
    prefixes |= {f"{family}_" for family in re.findall(r"""say\.code\(["'](\w+)["']""", source)}
    for prefix in prefixes:
        assert any(key.startswith(prefix) for key in all_keys()), prefix
    for key in all_keys():
        english, chinese = (Words(lang)(key) for lang in ("en", "zh"))  # type: ignore[arg-type]
        assert english
        assert chinese
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), key


def test_an_unknown_code_is_shown_as_it_is_stored() -> None:
    assert Words("en").code("reason", "some_new_reason") == "some new reason"

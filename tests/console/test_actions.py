"""Agents take over, reply, hand back and resolve; what makes no sense is refused in words."""

from __future__ import annotations

import re

from bot.types import Message
from tests.console.conftest import PASSWORD, Desk


def status(desk: Desk, conversation_id: str) -> tuple[str, str]:
    found = desk.shop.parts.queries.summary(conversation_id)
    assert found is not None
    return found.status, found.assigned_to


def test_a_conversation_from_waiting_to_resolved(anna: Desk) -> None:
    waiting = anna.ids[0]
    page = anna.do("take_over", waiting).text
    assert status(anna, waiting) == ("agent", "anna")
    assert "You have taken over." in page
    assert "Your reply to the customer" in page

    anna.do("reply", waiting, text="您好，\r\n马上为您处理。", request_id="r1")
    said = anna.shop.parts.queries.messages(waiting)[-1]
    assert (said.speaker, said.author, said.text) == ("agent", "anna", "您好，\n马上为您处理。")

    anna.do("hand_back", waiting)
    assert status(anna, waiting) == ("bot", "")
    anna.do("resolve", waiting)
    assert status(anna, waiting) == ("resolved", "")


def test_a_double_click_sends_one_reply(anna: Desk) -> None:
    waiting = anna.ids[0]
    anna.do("take_over", waiting)
    before = len(anna.shop.parts.queries.messages(waiting))
    for _ in range(2):
        anna.do("reply", waiting, text="Hello", request_id="same")
    assert len(anna.shop.parts.queries.messages(waiting)) == before + 1


def test_a_colleagues_conversation_stays_theirs(anna: Desk) -> None:
    waiting = anna.ids[0]
    anna.do("take_over", waiting)
    anna.shop.parts.agents.create("li", PASSWORD)
    anna.client.cookies.clear()
    anna.sign_in("li")
    page = anna.do("take_over", waiting).text
    assert "not possible now" in page
    assert "anna has this conversation." in page
    assert status(anna, waiting) == ("agent", "anna")
    before = len(anna.shop.parts.queries.messages(waiting))
    anna.do("reply", waiting, text="me too")
    assert len(anna.shop.parts.queries.messages(waiting)) == before


def test_who_writes_to_a_person_is_shown_until_they_reply(anna: Desk) -> None:
    mine = anna.ids[0]

    def owed() -> bool:
        found = anna.shop.parts.queries.summary(mine)
        assert found is not None
        shown = "Awaits a reply" in anna.client.get("/console/", params={"view": "mine"}).text
        assert shown == found.owed
        return shown

    anna.do("take_over", mine)
    anna.do("reply", mine, text="Looking into it.", request_id="1")
    assert not owed()
    list(anna.shop.answer(Message(mine, "Thank you. And the lid?", "web", message_id="more")))
    assert owed()
    anna.do("reply", mine, text="That comes too.", request_id="2")
    assert not owed()


def test_everybody_finds_their_own_conversations(anna: Desk) -> None:
    def own() -> set[str]:
        page = anna.client.get("/console/", params={"view": "own"}).text
        found = set(re.findall(r'data-id="([^"]+)"', page))
        assert re.search(rf'class="view-own[^>]*>Mine <b>{len(found)}</b>', page)
        return found

    before = own()
    anna.do("take_over", anna.ids[0])
    assert own() == before | {anna.ids[0]}
    anna.shop.parts.agents.create("li", PASSWORD)
    anna.client.cookies.clear()
    anna.sign_in("li")
    assert own() == set()


def test_the_next_in_line_is_one_click_away(anna: Desk) -> None:
    served, other = anna.ids[1], anna.ids[0]  # both unhappy, the first has waited longer
    page = anna.client.get(f"/console/c/{served}").text
    assert f'href="/console/c/{other}" class="quiet next"' in page
    assert (
        f'href="/console/c/{served}" class="quiet next"' in anna.do("take_over", anna.ids[4]).text
    )
    for waiting in anna.ids[:3]:
        anna.do("resolve", waiting)
    assert "quiet next" not in anna.client.get(f"/console/c/{served}").text


def test_an_empty_reply_is_refused(anna: Desk) -> None:
    anna.do("take_over", anna.ids[0])
    assert "empty" in anna.do("reply", anna.ids[0], text="  ").text


def test_an_unknown_conversation_is_not_found(anna: Desk) -> None:
    assert anna.do("resolve", "nobody").status_code == 404


def test_strangers_cannot_act(desk: Desk) -> None:
    form = {"csrf": desk.token(), "conversation_id": desk.ids[0]}
    answer = desk.client.post("/console/do/resolve", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert "/login" in answer.headers["location"]
    assert status(desk, desk.ids[0])[0] == "waiting"

"""Agents write missing answers and correct wrong ones; what they save is the shop's knowledge."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

from bot.console.teach import entry_id
from bot.types import Passage
from tests.console.conftest import Desk

KNOWN = Passage("faq-gift.en", "faq", "en", "Do you wrap gifts?", "Yes, for 2 €.", source="faq.csv")
FEED = Passage("p-1", "product", "en", "Kettle", "A kettle.", source="feed.xml")


def open_question(desk: Desk) -> str:
    """The turn of a question that was not answered: the kettle on a camping stove."""
    return f"{desk.ids[4]}-0"


def test_a_missing_answer_becomes_an_entry(anna: Desk) -> None:
    turn = open_question(anna)
    assert f"/teach/{turn}" in anna.client.get("/console/unanswered").text
    form = anna.client.get(f"/console/teach/{turn}").text
    assert 'value="Does the K17 kettle work with a camping gas stove?"' in form

    page = anna.do(
        "teach",
        "",
        turn_id=turn,
        title="Does the kettle work on gas?",
        text="No,\r\nit needs mains power. ",
        also="camping stove?\n\ncamping stove?\n野营炉能用吗",
    ).text
    assert "Saved. From now on the bot answers with it." in page
    made = anna.shop.parts.knowledge.get(entry_id(turn))
    assert made is not None
    assert (made.kind, made.lang, made.source) == ("faq", "en", "console:anna")
    assert (made.title, made.text) == (
        "Does the kettle work on gas?",
        "No,\nit needs mains power.",
    )
    assert made.alternatives == ("camping stove?", "野营炉能用吗")
    assert "answer written" in anna.client.get("/console/unanswered").text
    entries = anna.shop.parts.access.audit.entries()
    told = [(one.actor, one.subject) for one in entries if one.action == "knowledge.put"]
    assert told == [("console:anna", entry_id(turn))]


def test_writing_again_changes_the_same_entry(anna: Desk) -> None:
    turn = open_question(anna)
    anna.do("teach", "", turn_id=turn, title="Gas?", text="No.")
    assert "No." in anna.client.get(f"/console/teach/{turn}").text
    anna.do("teach", "", turn_id=turn, title="Gas?", text="No, never.", version="1")
    made = anna.shop.parts.knowledge.get(entry_id(turn))
    assert made is not None
    assert (made.version, made.text) == (2, "No, never.")


def test_personal_data_is_not_put_into_the_form(anna: Desk) -> None:
    waiting = anna.ids[3]
    form = anna.client.get(f"/console/teach/{waiting}-0").text
    assert "20261104" not in "".join(re.findall(r'name="title" value="([^"]*)"', form))


def test_what_a_colleague_replied_is_the_draft_of_the_answer(anna: Desk) -> None:
    conversation = anna.ids[4]
    anna.do("take_over", conversation)
    anna.do("reply", conversation, text="It needs mains power.", request_id="r")
    form = anna.client.get(f"/console/teach/{open_question(anna)}").text
    assert ">It needs mains power.</textarea>" in form


def test_an_entry_of_a_file_is_changed_and_keeps_what_the_form_does_not_show(anna: Desk) -> None:
    store, turn = anna.shop.parts.knowledge, open_question(anna)
    store.upsert([KNOWN])
    form = anna.client.get(f"/console/teach/{turn}", params={"entry": KNOWN.passage_id}).text
    assert "It came from faq.csv" in form
    anna.do(
        "teach",
        "",
        turn_id=turn,
        passage_id=KNOWN.passage_id,
        version="1",
        title=KNOWN.title,
        text="Yes, for 3 €.",
    )
    now = store.get(KNOWN.passage_id)
    assert now is not None
    assert (now.text, now.source, now.version) == ("Yes, for 3 €.", "faq.csv", 2)


def test_of_two_who_change_an_entry_the_second_is_told(anna: Desk) -> None:
    store, turn = anna.shop.parts.knowledge, open_question(anna)
    store.upsert([KNOWN])
    common = {"turn_id": turn, "passage_id": KNOWN.passage_id, "version": "1", "title": "Gifts?"}
    anna.do("teach", "", **common, text="For 3 €.")
    page = unescape(anna.do("teach", "", **common, text="For 4 €.").text)
    assert "A colleague has changed this entry meanwhile." in page
    assert "Gifts? – For 3 €." in page
    assert ">For 4 €.</textarea>" in page
    found = store.get(KNOWN.passage_id)
    assert found is not None
    assert found.text == "For 3 €."
    anna.do("teach", "", **{**common, "version": "2"}, text="For 4 €.")
    found = store.get(KNOWN.passage_id)
    assert found is not None
    assert found.text == "For 4 €."


def test_an_entry_is_taken_out(anna: Desk) -> None:
    store, turn = anna.shop.parts.knowledge, open_question(anna)
    store.upsert([KNOWN])
    page = anna.do("retire", "", turn_id=turn, passage_id=KNOWN.passage_id)
    assert "The bot no longer answers with this entry." in page.text
    assert store.get(KNOWN.passage_id) is None
    assert urlsplit(str(page.url)).path == f"/console/c/{anna.ids[4]}"
    assert anna.do("retire", "", turn_id=turn, passage_id=KNOWN.passage_id).status_code == 404


def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost(anna: Desk) -> None:
    store, turn = anna.shop.parts.knowledge, open_question(anna)
    store.upsert([FEED])
    page = anna.do("teach", "", turn_id=turn, title="  ", text="typed")
    assert page.status_code == 400
    assert "Please write both" in page.text
    assert ">typed</textarea>" in page.text
    common = {"turn_id": turn, "title": "a", "text": "b", "version": "1"}
    page = anna.do("teach", "", **common, passage_id="p-1")
    assert "Products are changed where they come from" in page.text
    assert anna.do("teach", "", **common, passage_id="made-up").status_code == 404
    assert anna.do("teach", "", turn_id="nobody", title="a", text="b").status_code == 404
    assert anna.client.get("/console/teach/nobody").status_code == 404
    assert anna.do("retire", "", turn_id=turn, passage_id="p-1").status_code == 404
    assert [p.passage_id for p in store.live_passages()] == ["p-1"]


def test_strangers_teach_nothing(desk: Desk) -> None:
    form = {"csrf": desk.token(), "turn_id": open_question(desk), "title": "a", "text": "b"}
    answer = desk.client.post("/console/do/teach", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert "/login" in answer.headers["location"]
    assert desk.shop.parts.knowledge.live_passages() == ()

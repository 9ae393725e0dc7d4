"""A shop and a Chatwoot talk over real HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, select

from bot.answering.notices import notice
from bot.channels.worker import WorkerSettings
from bot.store.queries import ConsoleQueries
from bot.store.tables import messages, outbox
from bot.types import Action, Message, Mood, Turn
from tests.channels.webhooks.chatwoot_peer import ChatwootPeer, PeerConversation, PeerMessage
from tests.channels.webhooks.support import (
    ScriptedAnswerer,
    a_turn,
    running_shop,
    stays,
    wait_for,
)

CONVERSATION = "chatwoot:1:42"


def handing_over(message: Message) -> Turn:
    mood = Mood("negative", {}, 0.9, 0.2, unhappy=True)
    return a_turn(
        message, "A colleague takes over.", action=Action.HAND_OVER, reason="unhappy", mood=mood
    )


def test_a_question_is_answered_with_its_source(engine: Engine, peer: ChatwootPeer) -> None:
    answerer = ScriptedAnswerer(a_turn)
    with running_shop(engine, peer, answerer) as shop:
        peer.customer_says("你好, can I return my shoes?")
        conversation = peer.conversation()
        wait_for(lambda: conversation.said_by_bot() != [], "the reply")
        wait_for(shop.settled, "both boxes to be empty")
        wait_for(lambda: conversation.typing[-1:] == ["off"], "typing to end")
    assert conversation.said_by_bot() == ["You can return shoes within 30 days.\n\nSource: Returns"]
    assert "on" in conversation.typing
    assert conversation.status == "pending"
    assert peer.refused == []
    detail = ConsoleQueries(engine).conversation(CONVERSATION)
    assert detail is not None
    assert [m.speaker for m in detail.messages] == ["customer", "bot"]
    assert detail.summary.customer_id == "chatwoot:1:9"
    assert detail.summary.external_account_id == "1"
    assert detail.summary.external_conversation_id == "42"


def test_duplicates_are_answered_once(engine: Engine, peer: ChatwootPeer) -> None:
    peer.duplicate = True
    with running_shop(engine, peer) as shop:
        for number in range(8):
            peer.customer_says(f"question {number}", 40 + number)
        wait_for(lambda: len(shop.answerer.asked) == 8, "eight turns")
        wait_for(shop.settled)
        assert stays(lambda: len(shop.answerer.asked) == 8)
    for number in range(8):
        assert peer.conversation(40 + number).said_by_bot() == [f"re: question {number}"]
    assert shop.pipeline.counts.events("chatwoot", "duplicate") == 8


def test_one_conversation_is_worked_in_order_and_others_meanwhile(
    engine: Engine, peer: ChatwootPeer
) -> None:
    release = threading.Event()

    def answer(message: Message) -> Turn:
        if message.text == "slow":
            assert release.wait(60)
        return a_turn(message, f"re: {message.text}", action=Action.SMALLTALK)

    with running_shop(engine, peer, ScriptedAnswerer(answer)) as shop:
        peer.customer_says("slow", 1)
        wait_for(lambda: shop.answerer.texts == ["slow"])
        peer.customer_says("second", 1)
        peer.customer_says("other", 2)
        wait_for(lambda: peer.conversation(2).said_by_bot() == ["re: other"])
        assert peer.conversation(1).said_by_bot() == []
        release.set()
        wait_for(lambda: len(peer.conversation(1).said_by_bot()) == 2)
    assert peer.conversation(1).said_by_bot() == ["re: slow", "re: second"]


def test_a_burst_of_fragments_becomes_one_question(engine: Engine, peer: ChatwootPeer) -> None:
    settings = WorkerSettings(quiet_s=4.0, lease_s=2.0, idle_s=0.05)
    with running_shop(engine, peer, settings=settings) as shop:
        for fragment in ("hi", "I bought a kettle", "can I return it?"):
            peer.customer_says(fragment)
        wait_for(lambda: peer.conversation().said_by_bot() != [])
        wait_for(shop.settled)
        peer.customer_says("thanks")
        wait_for(lambda: len(peer.conversation().said_by_bot()) == 2)
    assert shop.answerer.texts == ["hi\nI bought a kettle\ncan I return it?", "thanks"]
    assert shop.rows("inbox", "done") == 4


def test_fragments_that_come_out_of_order_are_read_in_order(
    sqlite_engine: Engine, peer: ChatwootPeer
) -> None:
    settings = WorkerSettings(quiet_s=4.0, lease_s=2.0, idle_s=0.05)
    with running_shop(sqlite_engine, peer, settings=settings) as shop:
        address, peer.webhook_url = peer.webhook_url, ""
        said = [peer.customer_says(words) for words in ("I bought a kettle", "can I return it?")]
        peer.webhook_url = address
        for number, message in enumerate(reversed(said), 1):
            peer.send(peer.message_event(peer.conversation(), message))
            wait_for(lambda number=number: len(peer.attempts) == number)
        wait_for(lambda: peer.conversation().said_by_bot() != [])
    assert shop.answerer.texts == ["I bought a kettle\ncan I return it?"]


def test_what_is_not_for_the_bot_is_not_stored(engine: Engine, peer: ChatwootPeer) -> None:
    conversation = peer.conversation()
    with running_shop(engine, peer) as shop:
        peer.agent_says("do not tell: he is difficult", private=True)
        peer.adds("Conversation was assigned", "activity")
        peer.adds("Welcome!", "template")
        peer.adds("Sale!", "outgoing", additional_attributes={"campaign_id": 3})
        peer.adds("We are closed", "outgoing", content_attributes={"automation_rule_id": 5})
        captain = {"id": 1, "name": "Captain", "type": "captain_assistant"}
        peer.adds("I am a bot too", "outgoing", sender=captain)
        peer.customer_says("", content_attributes={"deleted": True})
        peer.send({"event": "webwidget_triggered", "id": 5, "event_info": {}})
        updated = peer.message_event(conversation, conversation.messages[0])
        peer.send(updated | {"event": "message_updated"})
        wait_for(lambda: len(peer.attempts) == 8, "the events")
        assert [attempt.status for attempt in peer.attempts] == [200] * 8
    for box in ("inbox", "outbox"):
        for status in ("pending", "working", "done", "dead", "discarded"):
            assert shop.rows(box, status) == 0
    counted = shop.pipeline.counts
    assert counted.events("chatwoot", "ignored_private_note") == 1
    assert counted.events("chatwoot", "ignored_template_message") == 1
    assert counted.events("chatwoot", "ignored_automated_message") == 2
    assert counted.events("chatwoot", "ignored_message_of_a_bot") == 1
    assert counted.events("chatwoot", "ignored_empty_message") == 1
    assert counted.events("chatwoot", "ignored_event_not_used") == 2


def test_the_bot_does_not_answer_itself(engine: Engine, peer: ChatwootPeer) -> None:
    with running_shop(engine, peer) as shop:
        peer.customer_says("hello")
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
        wait_for(shop.settled)
        wait_for(lambda: len(peer.attempts) == 2, "the echo")
        assert stays(lambda: len(shop.answerer.asked) == 1)


@pytest.mark.parametrize("status", ["open", "resolved", "snoozed"])
def test_a_status_that_changed_meanwhile_silences_the_reply(
    engine: Engine, peer: ChatwootPeer, status: str
) -> None:
    """An agent opened the conversation while the answer was being made."""

    def answer(message: Message) -> Turn:
        peer.conversation().status = status
        return a_turn(message)

    with running_shop(engine, peer, ScriptedAnswerer(answer)) as shop:
        peer.customer_says("hello")
        wait_for(lambda: shop.rows("outbox", "discarded") == 1, "the reply to be dropped")
        assert stays(lambda: peer.conversation().said_by_bot() == [], 0.1)
        with engine.connect() as connection:
            said = connection.execute(select(messages.c.speaker)).scalars().all()
            why = connection.execute(select(outbox.c.error)).scalar_one()
    assert said == ["customer"], "the transcript must not hold what the customer never saw"
    assert why == f"the conversation is {status}"


def test_a_person_who_replied_right_before_the_post_silences_it(
    engine: Engine, peer: ChatwootPeer
) -> None:
    """In 4.14 a person's reply leaves the conversation pending, so the status does not tell."""

    def person_is_faster(conversation: PeerConversation) -> None:
        conversation.messages.append(
            PeerMessage(9000, "I am here", "outgoing", sender={"id": 7, "type": "user"})
        )

    peer.before_show = person_is_faster
    with running_shop(engine, peer) as shop:
        peer.customer_says("hello")
        wait_for(lambda: shop.rows("outbox", "discarded") == 1)
    assert peer.conversation().said_by_bot() == []


@pytest.mark.parametrize("on_phone", [False, True])
def test_a_person_silences_the_bot_until_the_conversation_is_resolved(
    engine: Engine, peer: ChatwootPeer, on_phone: bool
) -> None:
    with running_shop(engine, peer) as shop:
        peer.customer_says("one")
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: one"])
        (peer.phone_says if on_phone else peer.agent_says)("I take care of it")
        wait_for(lambda: shop.turns.is_with_agent(CONVERSATION), "the person to be noticed")
        peer.customer_says("two")
        wait_for(lambda: shop.rows("inbox", "done") == 3)
        wait_for(shop.settled)
        assert shop.answerer.texts == ["one"]
        peer.set_status("resolved")
        wait_for(lambda: not shop.turns.is_with_agent(CONVERSATION))
        peer.customer_says("three")
        wait_for(lambda: peer.conversation().said_by_bot()[2:] == ["re: three"])
        assert "closed this conversation" in peer.conversation().said_by_bot()[1]
    detail = ConsoleQueries(engine).conversation(CONVERSATION)
    assert detail is not None
    assert [(m.speaker, m.text) for m in detail.messages] == [
        ("customer", "one"),
        ("bot", "re: one"),
        ("agent", "I take care of it"),
        ("customer", "two"),
        # Nobody had answered "two": the customer is told, not dropped.
        ("bot", notice("closed", "en")),
        ("customer", "three"),
        ("bot", "re: three"),
    ]
    assert detail.messages[2].author == ("chatwoot" if on_phone else "Han Mei")


def test_a_message_in_an_open_conversation_is_kept_and_not_answered(
    engine: Engine, peer: ChatwootPeer
) -> None:
    peer.conversation().status = "open"
    with running_shop(engine, peer) as shop:
        peer.customer_says("are you there?")
        wait_for(lambda: shop.rows("inbox", "done") == 1)
    assert shop.answerer.asked == []
    assert [e.text for e in shop.turns.history(CONVERSATION)] == ["are you there?"]


def test_handing_over_tells_the_customer_and_brings_people_in(
    engine: Engine, peer: ChatwootPeer
) -> None:
    conversation = peer.conversation()
    conversation.labels, conversation.priority = ["vip"], "low"
    with running_shop(engine, peer, ScriptedAnswerer(handing_over)) as shop:
        peer.customer_says("this is a scandal")
        wait_for(lambda: conversation.priority == "high", "the priority")
        wait_for(shop.settled)
        wait_for(lambda: len(peer.attempts) == 5, "the echoes and the change of status")
        wait_for(shop.settled)
    calls = [c for c in conversation.calls if c.startswith("POST") and "typing" not in c]
    assert calls == [
        "POST/messages",
        "POST/messages",
        "POST/toggle_status",
        "POST/labels",
        "POST/toggle_priority",
    ]
    assert conversation.said_by_bot() == ["A colleague takes over."]
    assert conversation.status == "open"
    assert conversation.labels == ["vip", "handed-over", "unhappy-customer"]
    (note,) = conversation.notes()
    for part in ("the customer is unhappy", "顾客情绪不满", "90%", "this is a scandal", "Returns"):
        assert part in note
    detail = ConsoleQueries(engine).conversation(CONVERSATION)
    assert detail is not None
    assert detail.summary.status == "waiting"
    assert detail.summary.handover_reason == "unhappy"


def test_a_higher_priority_is_left_alone(engine: Engine, peer: ChatwootPeer) -> None:
    peer.conversation().priority = "urgent"
    with running_shop(engine, peer, ScriptedAnswerer(handing_over)) as shop:
        peer.customer_says("this is a scandal")
        wait_for(lambda: peer.conversation().status == "open")
        wait_for(shop.settled)
    assert peer.conversation().priority == "urgent"


def test_pictures_without_words_get_a_polite_notice(engine: Engine, peer: ChatwootPeer) -> None:
    peer.conversation().additional_attributes = {"browser_language": "zh-CN"}
    picture = [{"id": 1, "file_type": "image", "data_url": "https://example.org/1.jpg"}]
    with running_shop(engine, peer) as shop:
        peer.customer_says(None, attachments=picture)
        wait_for(lambda: peer.conversation().said_by_bot() != [])
    assert shop.answerer.asked == []
    assert "阅读文字" in peer.conversation().said_by_bot()[0]


def test_markup_reaches_the_bot_as_text(engine: Engine, peer: ChatwootPeer) -> None:
    with running_shop(engine, peer) as shop:
        peer.customer_says("<p>Is 3 &lt; 5?</p><script>alert(1)</script>")
        wait_for(lambda: peer.conversation().said_by_bot() != [])
    assert shop.answerer.texts == ["Is 3 < 5?"]

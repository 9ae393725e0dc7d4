"""A shop and a Chatwoot talk over real HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, select

from bot.answering.notices import notice
from bot.channels.worker import WorkerSettings
from bot.errors import GeneratorError, StoreError
from bot.store.conversations import SqlConversations
from bot.store.queries import ConsoleQueries
from bot.store.tables import messages, outbox
from bot.types import Action, Message, Mood, Turn
from tests.channels.webhooks.chatwoot_peer import ChatwootPeer, PeerConversation, PeerMessage
from tests.channels.webhooks.support import (
    QUICK,
    ScriptedAnswerer,
    Shop,
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
            assert release.wait(10)
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
    settings = WorkerSettings(quiet_s=0.5, lease_s=2.0, idle_s=0.05)
    with running_shop(engine, peer, settings=settings) as shop:
        for fragment in ("hi", "I bought a kettle", "can I return it?"):
            peer.customer_says(fragment)
        wait_for(lambda: peer.conversation().said_by_bot() != [])
        wait_for(shop.settled)
        peer.customer_says("thanks")
        wait_for(lambda: len(peer.conversation().said_by_bot()) == 2)
    assert shop.answerer.texts == ["hi\nI bought a kettle\ncan I return it?", "thanks"]
    assert shop.rows("inbox", "done") == 4


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


def test_a_peer_that_is_down_gets_the_reply_when_it_is_up_again(
    engine: Engine, peer: ChatwootPeer
) -> None:
    def answer(message: Message) -> Turn:
        peer.down()
        return a_turn(message, "late")

    with running_shop(engine, peer, ScriptedAnswerer(answer)) as shop:
        peer.customer_says("hello")
        wait_for(lambda: shop.rows("outbox", "pending") == 1, "a failed attempt")
        peer.up()
        wait_for(lambda: peer.conversation().said_by_bot() != [])
        wait_for(shop.settled)
    assert [text.split("\n")[0] for text in peer.conversation().said_by_bot()] == ["late"]


def test_errors_of_the_peer_are_retried_and_refusals_are_not(
    engine: Engine, peer: ChatwootPeer
) -> None:
    with running_shop(engine, peer) as shop:
        peer.answer_next = [500, 429, 502]
        peer.customer_says("hello")
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
        peer.answer_next = [404]
        peer.customer_says("again")
        wait_for(lambda: shop.rows("outbox", "dead") == 1)
        assert peer.conversation().said_by_bot() == ["re: hello"]
        assert shop.queue.requeue_dead("outbox", ["chatwoot"]) == 1
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello", "re: again"])


@pytest.mark.parametrize("echoes", [True, False])
def test_a_reply_whose_answer_was_lost_is_not_posted_twice(
    engine: Engine, peer: ChatwootPeer, echoes: bool
) -> None:
    """Chatwoot stored the message, then the connection broke."""
    broken = threading.Event()

    def break_once(_message: PeerMessage) -> bool:
        if broken.is_set():
            return True
        broken.set()
        return False

    peer.after_post = break_once
    with running_shop(engine, peer) as shop:
        peer.customer_says("hello")
        wait_for(lambda: len(shop.answerer.asked) == 1)
        if not echoes:
            peer.webhook_url = ""
        wait_for(lambda: broken.is_set() and shop.settled())
        assert stays(lambda: peer.conversation().said_by_bot() == ["re: hello"])
    assert shop.rows("outbox", "done") == 1


def test_in_doubt_and_hidden_by_newer_messages_it_is_not_posted_again(
    engine: Engine, peer: ChatwootPeer
) -> None:
    """The one case a bot token cannot clear up: then not twice, and the operator can see it."""

    def break_and_hide(message: PeerMessage) -> bool:
        if message.content != "re: one":
            return True
        peer.conversation().messages.append(PeerMessage(9_000_000, "hello?", "incoming"))
        return False

    peer.after_post = break_and_hide
    with running_shop(engine, peer) as shop:
        peer.customer_says("one")
        wait_for(lambda: len(shop.answerer.asked) == 1)
        peer.webhook_url = ""
        wait_for(lambda: shop.rows("outbox", "discarded") == 1)
    assert peer.conversation().said_by_bot() == ["re: one"]
    assert [e.speaker for e in shop.turns.history(CONVERSATION)] == ["customer", "bot"]


def test_a_bot_that_breaks_down_again_and_again_asks_a_person(
    engine: Engine, peer: ChatwootPeer
) -> None:
    def answer(_message: Message) -> Turn:
        raise GeneratorError("out of memory")

    with running_shop(engine, peer, ScriptedAnswerer(answer)) as shop:
        peer.customer_says("hello")
        wait_for(lambda: peer.conversation().status == "open")
        wait_for(shop.settled)
    assert len(shop.answerer.asked) == 3
    assert "the bot broke down" in peer.conversation().notes()[0]
    assert "colleague" in peer.conversation().said_by_bot()[0]
    summary = ConsoleQueries(engine).summary(CONVERSATION)
    assert summary is not None
    assert (summary.status, summary.handover_reason) == ("waiting", "failure")


def test_agents_doings_in_our_console_reach_chatwoot(engine: Engine, peer: ChatwootPeer) -> None:
    desk = SqlConversations(engine, push_channels={"chatwoot"})
    with running_shop(engine, peer) as shop:
        peer.customer_says("hello")
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
        desk.take_over(CONVERSATION, "mei")
        desk.reply_as_agent(CONVERSATION, "mei", "This is Mei.")
        wait_for(lambda: peer.conversation().said_by_bot()[1:] == ["This is Mei."])
        assert peer.conversation().status == "open"
        desk.resolve(CONVERSATION, "mei")
        wait_for(lambda: peer.conversation().status == "resolved")
        wait_for(shop.settled)
        peer.customer_says("one more thing")
        wait_for(lambda: peer.conversation().said_by_bot()[2:] == ["re: one more thing"])


def test_when_the_edge_cannot_store_the_peer_repeats(engine: Engine, peer: ChatwootPeer) -> None:
    """500 and 429 are repeated by Chatwoot, everything else opens the conversation."""
    shop = Shop(engine, peer)
    broken = [True, True]
    receive = shop.queue.receive

    def failing(*args: object, **values: object) -> bool:
        if broken:
            broken.pop()
            raise StoreError("the disk is full")
        return receive(*args, **values)  # type: ignore[arg-type]

    shop.queue.receive = failing  # type: ignore[method-assign]
    with shop.running(peer):
        peer.customer_says("hello")
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
    first = peer.attempts[0].body
    assert [a.status for a in peer.attempts if a.body == first] == [500, 500, 200]
    assert peer.conversation().status == "pending"


def test_a_graceful_stop_finishes_what_was_begun(engine: Engine, peer: ChatwootPeer) -> None:
    started, release = threading.Event(), threading.Event()

    def answer(message: Message) -> Turn:
        started.set()
        assert release.wait(10)
        return a_turn(message, "finished", action=Action.SMALLTALK)

    with running_shop(engine, peer, ScriptedAnswerer(answer), QUICK) as shop:
        peer.customer_says("hello")
        assert started.wait(10)
        threading.Timer(0.2, release.set).start()
    assert shop.rows("inbox", "done") == 1
    assert shop.queue.stats().inbox.working == 0


def test_a_stop_that_takes_too_long_gives_the_work_back(engine: Engine, peer: ChatwootPeer) -> None:
    started, release = threading.Event(), threading.Event()

    def answer(message: Message) -> Turn:
        started.set()
        release.wait(10)
        return a_turn(message, "too late", action=Action.SMALLTALK)

    shop = Shop(engine, peer, ScriptedAnswerer(answer))
    with shop.running(peer):
        peer.customer_says("hello")
        assert started.wait(10)
        shop.worker.stop(0.1)
        assert shop.rows("inbox", "pending") == 1
        release.set()
    successor = Shop(engine, peer)
    with successor.running(peer):
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
    assert shop.rows("inbox", "done") == 1

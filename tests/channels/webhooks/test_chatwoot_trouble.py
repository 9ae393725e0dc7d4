"""Chatwoot in trouble, and stops in mid-work: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bot.answering.notices import notice
from bot.channels.escalation import Escalating, Escalations
from bot.errors import GeneratorError, StoreError
from bot.handover.policy import HandoverPolicy
from bot.store.conversations import SqlConversations
from bot.store.queries import ConsoleQueries
from bot.store.queue_records import Inbound
from bot.store.timers import SqlTimers
from bot.types import Action, Message, Turn
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
    receiving = shop.queue.receiving

    def failing(event: Inbound, delay_s: float = 0.0) -> asyncio.Future[bool]:
        if not broken:
            return receiving(event, delay_s)
        broken.pop()
        failed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        failed.set_exception(StoreError("the disk is full"))
        return failed

    shop.queue.receiving = failing  # type: ignore[method-assign]
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
        assert release.wait(60)
        return a_turn(message, "finished", action=Action.SMALLTALK)

    with running_shop(engine, peer, ScriptedAnswerer(answer), QUICK) as shop:
        peer.customer_says("hello")
        assert started.wait(60)
        threading.Timer(0.2, release.set).start()
    assert shop.rows("inbox", "done") == 1
    assert shop.queue.stats().inbox.working == 0


def test_a_stop_that_takes_too_long_gives_the_work_back(engine: Engine, peer: ChatwootPeer) -> None:
    started, release = threading.Event(), threading.Event()

    def answer(message: Message) -> Turn:
        started.set()
        release.wait(60)
        return a_turn(message, "too late", action=Action.SMALLTALK)

    shop = Shop(engine, peer, ScriptedAnswerer(answer))
    with shop.running(peer):
        peer.customer_says("hello")
        assert started.wait(60)
        shop.worker.stop(0.1)
        assert shop.rows("inbox", "pending") == 1
        release.set()
    successor = Shop(engine, peer)
    with successor.running(peer):
        wait_for(lambda: peer.conversation().said_by_bot() == ["re: hello"])
    assert shop.rows("inbox", "done") == 1


def handing_over(message: Message) -> Turn:
    return a_turn(message, "A colleague takes over.", action=Action.HAND_OVER, reason="unhappy")


def hand_over(shop: Shop, peer: ChatwootPeer) -> PeerConversation:
    """A conversation that waits for people."""
    peer.customer_says("this is a scandal")
    conversation = peer.conversation()
    wait_for(lambda: conversation.status == "open", "the handover")
    wait_for(shop.settled)
    return conversation


def test_who_waits_too_long_is_told_and_put_first_in_chatwoot(
    engine: Engine, peer: ChatwootPeer
) -> None:
    with running_shop(engine, peer, ScriptedAnswerer(handing_over)) as shop:
        conversation = hand_over(shop, peer)
        timers = SqlTimers(engine)
        work = Escalating(timers, HandoverPolicy(patience_s=0.1), shop.adapters, shop.worker.wake)
        with Escalations(work, idle_s=0.05):
            wait_for(lambda: len(conversation.said_by_bot()) == 2, "the customer to be told")
        wait_for(shop.settled)
    assert conversation.said_by_bot()[1] == notice("escalated", "en")
    assert conversation.priority == "high"
    assert "waiting-too-long" in conversation.labels
    assert "1 min" in conversation.notes()[-1]


def test_nobody_is_told_of_a_wait_that_an_agent_has_ended(
    engine: Engine, peer: ChatwootPeer
) -> None:
    with running_shop(engine, peer, ScriptedAnswerer(handing_over)) as shop:
        conversation = hand_over(shop, peer)
        peer.agent_says("I am here.")
        wait_for(lambda: shop.turns.is_with_agent("chatwoot:1:42"), "the agent to be noticed")
        late = datetime.now(UTC) + timedelta(minutes=11)
        timers = SqlTimers(engine, clock=lambda: late)
        assert not timers.claim(10)
    assert conversation.said_by_bot() == ["A colleague takes over."]

"""Small parts: markup to text, notes, settings, the pump."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.channels.pump import Pump, PumpWork
from bot.channels.webhooks.adapter import NotDeliveredError
from bot.channels.webhooks.assembly import build_webhooks
from bot.channels.webhooks.chatwoot_api import ChatwootApi
from bot.channels.webhooks.connecting import connected_systems
from bot.channels.webhooks.handover_note import handover_note
from bot.channels.webhooks.plain_text import plain_text
from bot.channels.webhooks.wording import attachments_notice, reply_text
from bot.config import Settings
from bot.errors import ConfigError
from bot.store.queue import SqlQueue
from bot.types import Action, Message, Mood
from tests.channels.webhooks.chatwoot_peer import TOKEN, ChatwootPeer
from tests.channels.webhooks.support import a_turn, stays, wait_for


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("is a < b and b > c?", "is a < b and b > c?"),
        ("I <3 this shop", "I <3 this shop"),
        ("**bold** [link](https://example.org)", "**bold** [link](https://example.org)"),
        ("AT&amp;T", "AT&amp;T"),
        ("<div>one</div><div>two &amp; three</div>", "one\ntwo & three"),
        ("line one<br>line two", "line one\nline two"),
        ("<style>p{}</style><p>seen</p><!-- hidden -->", "seen"),
        ("<p>退货<b>怎么</b>办?</p>", "退货怎么办?"),
        ("a\x00b\ud800c\r\nd", "abc\nd"),
        ("<p", "<p"),
    ],
)
def test_markup_becomes_text(content: str, text: str) -> None:
    assert plain_text(content) == text


@given(st.text(alphabet=st.sampled_from("<>/pbrdiv =\"'&;!-a\n\x00退"), max_size=60))
def test_anything_becomes_text_that_can_be_stored(content: str) -> None:
    text = plain_text(content)
    assert "\x00" not in text
    assert text == text.strip()


@given(st.text(alphabet=st.sampled_from("ab 退\n"), max_size=20))
def test_scripts_are_no_text(content: str) -> None:
    assert "evil" not in plain_text(f"<div>{content}<script>evil()</script></div>")


def test_a_thousand_tags_inside_each_other_are_cut_out_unread() -> None:
    """Fifty thousand of them once kept the whole edge busy for seven seconds."""
    assert plain_text("<div>" * 50_000 + "退货怎么办?") == "退货怎么办?"


def test_the_note_tells_agents_what_they_need() -> None:
    message = Message("chatwoot:1:42", "where is my parcel?", "chatwoot", message_id="t1")
    mood = Mood("negative", {}, 0.87, 0.3, unhappy=True)
    turn = a_turn(message, "I pass you on.", action=Action.HAND_OVER, reason="complaint", mood=mood)
    note = handover_note(turn)
    for part in (
        "it is a complaint · 顾客投诉",
        "negative 负面",
        "87%",
        "getting worse 正在恶化",
        "where is my parcel?",
        "I pass you on.",
        "- Returns",
    ):
        assert part in note


def test_sources_stand_below_the_answer_in_its_language() -> None:
    message = Message("c", "q", "chatwoot", message_id="t1")
    assert reply_text(a_turn(message)).endswith("\n\nSource: Returns")
    assert reply_text(a_turn(message, "Hello!", action=Action.SMALLTALK)) == "Hello!"


def test_an_unknown_language_gets_both() -> None:
    both = attachments_notice(None)
    assert "read text" in both
    assert "阅读文字" in both


def settings(**values: str) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def test_no_settings_no_systems() -> None:
    assert connected_systems(settings()) == {}


def test_chatwoot_is_connected_by_three_settings() -> None:
    given_ = {"chatwoot_url": "https://chat.example/", "chatwoot_token": "t"}
    with pytest.raises(ConfigError, match="SHOPKEEPER_CHATWOOT_SECRET missing"):
        connected_systems(settings(**given_))
    systems = connected_systems(settings(**given_, chatwoot_secret="s"))
    assert list(systems) == ["chatwoot"]


@pytest.mark.parametrize("url", ["chat.example", "ftp://chat.example", "https://", "http://[x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="SHOPKEEPER_CHATWOOT_URL"):
        connected_systems(settings(chatwoot_url=url, chatwoot_token="t", chatwoot_secret="s"))


def test_webhooks_are_put_together_from_settings(sqlite_engine: Engine) -> None:
    use = settings(chatwoot_url="https://chat.example", chatwoot_token="t", chatwoot_secret="s")
    made = build_webhooks(use, SqlQueue(sqlite_engine), a_turn, lambda _id: False)
    assert made.channels == {"chatwoot"}
    made.worker.start().stop(1.0)


@pytest.mark.parametrize("bad", ["web:1", "chatwoot:1", "chatwoot:1:../2", "chatwoot:0:1", "x"])
def test_only_chatwoots_conversations_become_paths(bad: str) -> None:
    with httpx.Client() as client, pytest.raises(NotDeliveredError) as refused:
        ChatwootApi.of(bad, client, "http://127.0.0.1:9", TOKEN)
    assert refused.value.permanent


def test_calls_that_fail_say_how(peer: ChatwootPeer) -> None:
    peer.conversation()
    with httpx.Client() as client:
        stranger = ChatwootApi.of("chatwoot:1:42", client, peer.url, "wrong")
        with pytest.raises(NotDeliveredError) as refused:
            stranger.show()
        assert refused.value.permanent
        assert "SHOPKEEPER_CHATWOOT_TOKEN" in refused.value.fix
        assert TOKEN not in str(refused.value)
        api = ChatwootApi.of("chatwoot:1:42", client, peer.url, TOKEN)
        for status, permanent, in_doubt in (
            (429, False, False),
            (503, False, True),
            (422, True, False),
        ):
            peer.answer_next = [status]
            with pytest.raises(NotDeliveredError) as failed:
                api.post_message("hello", "k", private=False)
            assert (failed.value.permanent, failed.value.in_doubt) == (permanent, in_doubt)
        peer.down()
    with httpx.Client() as client, pytest.raises(NotDeliveredError) as unreachable:
        ChatwootApi.of("chatwoot:1:42", client, peer.url, TOKEN).post_message(
            "x", "k", private=False
        )
    assert not unreachable.value.in_doubt, "nothing was sent"


def test_templates_are_not_run_over_what_customers_wrote(peer: ChatwootPeer) -> None:
    conversation = peer.conversation()
    with httpx.Client() as client:
        api = ChatwootApi.of("chatwoot:1:42", client, peer.url, TOKEN)
        api.post_message("he wrote {{agent.email}} {% raw %}", "k", private=True)
    assert conversation.notes() == ["he wrote { {agent.email}} { % raw %}"]


class Box:
    """A box of numbers for the pump."""

    def __init__(self, items: Sequence[int] = ()) -> None:
        self.items = list(items)
        self.done: list[int] = []
        self.renewed: list[int] = []
        self.returned: list[int] = []
        self.failing = 0
        self.held = threading.Event()
        self.held.set()

    def claim(self, limit: int) -> list[int]:
        if self.failing:
            self.failing -= 1
            raise OSError("the database is away")
        taken, self.items = self.items[:limit], self.items[limit:]
        return taken

    def work(self, item: int) -> None:
        self.held.wait(60)
        if item < 0:
            raise ValueError(item)
        self.done.append(item)

    def renew(self, item: int) -> bool:
        self.renewed.append(item)
        return True

    def pump(self, **values: float) -> Pump[int]:
        use = {"lease_s": 30.0, "longest_s": 60.0, "idle_s": 60.0} | values
        work = PumpWork(self.claim, self.work, self.renew, self.returned.append)
        return Pump("test", work, threads=2, **use)


def test_a_pump_works_what_is_there_and_wakes_for_more() -> None:
    box = Box(range(5))
    pump = box.pump()
    pump.start()
    wait_for(lambda: sorted(box.done) == [0, 1, 2, 3, 4])
    box.items = [5]
    pump.wake(0.05)
    wait_for(lambda: 5 in box.done)
    pump.stop(1.0)


def test_a_pump_survives_errors_of_the_work_and_of_the_database() -> None:
    box = Box([-1, 1])
    box.failing = 1
    pump = box.pump()
    pump.start()
    wait_for(lambda: box.done == [1])
    pump.stop(1.0)


def no_more_of(growing: Sequence[int]) -> bool:
    """Whether nothing was added for a while."""
    so_far = len(growing)
    return stays(lambda: len(growing) == so_far)


def test_a_pump_renews_what_takes_long_but_not_for_ever() -> None:
    box = Box([1])
    box.held.clear()
    pump = box.pump(lease_s=0.06, longest_s=1.0)
    pump.start()
    wait_for(lambda: len(box.renewed) >= 3)
    wait_for(lambda: no_more_of(box.renewed), "the last renewal")
    pump.stop(0.05)
    assert box.returned == [1]
    box.held.set()

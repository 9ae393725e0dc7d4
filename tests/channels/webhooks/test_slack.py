"""Slack: events, threads, retries, replies, and what is not for the bot."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from bot.channels.webhooks.adapter import Confirmed, Ignored, Parsed, Received, Refused
from bot.channels.webhooks.pipeline import Pipeline
from bot.channels.webhooks.slack import Slack
from bot.channels.webhooks.slack_api import SlackApi
from bot.channels.worker import Worker
from bot.store.queue import SqlQueue
from bot.store.turns import SqlTurnStore
from bot.types import Action, Message, Turn
from tests.channels.webhooks.http_peer import Answer, Asked, HttpPeer, listening
from tests.channels.webhooks.support import (
    IMPATIENT,
    LOOPBACK,
    QUICK,
    ScriptedAnswerer,
    a_turn,
    serving,
    stays,
    wait_for,
)
from tests.channels.webhooks.systems import SLACK_SECRET, SYSTEMS, as_json, sign_slack, slack_event

TEAM_ROOM = "C0HANDOFF"


@dataclass
class SlackSide:
    """Slack as far as it is used, and the bot that is connected to it."""

    peer: HttpPeer = field(init=False)
    posted: list[dict[str, Any]] = field(default_factory=list)
    break_after_post: bool = False
    bot: str = ""
    queue: SqlQueue = field(init=False)
    answerer: ScriptedAnswerer = field(default_factory=lambda: ScriptedAnswerer(answering))

    def __post_init__(self) -> None:
        self.peer = HttpPeer(self._answer)

    def _answer(self, asked: Asked) -> Answer:
        if asked.bearer != "xoxb-token":
            return 200, {"ok": False, "error": "invalid_auth"}
        if asked.path == "/api/chat.postMessage":
            self.posted.append(asked.data | {"ts": f"9.{len(self.posted)}"})
            if self.break_after_post:
                self.break_after_post = False
                return None
            return 200, {"ok": True, "ts": self.posted[-1]["ts"]}
        if asked.path in ("/api/conversations.history", "/api/conversations.replies"):
            if asked.headers["content-type"] != "application/x-www-form-urlencoded":
                return 200, {"ok": False, "error": "invalid_arguments"}
            there = [m for m in self.posted if m["channel"] == asked.data["channel"]]
            return 200, {"ok": True, "messages": there}
        return 200, {"ok": False, "error": "unknown_method"}

    def sends(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        raw = as_json(body)
        signed = {**sign_slack(raw, int(time.time())), **headers}
        return httpx.post(f"{self.bot}/webhooks/slack", content=raw, headers=signed, timeout=10)

    def texts(self) -> list[str]:
        return [message["text"] for message in self.posted]


def answering(message: Message) -> Turn:
    if "person" in message.text:
        return a_turn(message, "One moment.", action=Action.HAND_OVER, reason="asked_for_person")
    return a_turn(message, f"re: {message.text}", action=Action.SMALLTALK)


@pytest.fixture
def slack(sqlite_engine: Engine) -> Iterator[SlackSide]:
    yield from connected(sqlite_engine)


def connected(engine: Engine) -> Iterator[SlackSide]:
    side = SlackSide()
    with listening(side.peer):
        api = SlackApi(f"{side.peer.url}/api", "xoxb-token")
        adapters = {"slack": Slack(api, SLACK_SECRET, TEAM_ROOM)}
        side.queue, turns = SqlQueue(engine, IMPATIENT), SqlTurnStore(engine)
        worker = Worker(side.queue, side.answerer, adapters, turns.is_with_agent, QUICK, LOOPBACK)
        with worker, serving(Pipeline(adapters, side.queue, worker.wake, quiet_s=0.0)) as url:
            side.bot = url
            yield side


def test_the_challenge_is_echoed_for_whoever_signs(slack: SlackSide) -> None:
    body = {"type": "url_verification", "challenge": "3eZbrw1aB"}
    answer = slack.sends(body)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aB")
    assert httpx.post(f"{slack.bot}/webhooks/slack", json=body).status_code == 401


def test_a_direct_message_is_answered_once_however_often_slack_repeats_it(
    slack: SlackSide,
) -> None:
    for number in range(3):
        retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"}
        assert slack.sends(slack_event(), **(retry if number else {})).status_code == 200
    wait_for(lambda: slack.queue.stats().outbox.done == 1)
    assert stays(lambda: slack.texts() == ["re: 退货怎么办?"], 0.2)
    assert slack.posted[0]["channel"] == "D024BE91L"
    assert "thread_ts" not in slack.posted[0]


def test_a_mention_is_answered_in_a_thread_of_its_own(slack: SlackSide) -> None:
    said = {"channel": "C1234", "channel_type": "channel", "text": "<@U0BOT> a &lt; b &amp; c?"}
    # The app follows the channel as well: the same message comes as two events.
    slack.sends(slack_event(**said) | {"event_id": "EvA"})
    mention = slack_event(**(said | {"type": "app_mention"})) | {"event_id": "EvB"}
    slack.sends(mention)
    wait_for(lambda: len(slack.posted) == 1)
    again = said | {"type": "app_mention", "thread_ts": "1531420618.000200", "text": "<@U0BOT> ok"}
    slack.sends(slack_event(ts="1531420700.000100", **again))
    wait_for(lambda: len(slack.posted) == 2)
    assert [m["thread_ts"] for m in slack.posted] == ["1531420618.000200"] * 2
    assert slack.answerer.texts == ["a < b & c?", "ok"]
    assert {m.conversation_id for m in slack.answerer.asked} == {
        "slack:T061EG9R6:C1234:1531420618.000200"
    }
    assert slack.texts()[0] == "re: a &lt; b &amp; c?", "a customer must not call <!channel>"


def test_a_handover_is_told_in_the_colleagues_channel(slack: SlackSide) -> None:
    slack.sends(slack_event("a person please"))
    wait_for(lambda: len(slack.posted) == 2)
    reply, note = slack.posted
    assert (reply["text"], reply["channel"]) == ("One moment.", "D024BE91L")
    assert note["channel"] == TEAM_ROOM
    assert "a person please" in note["text"]


def test_a_reply_whose_answer_was_lost_is_looked_up_and_not_posted_twice(
    slack: SlackSide,
) -> None:
    slack.break_after_post = True
    slack.sends(slack_event())
    wait_for(lambda: slack.queue.stats().outbox.done == 1)
    assert len(slack.posted) == 1
    assert "/api/conversations.history" in [asked.path for asked in slack.peer.asked]


def test_limits_pass_and_refusals_do_not(slack: SlackSide) -> None:
    slack.peer.answer_next = [(429, {}), (200, {"ok": False, "error": "ratelimited"})]
    slack.sends(slack_event())
    wait_for(lambda: slack.queue.stats().outbox.done == 1)
    slack.peer.answer_next = [(200, {"ok": False, "error": "channel_not_found"})]
    slack.sends(slack_event(ts="1531420619.000100"))
    wait_for(lambda: slack.queue.stats().outbox.dead == 1)


@pytest.mark.parametrize(
    ("event", "because"),
    [
        ({"bot_id": "B1"}, "bot_message"),
        ({"user": None}, "bot_message"),
        ({"subtype": "message_changed"}, "subtype_not_used"),
        ({"subtype": "channel_join"}, "subtype_not_used"),
        ({"channel": "C1", "channel_type": "channel"}, "not_mentioned"),
        ({"text": " "}, "empty_message"),
        ({"type": "reaction_added"}, "event_not_used"),
    ],
)
def test_what_is_not_for_the_bot(event: dict[str, Any], because: str) -> None:
    body = slack_event(**({"text": "hi"} | event))
    assert SYSTEMS["slack"].adapter.parse(json.dumps(body).encode(), {}) == Parsed(
        (Ignored(because),)
    )


def test_our_own_message_confirms_its_delivery() -> None:
    metadata = {"event_type": "shopkeeper_message", "event_payload": {"key": "t1:reply"}}
    body = slack_event(bot_id="B1", metadata=metadata)
    result = SYSTEMS["slack"].adapter.parse(json.dumps(body).encode(), {})
    assert result == Parsed((Confirmed("t1:reply", "1531420618.000200"),))


def test_files_and_links_read_as_text() -> None:
    text = "see <https://shop.example/a|this kettle> or <https://shop.example/b>"
    body = slack_event(text, subtype="file_share", files=[{"id": "F1"}])
    result = SYSTEMS["slack"].adapter.parse(json.dumps(body).encode(), {})
    assert isinstance(result, Parsed)
    (item,) = result.items
    assert isinstance(item, Received)
    assert item.event.text == "see this kettle or https://shop.example/b"  # type: ignore[union-attr]
    assert item.event.attachments == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("place", [{"channel": "../x"}, {"ts": "now"}, {"thread_ts": "1:2"}])
def test_ids_that_make_no_sense_are_refused(place: dict[str, str]) -> None:
    body = json.dumps(slack_event(**({"text": "hi"} | place))).encode()
    assert isinstance(SYSTEMS["slack"].adapter.parse(body, {}), Refused)

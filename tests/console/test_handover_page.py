"""What an agent sees of a handover: the brief, whom to serve first, an earlier conversation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from starlette.testclient import TestClient

from bot.channels.escalation import Escalating
from bot.console.app import console_app
from bot.handover.policy import HandoverPolicy
from bot.store.records import ConversationFilter
from bot.store.sql import SqlTurnStore
from bot.store.timers import SqlTimers
from bot.types import Action
from bot.why import Explanation, Word
from tests.console.conftest import Desk
from tests.store.samples import a_turn, unhappy


def test_the_brief_tells_what_was_tried_and_suggests_a_reply(anna: Desk) -> None:
    now = datetime.now(UTC)
    store = SqlTurnStore(anna.shop.engine)
    store.save(a_turn("w:9", "能退吗？", action=Action.ABSTAIN, reason="not_in_knowledge", at=now))
    later = now + timedelta(seconds=5)
    store.save(
        a_turn(
            "w:9",
            "到底能不能退！",
            action=Action.HAND_OVER,
            reason="unhappy",
            mood=unhappy(),
            at=later,
        )
    )
    page = anna.client.get("/console/c/w%3A9").text
    assert "In short" in page
    assert "能退吗？" in page
    assert "非常抱歉给您带来了不好的体验" in page
    assert "data-suggest" not in page, "only who has the conversation can use the reply"
    assert "data-suggest" in anna.do("take_over", "w:9").text


def test_who_waits_too_long_is_marked_and_comes_first(anna: Desk) -> None:
    shop = anna.shop
    late = datetime.now(UTC) + timedelta(hours=3)
    timers = SqlTimers(shop.engine, clock=lambda: late)
    work = Escalating(timers, HandoverPolicy(), {}, clock=lambda: late)
    due = timers.claim(100)
    assert due
    for timer in due:
        work.work(timer)
    page = anna.client.get("/console/?view=waiting").text
    assert page.count("Waiting too long") == len(
        [timer for timer in due if timer.status in ("waiting", "bot")]
    )
    items = shop.parts.queries.conversations(ConversationFilter(status="waiting")).items
    waited = [item.waiting_since for item in items]
    assert all(waited)
    assert waited == sorted(waited), "all are urgent by now: whoever waits longest comes first"  # type: ignore[type-var]


def test_a_conversation_that_comes_back_starts_clean_with_the_old_one_above(anna: Desk) -> None:
    now = datetime.now(UTC)
    store = SqlTurnStore(anna.shop.engine)
    store.save(
        a_turn("w:7", "骗子！", action=Action.HAND_OVER, reason="unhappy", mood=unhappy(), at=now)
    )
    anna.do("take_over", "w:7")
    anna.do("reply", "w:7", text="已为您处理")
    anna.do("resolve", "w:7")
    assert store.history("w:7") == ()
    store.save(a_turn("w:7", "水杯能进洗碗机吗？", at=now + timedelta(hours=1)))
    assert store.history("w:7")[0].text == "水杯能进洗碗机吗？"
    summary = anna.shop.parts.queries.summary("w:7")
    assert summary is not None
    assert (summary.status, summary.unhappy, summary.handover_reason) == ("bot", False, "")
    page = anna.client.get("/console/c/w%3A7").text
    assert page.index("已为您处理") < page.index("a new conversation begins")
    assert page.index("a new conversation begins") < page.rindex("水杯能进洗碗机吗？")


def test_the_words_behind_a_mood_are_shown_when_asked_for(anna: Desk) -> None:
    explained = Explanation((Word("It is "), Word("<b>broken</b>", 2.0), Word("!", -0.6)))
    parts = replace(anna.shop.parts, why=lambda _text: explained)
    app = FastAPI()
    app.mount("/console", console_app(parts))
    detail = parts.queries.conversation(anna.ids[0])
    assert detail is not None
    turn_id = detail.turns[0].turn.turn_id
    assert f"/why/{turn_id}" in anna.client.get(f"/console/c/{anna.ids[0]}").text
    with TestClient(app, cookies=dict(anna.client.cookies)) as client:
        part = client.get(f"/console/why/{turn_id}?part=words").text
        page = client.get(f"/console/why/{turn_id}").text
        assert client.get("/console/why/nothing").status_code == 404
    assert '<mark class="bad w4" title="+2.0">&lt;b&gt;broken&lt;/b&gt;</mark>' in part
    assert 'class="good w1"' in part
    assert part.strip() in page

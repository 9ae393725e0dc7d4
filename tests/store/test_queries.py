"""The console's list: what comes first, what a filter shows, what a search finds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.errors import InputError
from bot.store.queries import ConsoleQueries, ConversationFilter, QueueCounts
from bot.store.sql import SqlConversations, SqlFeedback, SqlTurnStore
from bot.types import Action, Intent
from tests.store.samples import NOON, a_turn, unhappy

EVERYTHING = ConversationFilter()


@pytest.fixture
def queries(engine: Engine) -> ConsoleQueries:
    """Six conversations, one of each kind; "a" began first."""
    store = SqlTurnStore(engine)
    handed = {"action": Action.HAND_OVER, "reason": "asked", "intent": Intent.WANTS_HUMAN}
    store.save(a_turn("a", "我要真人客服", mood=unhappy(), **handed))  # type: ignore[arg-type]
    store.save(a_turn("b", "a person please", channel="chatwoot", **handed))  # type: ignore[arg-type]
    store.save(a_turn("c", "this is awful", mood=unhappy(0.8)))
    store.save(a_turn("d", "Do you sell 100% wool_socks?", action=Action.ABSTAIN, lang="en"))
    store.save(a_turn("e", "怎么退货？", customer_id="Li.Lei@example.com"))
    store.save(a_turn("f", "还在吗"))
    SqlConversations(engine).take_over("f", "anna")
    return ConsoleQueries(engine)


def listed(queries: ConsoleQueries, where: ConversationFilter = EVERYTHING) -> str:
    return "".join(item.conversation_id for item in queries.conversations(where).items)


def test_who_needs_a_person_most_comes_first_then_the_latest(queries: ConsoleQueries) -> None:
    assert listed(queries) == "abcfed"


def test_a_solved_problem_makes_room(queries: ConsoleQueries, engine: Engine) -> None:
    agents = SqlConversations(engine)
    agents.take_over("a", "anna")
    agents.resolve("c", "anna")
    assert listed(queries) == "bfedca"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (ConversationFilter(unhappy=True), "ac"),
        (ConversationFilter(handed_over=True), "ab"),
        (ConversationFilter(unanswered=True), "d"),
        (ConversationFilter(status="waiting"), "ab"),
        (ConversationFilter(status="agent"), "f"),
        (ConversationFilter(status="nonsense"), ""),
        (ConversationFilter(channel="chatwoot"), "b"),
        (ConversationFilter(unhappy=True, handed_over=True), "a"),
        (ConversationFilter(search="怎么退货"), "e"),
        (ConversationFilter(search="么"), "e"),
        (ConversationFilter(search="PERSON"), "b"),
        (ConversationFilter(search="ＰＥＲＳＯＮ"), "b"),
        (ConversationFilter(search="please a"), "b"),
        (ConversationFilter(search="100%"), "d"),
        (ConversationFilter(search="100_"), ""),
        (ConversationFilter(search="wool_"), "d"),
        (ConversationFilter(search="%"), "d"),
        (ConversationFilter(search="/"), ""),
        (ConversationFilter(search="\\"), ""),
        (ConversationFilter(search="li.lei@EXAMPLE"), "e"),
        (ConversationFilter(search="'; DROP TABLE turns; --"), ""),
        (ConversationFilter(search="  "), "abcfed"),
        (ConversationFilter(search="\x00退货\ud83d"), ""),
        (ConversationFilter(search="x" * 100_000), ""),
        (ConversationFilter(search="7天内", unhappy=True), "ac"),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, ConversationFilter) else "",
)
def test_filters_and_search(
    queries: ConsoleQueries, where: ConversationFilter, expected: str
) -> None:
    assert listed(queries, where) == expected


def test_counts_say_what_the_filters_show(queries: ConsoleQueries) -> None:
    assert queries.counts() == QueueCounts(
        all=6, waiting=2, unhappy=2, handed_over=2, unanswered=1, with_agents=1
    )


def test_an_empty_database_has_nothing_to_show(engine: Engine) -> None:
    queries = ConsoleQueries(engine)
    page = queries.conversations(EVERYTHING)
    assert (page.items, page.next) == ((), None)
    assert queries.counts() == QueueCounts(0, 0, 0, 0, 0, 0)
    assert queries.conversation("nobody") is None
    assert queries.messages("nobody") == ()
    assert queries.unanswered_questions() == ()


@pytest.mark.parametrize("limit", [1, 2, 4, 6, 100])
def test_pages_show_everything_once_in_order(queries: ConsoleQueries, limit: int) -> None:
    seen, cursor = "", None
    while True:
        page = queries.conversations(EVERYTHING, limit=limit, before=cursor)
        assert len(page.items) <= limit
        seen += "".join(item.conversation_id for item in page.items)
        cursor = page.next
        if cursor is None:
            break
    assert seen == "abcfed"


def test_pages_hold_still_when_a_conversation_arrives_or_moves_up(
    queries: ConsoleQueries, engine: Engine
) -> None:
    first = queries.conversations(EVERYTHING, limit=3)
    SqlTurnStore(engine).save(a_turn("new", at=NOON + timedelta(days=9)))
    second = queries.conversations(EVERYTHING, limit=9, before=first.next)
    assert [item.conversation_id for item in second.items] == ["new", "f", "e", "d"]


def test_moments_that_are_equal_are_told_apart(engine: Engine) -> None:
    store, queries = SqlTurnStore(engine), ConsoleQueries(engine)
    for name in ("x", "y", "z"):
        store.save(a_turn(name, at=NOON))
    first = queries.conversations(EVERYTHING, limit=2)
    second = queries.conversations(EVERYTHING, limit=2, before=first.next)
    assert [i.conversation_id for i in (*first.items, *second.items)] == ["z", "y", "x"]


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.hex()))
@example("W10=")
@example("WzEsMl0=")
@example("WzFlOTk5LDEsMV0=")
@example("WyIxIiwiMiIsIjMiXQ==")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_page_that_nobody_made_is_refused(sqlite_engine: Engine, forged: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ConsoleQueries(sqlite_engine).conversations(EVERYTHING, before=forged)


def test_votes_show_beside_the_turn_and_in_the_list(engine: Engine) -> None:
    store, queries, feedback = SqlTurnStore(engine), ConsoleQueries(engine), SqlFeedback(engine)
    for number in (1, 2, 3):
        store.save(a_turn("c", turn_id=f"t{number}"))
    feedback.vote("t1", 1)
    feedback.vote("t2", 1, "thanks")
    assert queries.conversations(EVERYTHING).items[0].feedback == 1
    feedback.vote("t2", -1, "没用\x00 😡")
    found = queries.conversation("c")
    assert found is not None
    assert [(t.feedback, t.feedback_comment) for t in found.turns] == [
        (1, ""), (-1, "没用 😡"), (0, ""),
    ]  # fmt: skip
    assert queries.conversations(EVERYTHING).items[0].feedback == -1
    feedback.vote("t2", 0)
    feedback.vote("t1", 0)
    assert queries.conversations(EVERYTHING).items[0].feedback == 0


def test_a_vote_on_nothing_or_of_nothing_is_refused(engine: Engine) -> None:
    SqlTurnStore(engine).save(a_turn("c", turn_id="t1"))
    with pytest.raises(InputError, match="no answer 'nowhere'"):
        SqlFeedback(engine).vote("nowhere", 1)
    with pytest.raises(InputError, match="vote of 5"):
        SqlFeedback(engine).vote("t1", 5)  # type: ignore[arg-type]


def test_one_line_and_one_turn_can_be_read_alone(queries: ConsoleQueries, engine: Engine) -> None:
    turn = a_turn("e")
    SqlTurnStore(engine).save(turn)
    found = queries.turn(turn.turn_id)
    assert found is not None
    assert found.turn == turn
    assert queries.turn("nowhere") is None
    line = queries.summary("e")
    assert line is not None
    assert line.turns == 2
    assert queries.summary("nowhere") is None


def test_unanswered_questions_come_newest_first(queries: ConsoleQueries, engine: Engine) -> None:
    SqlTurnStore(engine).save(
        a_turn("a", "有羊毛袜吗", action=Action.ABSTAIN, reason="not_in_knowledge")
    )
    latest, older = queries.unanswered_questions()
    assert (latest.question, latest.conversation_id, latest.reason) == (
        "有羊毛袜吗", "a", "not_in_knowledge",
    )  # fmt: skip
    assert older.question == "Do you sell 100% wool_socks?"
    assert queries.unanswered_questions(limit=1) == (latest,)

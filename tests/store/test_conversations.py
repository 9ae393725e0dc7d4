"""What agents may do, and when: no path leads to a state nobody meant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.errors import InputError
from bot.handover.states import Event, Standing, TransitionError, after
from bot.store.queries import ConsoleQueries
from bot.store.review import SqlReview
from bot.store.sql import SqlConversations, SqlQueue, SqlTurnStore
from bot.types import Action
from tests.store.samples import a_turn

LEGAL = {
    ("bot", Event.CUSTOMER_MESSAGE): "bot",
    ("waiting", Event.CUSTOMER_MESSAGE): "waiting",
    ("agent", Event.CUSTOMER_MESSAGE): "agent",
    ("resolved", Event.CUSTOMER_MESSAGE): "bot",
    ("bot", Event.HAND_OVER): "waiting",
    ("waiting", Event.HAND_OVER): "waiting",
    ("agent", Event.HAND_OVER): "agent",
    ("bot", Event.TAKE_OVER): "agent",
    ("waiting", Event.TAKE_OVER): "agent",
    ("agent", Event.TAKE_OVER): "agent",
    ("agent", Event.AGENT_REPLY): "agent",
    ("waiting", Event.HAND_BACK): "bot",
    ("agent", Event.HAND_BACK): "bot",
    ("bot", Event.BOT_REPLY): "bot",
    ("waiting", Event.BOT_REPLY): "waiting",
    ("agent", Event.BOT_REPLY): "agent",
    ("bot", Event.REPLY_LOST): "bot",
    ("waiting", Event.REPLY_LOST): "waiting",
    ("agent", Event.REPLY_LOST): "agent",
    ("resolved", Event.REPLY_LOST): "resolved",
    ("waiting", Event.TIMER): "waiting",
    ("bot", Event.RESOLVE): "resolved",
    ("waiting", Event.RESOLVE): "resolved",
    ("agent", Event.RESOLVE): "resolved",
}


@pytest.mark.parametrize("status", ["bot", "waiting", "agent", "resolved"])
@pytest.mark.parametrize("happens", list(Event))
def test_every_pair_is_either_legal_or_refused_aloud(status: str, happens: Event) -> None:
    agent = "anna" if status == "agent" else ""
    before = Standing(status, agent, owed=status == "waiting")  # type: ignore[arg-type]
    expected = LEGAL.get((status, happens))
    if expected is None:
        with pytest.raises(TransitionError, match=happens.value.replace("_", " ")) as refused:
            after(before, happens, "anna")
        assert refused.value.fix
    else:
        assert after(before, happens, "anna").status == expected


@given(st.lists(st.tuples(st.sampled_from(list(Event)), st.sampled_from(["anna", "ben", ""]))))
def test_whatever_happens_an_agent_is_assigned_exactly_while_one_has_the_conversation(
    events: list[tuple[Event, str]],
) -> None:
    standing = Standing()
    for happens, agent in events:
        before = standing
        try:
            standing = after(standing, happens, agent)
        except TransitionError:
            assert standing == before
            continue
        assert (standing.status == "agent") == bool(standing.assigned_to)
        if happens is Event.AGENT_REPLY:
            assert standing == Standing("agent", agent)
        if before.assigned_to and standing.assigned_to:
            assert before.assigned_to == standing.assigned_to


def test_a_colleagues_conversation_is_not_taken_away() -> None:
    with pytest.raises(TransitionError, match="with anna"):
        after(Standing("agent", "anna"), Event.TAKE_OVER, "ben")
    with pytest.raises(TransitionError, match="with anna"):
        after(Standing("agent", "anna"), Event.AGENT_REPLY, "ben")


def test_a_message_nobody_answered_is_handed_over_when_its_timer_runs_out() -> None:
    left = after(Standing(), Event.CUSTOMER_MESSAGE)
    assert left.timed
    assert after(left, Event.TIMER) == Standing("waiting", owed=True)
    with pytest.raises(TransitionError, match="timer"):
        after(Standing(), Event.TIMER)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(
                ["take_over", "reply_as_agent", "hand_back", "resolve", "customer", "ask"]
            ),
            st.sampled_from(["anna", "ben"]),
        ),
        max_size=12,
    )
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_database_goes_through_the_same_states(
    engine: Engine, steps: list[tuple[str, str]]
) -> None:
    store, agents, queries = SqlTurnStore(engine), SqlConversations(engine), ConsoleQueries(engine)
    start = a_turn()
    name = start.turn_id
    store.save(a_turn(name))
    standing = Standing()
    for step, agent in steps:
        if step in ("customer", "ask"):
            standing = after(after(standing, Event.CUSTOMER_MESSAGE), Event.BOT_REPLY)
            action = Action.ANSWER
            if step == "ask":
                standing, action = after(standing, Event.HAND_OVER), Action.HAND_OVER
            store.save(a_turn(name, action=action, reason="asked_for_person"))
        else:
            happens = {"reply_as_agent": Event.AGENT_REPLY}.get(step) or Event(step)
            call = getattr(agents, step)
            arguments = [name, agent, "hello"] if step == "reply_as_agent" else [name, agent]
            try:
                expected = after(standing, happens, agent)
            except TransitionError:
                with pytest.raises(TransitionError):
                    call(*arguments)
            else:
                call(*arguments)
                standing = expected
        line = queries.conversation(name)
        assert line is not None
        found = (line.summary.status, line.summary.assigned_to)
        assert found == (standing.status, standing.assigned_to)
        assert store.is_with_agent(name) == (standing.status == "agent")
        assert (line.summary.waiting_since is not None) == (standing.status == "waiting")


@pytest.fixture
def agents(engine: Engine) -> SqlConversations:
    SqlTurnStore(engine).save(
        a_turn("web:1", action=Action.HAND_OVER, reason="unhappy", channel="chatwoot")
    )
    return SqlConversations(engine, push_channels=["chatwoot"])


def test_an_agents_reply_is_part_of_the_conversation(
    agents: SqlConversations, engine: Engine
) -> None:
    agents.take_over("web:1", "anna")
    assert agents.reply_as_agent("web:1", "anna", "  你好，我来处理。\x00 ") is True
    found = ConsoleQueries(engine).conversation("web:1")
    assert found is not None
    last = found.messages[-1]
    assert (last.speaker, last.author, last.text) == ("agent", "anna", "你好，我来处理。")
    assert ConsoleQueries(engine).messages("web:1", after=last.message_id - 1) == (last,)
    assert SqlTurnStore(engine).history("web:1")[-1].speaker == "agent"
    assert found.summary.last_at == last.created_at


def test_a_double_click_replies_once(agents: SqlConversations, engine: Engine) -> None:
    agents.take_over("web:1", "anna")
    agents.take_over("web:1", "anna")
    assert agents.reply_as_agent("web:1", "anna", "hello", request_id="form-7") is True
    assert agents.reply_as_agent("web:1", "anna", "hello", request_id="form-7") is False
    assert agents.reply_as_agent("web:1", "anna", "hello") is True
    assert SqlQueue(engine).stats().outbox.pending == 3


def test_a_channel_that_asks_for_news_itself_gets_nothing_in_the_outbox(engine: Engine) -> None:
    SqlTurnStore(engine).save(a_turn("web:1", channel="web"))
    agents = SqlConversations(engine, push_channels=["chatwoot"])
    agents.take_over("web:1", "anna")
    agents.reply_as_agent("web:1", "anna", "hello")
    assert SqlQueue(engine).stats().outbox.pending == 0


@pytest.mark.parametrize("said", ["", "  \n", "\x00", "x" * 10_001])
def test_a_reply_that_is_empty_or_a_book_is_refused(agents: SqlConversations, said: str) -> None:
    agents.take_over("web:1", "anna")
    with pytest.raises(InputError, match=r"empty|10,001 characters"):
        agents.reply_as_agent("web:1", "anna", said)


def test_a_conversation_that_does_not_exist_is_refused(agents: SqlConversations) -> None:
    for act in (agents.take_over, agents.hand_back, agents.resolve):
        with pytest.raises(InputError, match="no conversation 'nowhere'"):
            act("nowhere", "anna")


def test_taking_over_closes_the_handover_for_review(
    agents: SqlConversations, engine: Engine
) -> None:
    assert len(SqlReview(engine).open_items("handover")) == 1
    agents.take_over("web:1", "anna")
    assert SqlReview(engine).open_items("handover") == ()


def test_of_two_agents_who_take_over_at_once_one_gets_it(
    agents: SqlConversations, engine: Engine
) -> None:
    barrier = Barrier(4)

    def take(name: str) -> bool:
        barrier.wait()
        try:
            agents.take_over("web:1", name)
        except TransitionError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, ["anna", "ben", "cleo", "dan"])) == 1

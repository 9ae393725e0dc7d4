"""Nobody is dropped: whatever happens, a customer has an answer, a person, or an open timer."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from bot.channels.escalation import Escalating
from bot.handover.policy import HandoverPolicy
from bot.handover.states import ElsewhereEvent, Event, Standing, TransitionError, after, followed
from bot.store.handover_tables import handovers, timers
from bot.store.queries import ConsoleQueries
from bot.store.queue_records import Elsewhere, Inbound
from bot.store.sql import SqlConversations, SqlQueue, SqlTurnStore, open_engine
from bot.store.tables import conversations, messages
from bot.store.timers import SqlTimers
from bot.store.transactions import reading
from bot.types import Action, Message
from tests.store.samples import NOON, a_turn, unhappy

AGENTS = st.sampled_from(["anna", "ben"])
NAME = "chatwoot:1:7"


class Machine(RuleBasedStateMachine):
    """Everything that can happen to one conversation, in any order, against a real database."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        file = self.folder / "shop.db"
        shutil.copy(self.template, file)
        self.engine = open_engine(f"sqlite:///{file}")
        self.now = NOON + timedelta(days=1)
        self.turns = SqlTurnStore(self.engine)
        self.agents = SqlConversations(self.engine, push_channels=["chatwoot"])
        self.queue = SqlQueue(self.engine, clock=lambda: self.now)
        self.timers = SqlTimers(self.engine, clock=lambda: self.now)
        self.policy = HandoverPolicy(patience_s=600)
        self.number = 0

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.folder)

    @initialize()
    def begins(self) -> None:
        self.asks(Action.ANSWER, "ok")

    @rule(
        action=st.sampled_from([Action.ANSWER, Action.ABSTAIN, Action.HAND_OVER, Action.SILENT]),
        reply=st.sampled_from(["", "ok"]),
    )
    def asks(self, action: Action, reply: str) -> None:
        """The customer writes; the bot answers, hands over, or says nothing at all."""
        said = "" if action is Action.SILENT else reply
        mood = unhappy() if action is Action.HAND_OVER else None
        self.turns.save(
            a_turn(NAME, action=action, reply=said, mood=mood, channel="chatwoot", at=self._tick())
        )

    @rule()
    def writes_to_people(self) -> None:
        """The bot only takes note."""
        self.number += 1
        self.turns.record(
            Message(
                NAME, "hello?", "chatwoot", message_id=f"n{self.number}", received_at=self._tick()
            )
        )

    @rule(what=st.sampled_from(["take_over", "hand_back", "resolve"]), agent=AGENTS)
    def agent_acts(self, what: str, agent: str) -> None:
        self._tick()
        with suppress(TransitionError):
            getattr(self.agents, what)(NAME, agent)

    @rule(agent=AGENTS)
    def agent_replies(self, agent: str) -> None:
        self._tick()
        with suppress(TransitionError):
            self.agents.reply_as_agent(NAME, agent, "I'll look into it")

    @rule(
        event=st.sampled_from(["taken_over", "opened", "handed_back", "resolved"]),
        text=st.sampled_from(["", "hi, I'm Lei"]),
    )
    def elsewhere(self, event: ElsewhereEvent, text: str) -> None:
        """People do something in the connected system."""
        self.number += 1
        inbound = Inbound("chatwoot", f"e{self.number}", NAME, "{}", received_at=self._tick())
        self.queue.receive(inbound)
        (item,) = self.queue.claim_inbox("w")
        said = text if event == "taken_over" else ""
        done = Elsewhere(
            event, NAME, "chatwoot", agent="lei", text=said, message_id=f"m{self.number}"
        )
        assert self.queue.complete(item, elsewhere=done)

    @rule()
    def reply_is_lost(self) -> None:
        """The connected system refuses what the bot said, for good."""
        self._tick()
        for item in self.queue.claim_outbox("w", 5):
            self.queue.fail(item, "410 gone", permanent=True)

    @rule(minutes=st.sampled_from([1, 15, 600]))
    def time_passes(self, minutes: int) -> None:
        """And the timers are worked, by a process that may have been started just now."""
        self.now += timedelta(minutes=minutes)
        work = Escalating(self.timers, self.policy, {}, clock=lambda: self.now)
        for timer in self.timers.claim():
            work.work(timer)

    @rule()
    def worker_dies_with_a_timer_in_its_hands(self) -> None:
        self._tick()
        self.timers.claim()

    @invariant()
    def nobody_is_dropped(self) -> None:
        row, timer, last = self._look()
        if row is None:
            return
        standing = Standing(row.status, row.assigned_to, timer is not None)
        person = standing.status == "agent"
        open_timer = timer is not None and timer.due_at is not None
        answered = last is None or last.speaker != "customer"
        assert person or open_timer or (answered and standing.status in ("bot", "resolved"))
        assert standing.timed == open_timer, "a timer runs exactly while nobody has the customer"

    @invariant()
    def who_waits_is_on_record(self) -> None:
        row, _, _ = self._look()
        with reading(self.engine) as connection:
            open_ones = connection.execute(
                select(handovers).where(handovers.c.closed_at.is_(None))
            ).all()
        waiting = row is not None and row.status == "waiting"
        assert len(open_ones) <= 1
        assert waiting == (len(open_ones) == 1 and open_ones[0].taken_at is None)

    @invariant()
    def a_dead_line_is_never_beyond_a_working_day(self) -> None:
        _, timer, _ = self._look()
        if timer is not None and timer.due_at is not None:
            assert timer.due_at - self.now <= timedelta(hours=8, minutes=1)

    @invariant()
    def the_console_can_show_it(self) -> None:
        assert ConsoleQueries(self.engine).conversation(NAME) is not None or self.number == 0

    def _tick(self) -> Any:
        self.now += timedelta(seconds=1)
        return self.now

    def _look(self) -> tuple[Any, Any, Any]:
        with reading(self.engine) as connection:
            row = connection.execute(select(conversations)).one_or_none()
            timer = connection.execute(select(timers)).one_or_none()
            last = connection.execute(
                select(messages).order_by(messages.c.id.desc()).limit(1)
            ).one_or_none()
        return row, timer, last


@pytest.fixture
def machine(migrated_sqlite: Path) -> type[Machine]:
    Machine.template = migrated_sqlite
    return Machine


def test_no_sequence_of_events_drops_a_customer(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("status", ["waiting", "resolved", "bot", "agent"])
def test_an_impossible_standing_cannot_be_made(status: str) -> None:
    bad = {
        "waiting": {"owed": False},
        "resolved": {"owed": True},
        "bot": {"assigned_to": "anna"},
        "agent": {"assigned_to": ""},
    }[status]
    with pytest.raises(ValueError, match="impossible"):
        Standing(status, **bad)  # type: ignore[arg-type]


def test_every_pair_of_standing_and_event_is_decided() -> None:
    """Either a possible standing follows, or it is refused with what to do."""
    standings = [
        Standing("bot"),
        Standing("bot", owed=True),
        Standing("waiting", owed=True),
        Standing("agent", "anna"),
        Standing("agent", "anna", owed=True),
        Standing("resolved"),
    ]
    for standing in standings:
        for event in Event:
            for agent in ("", "anna", "ben"):
                assert _fix_of(standing, event, agent) != ""
        for elsewhere in ("taken_over", "opened", "handed_back", "resolved"):
            followed(standing, elsewhere, "lei")


def _fix_of(standing: Standing, event: Event, agent: str) -> str | None:
    """What a refusal advises; None where the event may happen."""
    try:
        after(standing, event, agent)
    except TransitionError as refused:
        return refused.fix
    return None

"""What the service relies on while it answers: the fake and both databases keep the same contract."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.errors import StoreError
from bot.protocols import TurnStore
from bot.store.columns import MAX_KEY_CHARS, clean_key, clean_text, fold
from bot.store.queries import ConsoleQueries, ConversationDetail
from bot.store.sql import SqlTurnStore, open_engine
from bot.types import Action, HistoryEntry, Turn
from tests.fakes import FakeTurnStore
from tests.store import samples
from tests.store.samples import a_turn

NUMBERS = count(1)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Iterator[TurnStore]:
    if request.param == "fake":
        yield FakeTurnStore()
        return
    engine = open_engine(request.getfixturevalue(f"{request.param}_url"))
    yield SqlTurnStore(engine)
    engine.dispose()


def detail(engine: Engine, conversation_id: str = "web:1") -> ConversationDetail:
    found = ConsoleQueries(engine).conversation(conversation_id)
    assert found is not None
    return found


class TestContract:
    """Every `TurnStore`."""

    def test_an_unknown_conversation_is_an_empty_one(self, store: TurnStore) -> None:
        assert store.history("nobody") == ()
        assert store.is_with_agent("nobody") is False
        assert store.failed_before("nobody") is False

    def test_history_is_what_was_said_oldest_first(self, store: TurnStore) -> None:
        store.save(a_turn("c", "怎么退货？", reply="7天内。"))
        store.save(a_turn("c", "and express?", reply="One day."))
        store.save(a_turn("d", "hello", reply="Hi!"))
        assert store.history("c") == (
            HistoryEntry("customer", "怎么退货？"),
            HistoryEntry("bot", "7天内。"),
            HistoryEntry("customer", "and express?"),
            HistoryEntry("bot", "One day."),
        )

    def test_history_is_cut_at_the_old_end(self, store: TurnStore) -> None:
        for number in range(5):
            store.save(a_turn("c", f"question {number}", reply=f"answer {number}"))
        assert [entry.text for entry in store.history("c", limit=3)] == [
            "answer 3", "question 4", "answer 4",
        ]  # fmt: skip
        assert store.history("c", limit=0) == ()

    def test_saving_a_turn_twice_is_harmless(self, store: TurnStore) -> None:
        turn = a_turn("c")
        store.save(turn)
        store.save(turn)
        assert len(store.history("c")) == 2

    def test_a_turn_id_used_by_another_conversation_is_refused_not_dropped(
        self, store: TurnStore
    ) -> None:
        # Customers of an API may all number their messages from one.
        store.save(a_turn("c", turn_id="1"))
        with pytest.raises(StoreError):
            store.save(a_turn("d", turn_id="1"))
        assert store.history("d") == ()

    def test_only_the_latest_turn_counts_as_failed(self, store: TurnStore) -> None:
        store.save(a_turn("c", action=Action.ABSTAIN, reply="I don't know."))
        assert store.failed_before("c") is True
        store.save(a_turn("c"))
        assert store.failed_before("c") is False

    def test_silence_is_no_utterance(self, store: TurnStore) -> None:
        store.save(a_turn("c", "hello?", action=Action.SILENT, reply=""))
        assert store.history("c") == (HistoryEntry("customer", "hello?"),)

    def test_one_message_with_two_turns_is_said_once(self, store: TurnStore) -> None:
        store.save(a_turn("c", "hello?", message_id="m1", action=Action.SILENT, reply=""))
        store.save(a_turn("c", "hello?", message_id="m1", reply="Hi!"))
        assert [entry.speaker for entry in store.history("c")] == ["customer", "bot"]


@given(turn=samples.turns)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_turn_can_be_stored_and_read_back_whole(engine: Engine, turn: Turn) -> None:
    turn = samples.storable_turn(turn, next(NUMBERS))
    SqlTurnStore(engine).save(turn)
    stored = detail(engine, turn.conversation_id)
    assert stored.turns[0].turn == turn


@pytest.mark.parametrize(
    "said",
    [
        "😡" * 40,
        "nul\x00nul",
        "half a \ud83d pair",
        "‮right to left‬",
        "x" * 100_000,
        "<b>&'\"%_",
        "   ",
    ],
    ids=["emoji", "nul", "surrogate", "rtl", "100k", "html", "blank"],
)
def test_strange_messages_are_kept(engine: Engine, said: str) -> None:
    store = SqlTurnStore(engine)
    store.save(a_turn("web:1", said))
    expected = said.replace("\x00", "").replace("\ud83d", "\ufffd")
    assert store.history("web:1")[0].text == expected
    assert detail(engine).turns[0].turn.message.text == said


def test_ids_of_any_length_and_script_are_told_apart(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    long = ["聊" * 5000 + ending for ending in "ab"]
    for conversation_id in [*long, "", " ", "😡"]:
        store.save(a_turn(conversation_id, f"I am {conversation_id[-1:]}", message_id="m" * 9000))
    assert [store.history(name)[0].text for name in long] == ["I am a", "I am b"]
    assert store.history("😡")[0].text == "I am 😡"


def test_the_same_turn_saved_from_many_sides_is_stored_once(engine: Engine) -> None:
    store = SqlTurnStore(engine)
    turns = [
        a_turn("web:1", f"question {number % 4}", turn_id=f"t{number % 4}") for number in range(12)
    ]
    barrier = Barrier(4)

    def save(batch: list[Turn]) -> None:
        barrier.wait()
        for turn in batch:
            store.save(turn)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(save, turns[start::4] + turns[::2]) for start in range(4)]
    for saved in waiting:
        saved.result()
    found = detail(engine)
    assert sorted(record.turn.turn_id for record in found.turns) == ["t0", "t1", "t2", "t3"]
    assert found.summary.turns == 4
    assert len(found.messages) == 8


def test_a_process_killed_while_it_saves_leaves_all_or_nothing(
    database_url: str, engine: Engine
) -> None:
    # The story: the machine goes down between the reply's row and the flags of its conversation.
    script = (
        "import os\n"
        "from sqlalchemy import event\n"
        "from bot.store.sql import SqlTurnStore, open_engine\n"
        "from tests.store.samples import a_turn\n"
        f"engine = open_engine({database_url!r})\n"
        "store = SqlTurnStore(engine)\n"
        "store.save(a_turn('web:1', 'kept'))\n"
        "def die(connection, cursor, statement, *rest):\n"
        "    if statement.startswith('UPDATE conversations'): os._exit(9)\n"
        "event.listen(engine, 'after_cursor_execute', die)\n"
        "store.save(a_turn('web:1', 'half'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert done.returncode == 9
    assert [entry.text for entry in SqlTurnStore(engine).history("web:1")][0::2] == ["kept"]
    assert detail(engine).summary.turns == 1
    SqlTurnStore(engine).save(a_turn("web:1", "half", turn_id="again"))
    assert detail(engine).summary.turns == 2


@given(st.text(st.characters(), max_size=300))
def test_stored_text_is_what_both_databases_accept(value: str) -> None:
    kept = clean_text(value)
    assert "\x00" not in kept
    assert kept.encode().decode() == clean_text(kept) == kept
    assert len(clean_key(value)) <= MAX_KEY_CHARS
    assert clean_key(clean_key(value)) == clean_key(value)
    assert fold(value).encode().decode() == fold(kept)

"""The gate: a bounded number of answers at a time, freed when nobody listens any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from bot.channels.gate import AnswerGate, OverloadedError
from bot.channels.intake import make_message
from bot.types import Message, Reply
from tests.channels.fakes import ENGLISH, Script, ScriptedAnswer


def ask(text: str = "hi") -> Message:
    return make_message(text, channel="test", limit=100)


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def inside() -> None:
        await asyncio.wait_for(test(), 20)

    asyncio.run(inside())


def test_replies_come_in_order_and_then_the_end() -> None:
    answer = ScriptedAnswer()
    gate = AnswerGate(answer, 1)

    async def test() -> None:
        async with gate.open(ask()) as stream:
            assert [reply async for reply in stream] == list(ENGLISH)
            assert [reply async for reply in stream] == []

    in_loop(test)
    gate.shutdown()
    assert answer.open == 0


def test_an_error_reaches_the_reader_after_what_was_said() -> None:
    answer = ScriptedAnswer()
    answer.default = Script(ENGLISH[:1], error=RuntimeError("broken"))
    gate = AnswerGate(answer, 1)

    async def test() -> None:
        async with gate.open(ask()) as stream:
            assert await anext(stream) == ENGLISH[0]
            with pytest.raises(RuntimeError, match="broken"):
                await anext(stream)

    in_loop(test)
    gate.shutdown()


def test_leaving_early_closes_the_answer_before_its_next_sentence() -> None:
    # A customer who closed the tab once kept the generator busy until the last token.
    answer = ScriptedAnswer()
    turn = threading.Semaphore(1)
    drafted: list[bool] = []
    answer.default = Script(ENGLISH * 50, before=lambda: drafted.append(turn.acquire()))
    gate = AnswerGate(answer, 1)

    async def test() -> None:
        async with gate.open(ask()) as stream:
            await anext(stream)
        turn.release()
        assert await asyncio.to_thread(answer.freed.acquire, True, 10)

    in_loop(test)
    gate.shutdown()
    assert answer.open == 0
    assert len(drafted) <= 2


def test_a_full_queue_is_refused_and_empties_again() -> None:
    answer = ScriptedAnswer()
    go = threading.Event()
    answer.default = Script(ENGLISH[:1], before=go.wait)
    gate = AnswerGate(answer, 1, queued=1)

    async def test() -> None:
        first, second = gate.open(ask()), gate.open(ask())
        with pytest.raises(OverloadedError) as refused:
            gate.open(ask())
        assert refused.value.retry_after_s >= 1
        go.set()
        for stream in (first, second):
            async with stream:
                assert [reply async for reply in stream] == list(ENGLISH[:1])
        await asyncio.to_thread(gate.shutdown)
        assert gate.in_flight == 0

    in_loop(test)


def test_a_shutdown_tells_those_who_still_wait() -> None:
    answer = ScriptedAnswer()
    go = threading.Event()
    answer.default = Script(ENGLISH[:1], before=go.wait)
    gate = AnswerGate(answer, 1)

    async def test() -> None:
        async with gate.open(ask()) as first, gate.open(ask()) as second:
            stopping = asyncio.create_task(asyncio.to_thread(gate.shutdown))
            with pytest.raises(OverloadedError):
                await anext(second)
            go.set()
            assert [reply async for reply in first] == list(ENGLISH[:1])
            await stopping

    in_loop(test)


def test_one_thread_works_one_answer_from_start_to_end() -> None:
    threads = set()

    def answer(_message: Message) -> Iterator[Reply]:
        for reply in ENGLISH:
            threads.add(threading.get_ident())
            yield reply

    gate = AnswerGate(answer, 3)

    async def test() -> None:
        async with gate.open(ask()) as stream:
            assert len([reply async for reply in stream]) == 2

    in_loop(test)
    gate.shutdown()
    assert len(threads) == 1

"""The gate between the event loop and the synchronous turn: a few threads, a short queue, no more.

Covered: running `AnswerMessage` in threads, refusing what would wait too long, freeing the turn
when the customer goes away. Not covered: limits per customer or address.

One thread works one answer from its first sentence to its last, whatever the speed at which the
customer reads: a slow reader holds no generator. When the reader goes away the thread closes the
answer's iterator before it would draft the next sentence.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import structlog

from bot.errors import ShopkeeperError
from bot.protocols import AnswerMessage
from bot.types import Message, Reply

QUEUED_PER_WORKER: Final = 4
"""Answers that may wait per working thread; beyond that, trying again is the better advice."""


class OverloadedError(ShopkeeperError):
    """Too many customers are waiting already. `retry_after_s` says when to try again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "all workers are busy and the queue is full",
            fix="raise SHOPKEEPER_WORKERS, or run on a machine with more cores",
        )
        self.retry_after_s = retry_after_s


class _End:
    """Marks the end of an answer, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class AnswerStream(AsyncIterator[Reply]):
    """Replies of one answer as they are released. Always close it: `async with gate.open(…)`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[Reply | _End] = asyncio.Queue()
        self._closed = threading.Event()
        self._future: Future[None] | None = None
        self._ended = False

    async def __anext__(self) -> Reply:
        if self._ended:
            raise StopAsyncIteration
        item = await self._items.get()
        if isinstance(item, Reply):
            return item
        self._ended = True
        if item.error is not None:
            raise item.error
        raise StopAsyncIteration

    async def __aenter__(self) -> AnswerStream:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Tell the worker that nobody listens any more. Does not wait for it."""
        self._closed.set()
        if self._future is not None:
            self._future.cancel()

    def _cancelled(self, future: Future[None]) -> None:
        # A shutdown drops waiting answers; whoever waits for one must hear of it.
        if future.cancelled():
            self._put(_End(OverloadedError(retry_after_s=5)))

    def _put(self, item: Reply | _End) -> None:
        # The loop may be gone when the server is shutting down; then nobody is waiting either.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)

    def _work(self, answer: AnswerMessage, message: Message) -> None:
        if self._closed.is_set():
            return
        end = _End()
        replies = None
        try:
            replies = answer(message)
            for reply in replies:
                self._put(reply)
                if self._closed.is_set():
                    break
        except Exception as error:
            end = _End(error)
        finally:
            if replies is not None and hasattr(replies, "close"):
                try:
                    replies.close()
                except Exception as error:
                    end = _End(end.error or error)
            self._put(end)


class AnswerGate:
    """Admits messages to `answer`, `workers` at a time, with a bounded queue behind them."""

    def __init__(self, answer: AnswerMessage, workers: int, *, queued: int | None = None) -> None:
        self._answer = answer
        self._capacity = workers + (workers * QUEUED_PER_WORKER if queued is None else queued)
        self._workers = workers
        self._admitted = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="answer")

    @property
    def in_flight(self) -> int:
        """Answers being worked on or waiting."""
        return self._admitted

    def open(self, message: Message) -> AnswerStream:
        """Start to answer. Call it from the event loop.

        Raises:
            OverloadedError: the queue is full.
        """
        with self._lock:
            if self._admitted >= self._capacity:
                waiting = self._admitted - self._workers
                raise OverloadedError(retry_after_s=max(2, 2 * waiting // self._workers))
            self._admitted += 1
        stream = AnswerStream()
        # The thread's log lines belong to the request that waits for it.
        context = contextvars.copy_context()
        told = {"conversation": message.conversation_id, "turn": message.message_id}
        context.run(structlog.contextvars.bind_contextvars, **told)
        future = self._pool.submit(context.run, stream._work, self._answer, message)
        stream._future = future
        future.add_done_callback(self._release)
        future.add_done_callback(stream._cancelled)
        return stream

    def _release(self, _future: Future[None]) -> None:
        with self._lock:
            self._admitted -= 1

    def shutdown(self) -> None:
        """Let running answers finish, drop waiting ones. Blocks."""
        self._pool.shutdown(wait=True, cancel_futures=True)

"""The worker of the connected systems: what came in is answered, what is to go out is sent.

Covered: three pumps over one queue, their start and graceful stop. Any number of workers, in threads,
processes and hosts, may share a database: a conversation is worked in order, different ones in
parallel. Not covered: receiving (`bot.channels.webhooks.pipeline`).

What is promised when the process is killed at any instant:
- before an event is stored, the system was not told 200 and sends it again, if it repeats at all;
- while a turn is made, nothing of it is stored: the event is taken up again when its lease ends;
- turn, replies and the end of the event are one transaction;
- while a reply is sent, its outcome is in doubt: see the adapter for what it does then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import httpx
import structlog

from bot import outgoing
from bot.channels.conversing import AnswerTurn, Conversing
from bot.channels.delivery import Delivering
from bot.channels.pump import Pump, PumpWork
from bot.channels.webhooks.adapter import Adapter, Delivers
from bot.channels.worker_name import is_gone, worker_name
from bot.errors import StoreError
from bot.outgoing import OutgoingRules
from bot.store.queue import SqlQueue
from bot.store.queue_records import InboxItem, OutboxItem
from bot.types import ReadinessCheck

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works. Times in seconds.

    Attributes:
        answer_threads: conversations answered at the same time.
        delivery_threads: things sent at the same time.
        shop_threads: products and requests of shop systems worked at the same time.
        quiet_s: a customer's pause of this length ends a burst; 0 answers each message by itself.
        lease_s: the work of a killed process is taken over after this time.
        longest_s: work that takes longer is taken over by another worker.
        idle_s: how often to look for what other processes stored.
        connect_timeout_s: for reaching a connected system.
        read_timeout_s: for its answer.
    """

    answer_threads: int = 4
    delivery_threads: int = 4
    shop_threads: int = 2
    quiet_s: float = 1.5
    lease_s: float = 30.0
    longest_s: float = 180.0
    idle_s: float = 1.0
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0


class Worker:
    """Use it as a context manager, or `start` and `stop` it.

    Args:
        queue: inbox and outbox.
        answer_turn: message in, whole turn out, not stored.
        adapters: the connected systems, by name.
        is_with_agent: whether a person has a conversation.
        settings: see there.
        rules: what may be connected to besides the public internet.
        shops: systems that tell us of other things than conversations, and what works those. They
            have threads of their own: a price must not wait for answers.
        senders: what else takes things out of the outbox, by channel.
        count: told of each delivery's channel and outcome.
    """

    def __init__(
        self,
        queue: SqlQueue,
        answer_turn: AnswerTurn,
        adapters: Mapping[str, Adapter],
        is_with_agent: Callable[[str], bool],
        settings: WorkerSettings | None = None,
        rules: OutgoingRules = OutgoingRules(),  # noqa: B008 (frozen)
        shops: Mapping[str, Callable[[InboxItem], None]] | None = None,
        senders: Mapping[str, Delivers] | None = None,
        count: Callable[[str, str], None] = lambda _channel, _outcome: None,
    ) -> None:
        self.settings = settings or WorkerSettings()
        self._queue = queue
        self.name = worker_name()
        use = self.settings
        timeout = httpx.Timeout(use.read_timeout_s, connect=use.connect_timeout_s)
        self._client = outgoing.client(rules, timeout=timeout, follow_redirects=False)
        self._systems = systems = tuple(adapters)
        works = dict(shops or {})
        delivers: dict[str, Delivers] = {**adapters, **(senders or {})}
        self._shop_systems, self._channels = shop_systems, channels = tuple(works), tuple(delivers)
        deliver = Delivering(queue, delivers, is_with_agent, self._client, count)
        converse = Conversing(
            queue,
            answer_turn,
            adapters,
            is_with_agent,
            self._client,
            use.quiet_s,
            wake_inbox=self.wake,
            wake_outbox=lambda: self._outbox.wake(),
        )
        pump = {"lease_s": use.lease_s, "longest_s": use.longest_s, "idle_s": use.idle_s}
        self._inbox: Pump[InboxItem] = Pump(
            "inbox",
            PumpWork(
                claim=lambda limit: queue.claim_inbox(self.name, limit, use.lease_s, systems),
                work=_told(converse.work, lambda item: item.event.conversation_key),
                renew=lambda item: queue.renew(item, use.lease_s),
                give_back=lambda item: queue.put_off(item, 0.0),
            ),
            threads=use.answer_threads,
            **pump,
        )
        self._shops: Pump[InboxItem] = Pump(
            "shops",
            PumpWork(
                claim=lambda limit: queue.claim_inbox(self.name, limit, use.lease_s, shop_systems),
                work=lambda item: works[item.event.source](item),
                renew=lambda item: queue.renew(item, use.lease_s),
                give_back=lambda item: queue.put_off(item, 0.0),
            ),
            threads=use.shop_threads,
            **pump,
        )
        self._outbox: Pump[OutboxItem] = Pump(
            "outbox",
            PumpWork(
                claim=lambda limit: queue.claim_outbox(self.name, limit, use.lease_s, channels),
                work=_told(deliver.work, lambda item: item.outgoing.conversation_key),
                renew=lambda item: queue.renew(item, use.lease_s),
                give_back=lambda item: queue.put_off(item, 0.0),
            ),
            threads=use.delivery_threads,
            **pump,
        )

    def start(self) -> Worker:
        """Begin to work. Without connected systems there is nothing to do."""
        if self._systems or self._shop_systems or self._channels:
            self._take_over()
        for pump in self._used():
            pump.start()
        return self

    def _take_over(self) -> None:
        """What a killed process on this machine held need not wait for the end of its lease."""
        try:
            count = self._queue.release(is_gone)
        except StoreError as error:
            # The leases end by themselves.
            log.warning("queue_take_over_failed", error=error.message)
        else:
            if count:
                log.info("queue_taken_over", rows=count)

    def wake(self, after_s: float = 0.0) -> None:
        """Something is due in so many seconds. From any thread; does not block."""
        self._inbox.wake(after_s)
        self._shops.wake(after_s)

    def wake_outbox(self) -> None:
        """Something is to be sent. From any thread; does not block."""
        self._outbox.wake()

    def readiness(self) -> list[ReadinessCheck]:
        """Whether the pumps in use run and reach the database; none in use is well."""
        used = [pump.well for pump in self._used()]
        told = f"{sum(used)} of {len(used)} pumps run" if used else "no system is connected"
        return [ReadinessCheck("worker", all(used), told)]

    def claim_no_more(self) -> None:
        """Take nothing new from now on. Neither blocks nor locks: a signal handler may call it."""
        for pump in (self._inbox, self._shops, self._outbox):
            pump.claim_no_more()

    def _used(self) -> list[Pump[InboxItem] | Pump[OutboxItem]]:
        pumps = (
            (self._inbox, self._systems),
            (self._shops, self._shop_systems),
            (self._outbox, self._channels),
        )
        return [pump for pump, names in pumps if names]

    def stop(self, timeout_s: float = 20.0) -> None:
        """Finish what is being worked; what takes longer is given back. Blocks."""
        self._inbox.stop(timeout_s)
        self._shops.stop(timeout_s)
        self._outbox.stop(timeout_s)
        self._client.close()

    def __enter__(self) -> Worker:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


def _told(work: Callable[[T], None], conversation: Callable[[T], str]) -> Callable[[T], None]:
    """`work`, with the conversation on every line that is logged meanwhile."""

    def bound(item: T) -> None:
        with structlog.contextvars.bound_contextvars(conversation=conversation(item)):
            work(item)

    return bound

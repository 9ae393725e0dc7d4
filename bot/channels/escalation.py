"""Work the timers: whoever waits for people too long is put first, and told.

Covered: a pump over the timers of the shop, started and stopped with the application; restarts lose
nothing, since a timer is a row. Any number of processes may run it. Not covered: when a timer runs
out (`bot.handover.policy`), what it changes (`bot.store.timers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

import structlog

from bot.answering.notices import notice
from bot.channels.pump import Pump, PumpWork
from bot.channels.webhooks.adapter import Escalates
from bot.handover.policy import TELLINGS, HandoverPolicy, hourly_notice
from bot.store.queue_records import Outgoing
from bot.store.timers import DueTimer, SqlTimers

log = structlog.get_logger(__name__)

IDLE_S = 2.0
THREADS = 2


@dataclass(frozen=True)
class Escalating:
    """The work on one due timer; safe to use from many threads.

    Attributes:
        timers: where they are kept.
        policy: when they run out.
        channels: connected systems; only these are sent anything.
        wake_outbox: there is something to send.
    """

    timers: SqlTimers
    policy: HandoverPolicy
    channels: Mapping[str, object]
    wake_outbox: Callable[[], None] = lambda: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def work(self, timer: DueTimer) -> None:
        """Put it off, or let it run out.

        Raises:
            StoreError: the database failed; the timer is due again after its lease.
        """
        now = self.clock()
        due = self.policy.due(timer.since, timer.fired)
        if due > now:
            self.timers.put_off(timer, due)
            return
        text = self._text(timer, now)
        again = self.policy.due(now, timer.fired + 1)
        if self.timers.run_out(timer, again, text, self._out(timer, text, now)):
            log.warning(
                "handover_escalated",
                conversation=timer.conversation_id,
                reason=timer.reason,
                times=timer.fired + 1,
            )
            self.wake_outbox()

    def _text(self, timer: DueTimer, now: datetime) -> str:
        if timer.status == "bot":
            # The message got no reply at all; from now on people have it.
            sorry = notice("unanswered", timer.lang)
            told = hourly_notice("hand_over", timer.lang, self.policy.hours, now)
            return f"{sorry}{'' if timer.lang.startswith('zh') else ' '}{told}"
        return notice("escalated", timer.lang) if timer.fired < TELLINGS else ""

    def _out(self, timer: DueTimer, text: str, now: datetime) -> tuple[Outgoing, ...]:
        system = self.channels.get(timer.channel)
        if system is None:
            return ()
        key = f"escalated:{timer.conversation_id}:{int(timer.since.timestamp())}:{timer.fired}"
        out = []
        if text:
            out.append(Outgoing(f"{key}:said", timer.channel, timer.conversation_id, "reply", text))
        if isinstance(system, Escalates):
            minutes = max(1, round((now - timer.since).total_seconds() / 60))
            out += system.escalated(timer.conversation_id, key, minutes, timer.unhappy)
        return tuple(out)


class Escalations:
    """Runs `Escalating` in threads. Use it as a context manager."""

    def __init__(self, work: Escalating, idle_s: float = IDLE_S) -> None:
        self._pump: Pump[DueTimer] = Pump(
            "timers",
            PumpWork(
                claim=work.timers.claim,
                work=work.work,
                renew=lambda _timer: True,
                give_back=lambda _timer: None,
            ),
            threads=THREADS,
            lease_s=30.0,
            longest_s=30.0,
            idle_s=idle_s,
        )

    def __enter__(self) -> Escalations:
        self._pump.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._pump.stop(10.0)

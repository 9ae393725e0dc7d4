"""Inbox and outbox: what came in is worked once, what is to go out is sent in order.

Covered: receiving without duplicates, leases, one transaction for a turn and all it causes,
retries. Not covered: HTTP, signatures, what a payload means (`bot.channels`).
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from bot.store import queue_rows
from bot.store.arrivals import Arrivals
from bot.store.columns import utc_now
from bot.store.elsewhere import write_elsewhere
from bot.store.lane import Backoff, Lane
from bot.store.queue_records import (
    Box,
    Elsewhere,
    ExternalRef,
    Following,
    Inbound,
    InboxItem,
    OutboxItem,
    Outgoing,
    QueueStats,
)
from bot.store.queue_rows import IN_DOUBT, inbound_of_row, outgoing_of_row, write_outgoing
from bot.store.standing import reply_lost
from bot.store.tables import inbox, outbox
from bot.store.transactions import reading, writing
from bot.store.turn_writes import PreparedTurn, write_message, write_turn
from bot.types import Message, Turn

LEASE_S = 120.0


class SqlQueue:
    """Inbox and outbox in SQL; any number of workers, threads and processes may share them.

    An event's commit waits for the disk, and the note that a request leaves, which carries all
    before it; what lies between can be done again."""

    def __init__(
        self,
        engine: Engine,
        backoff: Backoff | None = None,
        clock: Callable[[], datetime] = utc_now,
        channel_backoffs: Mapping[str, Backoff] | None = None,
    ) -> None:
        backoff = backoff or Backoff()
        self._engine = engine
        self._clock = clock
        self._arrivals = Arrivals(engine, clock)
        self._inbox = Lane(inbox, "source", backoff)
        self._outbox = Lane(outbox, "channel", backoff, channel_backoffs)

    def receive(self, event: Inbound, delay_s: float = 0.0) -> bool:
        """Store an event before it is acknowledged. False for one that was received before.

        Args:
            event: what came in.
            delay_s: seconds to wait before it is worked; more of the same may follow.

        Raises:
            StoreError: the database failed; do not acknowledge.
        """
        return self._arrivals.event(event, delay_s).result()

    def receiving(self, event: Inbound, delay_s: float = 0.0) -> Future[bool]:
        """`receive` for an event loop: many events share a commit. Cancel it to give it up."""
        return self._arrivals.awaitable_event(event, delay_s)

    def claim_inbox(
        self,
        worker: str,
        limit: int = 1,
        lease_s: float = LEASE_S,
        sources: Sequence[str] = (),
    ) -> tuple[InboxItem, ...]:
        """The oldest due events, at most one per conversation, leased to `worker`.

        Args:
            worker: a name no other living worker uses.
            limit: how many at most.
            lease_s: seconds after which another worker may take them over.
            sources: only these; all when empty.
        """
        now, lease = self._clock(), timedelta(seconds=lease_s)
        with writing(self._engine, durable=False) as connection:
            rows = self._inbox.claim(
                connection, now, worker, limit=limit, lease=lease, scopes=sources
            )
        return tuple(InboxItem(held, inbound_of_row(row)) for row, held in rows)

    def claim_outbox(
        self,
        worker: str,
        limit: int = 1,
        lease_s: float = LEASE_S,
        channels: Sequence[str] = (),
    ) -> tuple[OutboxItem, ...]:
        """The oldest due things to send, at most one per conversation, leased to `worker`."""
        now, lease = self._clock(), timedelta(seconds=lease_s)
        with writing(self._engine, durable=False) as connection:
            rows = self._outbox.claim(
                connection, now, worker, limit=limit, lease=lease, scopes=channels
            )
        return tuple(
            OutboxItem(held, outgoing_of_row(row), row.created_at, row.error.startswith(IN_DOUBT))
            for row, held in rows
        )

    def following(self, item: InboxItem, limit: int = 50) -> tuple[Following, ...]:
        """What came in behind a claimed event in its conversation and waits, oldest first."""
        with reading(self._engine) as connection:
            return queue_rows.following(connection, item, limit)

    def complete(
        self,
        item: InboxItem,
        *,
        turn: Turn | None = None,
        message: Message | None = None,
        out: Sequence[Outgoing] = (),
        external: ExternalRef | None = None,
        absorbed: Sequence[Following] = (),
        elsewhere: Elsewhere | None = None,
    ) -> bool:
        """Store what an event led to and mark it done, in one transaction.

        Args:
            item: the claimed event.
            turn: the answer, if the bot answered.
            message: what the customer said, if the bot keeps silent.
            out: what is to be sent.
            external: how the connected system calls the conversation of `turn` or `message`.
            absorbed: events behind it that were worked together with it.
            elsewhere: what people did in the connected system.

        Returns:
            False if the lease ran out and another worker has the event: nothing was stored.

        Raises:
            StoreError: the database failed; nothing was stored.
        """
        now = self._clock()
        prepared = None if turn is None else PreparedTurn.of(turn)
        with writing(self._engine, durable=False) as connection:
            if not self._inbox.finish(connection, item.lease, now, "done", error=""):
                return False
            if prepared is not None:
                write_turn(connection, prepared)
                queue_rows.refer(connection, prepared.turn.conversation_id, external)
            if message is not None:
                write_message(connection, message)
                queue_rows.refer(connection, message.conversation_id, external)
            if elsewhere is not None:
                write_elsewhere(connection, elsewhere, item.event.received_at or now)
            queue_rows.absorb(connection, absorbed, now)
            for outgoing in out:
                write_outgoing(connection, outgoing, now)
        return True

    def enqueue(self, out: Sequence[Outgoing]) -> int:
        """Put things into the outbox; those whose key is there already are passed over."""
        now = self._clock()
        with writing(self._engine) as connection:
            return sum(write_outgoing(connection, outgoing, now) for outgoing in out)

    def sending(self, item: OutboxItem) -> bool:
        """Note that the request leaves now: should nobody hear of its end, it is in doubt.

        Returns:
            False if another worker has it by now: do not send.
        """
        with writing(self._engine) as connection:
            return self._outbox.note(connection, item.lease, f"{IN_DOUBT}it was being sent")

    def confirm(self, key: str, external_id: str = "") -> bool:
        """The other side told us that it has what we sent under `key`. False if that was known."""
        return self._arrivals.echo(key, external_id).result()

    def confirming(self, key: str, external_id: str = "") -> Future[bool]:
        """`confirm` for an event loop."""
        return self._arrivals.awaitable_echo(key, external_id)

    def delivered(self, item: OutboxItem, external_id: str = "") -> bool:
        """Mark as sent; `external_id` is the connected system's id of the message."""
        with writing(self._engine, durable=False) as connection:
            return self._outbox.finish(
                connection, item.lease, self._clock(), "done", error="", external_id=external_id
            )

    def discard(
        self, item: InboxItem | OutboxItem, reason: str, *, unsaid_turn_id: str = ""
    ) -> bool:
        """Close without doing it: not for us, or no longer wanted. `reason` is for the operator;
        the transcript drops the reply of `unsaid_turn_id`, which the customer never saw.
        """
        with writing(self._engine, durable=False) as connection:
            closed = self._lane(item).finish(
                connection, item.lease, self._clock(), "discarded", error=reason
            )
            if closed and unsaid_turn_id:
                queue_rows.take_back_reply(connection, unsaid_turn_id)
                if isinstance(item, OutboxItem):
                    reply_lost(connection, item.outgoing.conversation_key, self._clock())
            return closed

    def put_off(self, item: InboxItem | OutboxItem, delay_s: float) -> bool:
        """Give it back, to be taken up again after so many seconds; not a failed attempt."""
        until = self._clock() + timedelta(seconds=delay_s)
        with writing(self._engine, durable=False) as connection:
            return self._lane(item).put_off(connection, item.lease, until)

    def fail(
        self,
        item: InboxItem | OutboxItem,
        error: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        in_doubt: bool = False,
    ) -> bool:
        """Put back to be tried later; dead when `permanent` or after the last attempt.

        Args:
            item: what was claimed.
            error: what went wrong, for the operator.
            permanent: trying again is no use.
            retry_after_s: seconds the other side asked us to wait, at least.
            in_doubt: it may have arrived all the same.

        Returns:
            False if the lease ran out and another worker has it.
        """
        scope = item.event.source if isinstance(item, InboxItem) else item.outgoing.channel
        now = self._clock()
        with writing(self._engine, durable=False) as connection:
            noted = self._lane(item).fail(
                connection,
                item.lease,
                now,
                f"{IN_DOUBT}{error}" if in_doubt else error,
                scope=scope,
                permanent=permanent,
                retry_after_s=retry_after_s,
            )
            if noted and isinstance(item, OutboxItem) and item.outgoing.kind == "reply":
                reply_lost(connection, item.outgoing.conversation_key, now, item.lease.row_id)
            return noted

    def renew(self, item: InboxItem | OutboxItem, lease_s: float = LEASE_S) -> bool:
        """Prolong the lease from now; False if another worker has it by now."""
        until = self._clock() + timedelta(seconds=lease_s)
        with writing(self._engine, durable=False) as connection:
            return self._lane(item).renew(connection, item.lease, until)

    def release(self, is_gone: Callable[[str], bool]) -> int:
        """Let what dead workers hold be taken over at once; `is_gone` tells by name. How many."""
        now = self._clock()
        with writing(self._engine, durable=False) as connection:
            lanes = (self._inbox, self._outbox)
            return sum(lane.release(connection, now, is_gone) for lane in lanes)

    def requeue_dead(self, box: Box, scopes: Sequence[str] = ()) -> int:
        """Try dead rows again, of these sources or channels (all when empty); how many."""
        lane = self._inbox if box == "inbox" else self._outbox
        with writing(self._engine) as connection:
            return lane.requeue_dead(connection, self._clock(), scopes)

    def purge(self, older_than: timedelta) -> int:
        """Delete what ended well longer ago than that; how many rows.

        Duplicates of a deleted event are no longer recognised: keep some days.
        """
        before = self._clock() - older_than
        with writing(self._engine) as connection:
            return self._inbox.purge(connection, before) + self._outbox.purge(connection, before)

    def stats(self) -> QueueStats:
        """How full the boxes are."""
        now = self._clock()
        with reading(self._engine) as connection:
            return QueueStats(
                self._inbox.stats(connection, now, "received_at"),
                self._outbox.stats(connection, now, "created_at"),
            )

    def _lane(self, item: InboxItem | OutboxItem) -> Lane:
        return self._inbox if isinstance(item, InboxItem) else self._outbox

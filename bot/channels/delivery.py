"""The work on one claimed row of the outbox: deliver it, and store how that went.

Covered: success, no longer wanted, try again later, in doubt, dead. Not covered: what a system
promises about doing things once (each adapter), back-off (`bot.store.lane`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import structlog

from bot.channels.webhooks.adapter import Delivered, Delivers, Delivery, NotDeliveredError
from bot.store.queue import SqlQueue
from bot.store.queue_records import OutboxItem

log = structlog.get_logger(__name__)

TURN_KEY_END = ":reply"
"""The key of a bot's reply is its turn's id and this."""


class _LeaseLostError(Exception):
    """Somebody else delivers it by now."""


@dataclass(frozen=True)
class Delivering:
    """Delivers; safe to use from many threads."""

    queue: SqlQueue
    adapters: Mapping[str, Delivers]
    is_with_agent: Callable[[str], bool]
    client: httpx.Client
    count: Callable[[str, str], None] = lambda _channel, _outcome: None

    def work(self, item: OutboxItem) -> None:
        """Deliver one thing and store the outcome.

        Raises:
            StoreError: the database failed; the row stays claimed until its lease ends.
        """
        outgoing = item.outgoing
        tell = log.bind(key=outgoing.key, kind=outgoing.kind, attempt=item.lease.attempt)
        sent_now = False

        def about_to_send() -> None:
            nonlocal sent_now
            if not self.queue.sending(item):
                raise _LeaseLostError
            sent_now = True

        delivery = Delivery(
            outgoing,
            item.in_doubt,
            about_to_send,
            lambda: self.is_with_agent(outgoing.conversation_key),
        )
        try:
            outcome = self.adapters[outgoing.channel].deliver(delivery, self.client)
        except _LeaseLostError:
            tell.warning("delivery_lease_lost")
        except NotDeliveredError as error:
            # An older doubt lasts until an attempt has looked into it and gone on to send.
            in_doubt = error.in_doubt if sent_now else item.in_doubt
            cause = "refused" if error.permanent else "in_doubt" if in_doubt else "not_taken"
            self.count(outgoing.channel, cause)
            tell.warning(
                "delivery_failed",
                error=error.message,
                fix=error.fix,
                permanent=error.permanent,
                in_doubt=in_doubt,
            )
            self.queue.fail(
                item,
                error.message,
                permanent=error.permanent,
                retry_after_s=error.retry_after_s,
                in_doubt=in_doubt,
            )
        except Exception as error:
            self.count(outgoing.channel, "broke")
            tell.exception("delivery_broke")
            self.queue.fail(item, type(error).__name__, in_doubt=sent_now or item.in_doubt)
        else:
            if isinstance(outcome, Delivered):
                self.queue.delivered(item, outcome.external_id)
                self.count(outgoing.channel, "delivered")
                tell.info("delivered")
                return
            unsaid = outgoing.kind == "reply" and not outcome.perhaps_sent
            turn_id = outgoing.key.removesuffix(TURN_KEY_END) if unsaid else ""
            self.queue.discard(item, outcome.because, unsaid_turn_id=turn_id)
            self.count(outgoing.channel, "dropped")
            tell.info("delivery_dropped", because=outcome.because)

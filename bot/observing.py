"""Watching turns: whoever wants to know of each one, without being able to disturb it.

Covered: several watchers as one, failures logged and kept from the customer. Not covered: what
they do with a turn (`bot.channels.metrics`, `bot.tracing`).
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.types import Turn

log = structlog.get_logger(__name__)

OnTurn = Callable[[Turn], None]
"""Is told of a turn when it is complete; quick, since the customer's thread waits for it."""


def nobody(_turn: Turn) -> None:
    """Watches nothing."""


def all_of(*watchers: OnTurn) -> OnTurn:
    """One watcher that tells all of them and survives each of them."""

    def tell(turn: Turn) -> None:
        for watch in watchers:
            try:
                watch(turn)
            except Exception:
                log.exception("turn_watcher_failed", turn=turn.turn_id)

    return tell if watchers else nobody

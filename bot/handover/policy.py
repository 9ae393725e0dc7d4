"""How long people may take, and what the customer is told meanwhile.

Covered: when the timer of a handover runs out (it only runs while it is open), the notices that
depend on the hour. Not covered: the timers themselves (`bot.store.timers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.answering.notices import notice
from bot.handover.hours import ALWAYS_OPEN, OpeningHours
from bot.types import Lang

TELLINGS: Final = 2
"""How often a waiting customer is told that nobody has come yet; agents are reminded for longer."""

_LONGEST_S: Final = 8 * 3600.0
_BY_HOUR: Final = ("hand_over", "still_waiting")


@dataclass(frozen=True, slots=True)
class HandoverPolicy:
    """What the shop promises.

    Attributes:
        hours: when people answer.
        patience_s: seconds of opening time until a handover that nobody took is escalated; doubled
            with each time, up to a working day.
    """

    hours: OpeningHours = ALWAYS_OPEN
    patience_s: float = 600.0

    def due(self, since: datetime, fired: int) -> datetime:
        """When a timer that started (or last fired) at `since` runs out, in UTC."""
        return self.hours.later(since, min(self.patience_s * 2 ** min(fired, 16), _LONGEST_S))


def hourly_notice(name: str, lang: Lang, hours: OpeningHours, now: datetime, **values: str) -> str:
    """A prepared sentence; out of hours the one that says when people are back, if there is one."""
    if name in _BY_HOUR and not hours.is_open(now):
        when = hours.say(hours.opens(now), lang.startswith("zh"), now)
        return notice(f"{name}_closed", lang, when=when, **values)
    return notice(name, lang, **values)

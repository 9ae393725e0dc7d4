"""Prepared sentences with the shop's name and the hours of its people filled in.

Not covered: the sentences themselves (`bot.answering.notices`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.handover.hours import ALWAYS_OPEN, OpeningHours
from bot.handover.policy import hourly_notice
from bot.types import Lang, Reply


@dataclass(frozen=True, slots=True)
class Wording:
    """What the prepared sentences fill in."""

    shop_en: str
    shop_zh: str
    hours: OpeningHours = ALWAYS_OPEN
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def notice(self, name: str, lang: Lang) -> Reply:
        """A prepared sentence as a reply."""
        shop = self.shop_zh if lang.startswith("zh") else self.shop_en
        text = hourly_notice(name, lang, self.hours, self.clock(), shop=shop)
        return Reply(text, "notice")

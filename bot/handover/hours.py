"""When people answer: opening hours of a week, days off, a time zone.

Covered: reading them from a setting, whether it is open, when it opens next, counting time that
only passes while it is open, saying a moment in English and Chinese. Not covered: hours that differ
per agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.errors import ConfigError

_UTC = ZoneInfo("UTC")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_ZONES_ZH = {"Asia/Shanghai": "北京时间", "Asia/Taipei": "台北时间", "Asia/Hong_Kong": "香港时间"}
_PART = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?((?:\s+\d{1,2}:\d{2}-\d{1,2}:\d{2})+)")
_LOOK_AHEAD = 400
_DAY = 24 * 60
_FIX = "write e.g. `mon-fri 09:00-18:00, sat 10:00-14:00`, or 24/7"

Span = tuple[int, int]
"""Minutes of a day, from and until."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A week of spans, Monday first, in the time of `zone`; `closed` are days off."""

    week: tuple[tuple[Span, ...], ...] = (((0, _DAY),),) * 7
    zone: ZoneInfo = _UTC
    closed: frozenset[date] = frozenset()

    @classmethod
    def read(cls, hours: str, zone: str = "UTC", closed: str = "") -> OpeningHours:
        """From settings: `24/7` or `mon-fri 09:00-18:00, sat 10:00-14:00`; days as 2026-12-25.

        A span that ends before it begins lasts into the next day.

        Raises:
            ConfigError: something cannot be read; names it.
        """
        try:
            place = ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(
                f"SHOPKEEPER_AGENT_TIMEZONE {zone[:60]!r} is no time zone",
                fix="write a name such as Europe/Berlin or Asia/Shanghai",
            ) from error
        try:
            days_off = frozenset(map(date.fromisoformat, closed.replace(",", " ").split()))
        except ValueError as error:
            raise ConfigError(
                f"SHOPKEEPER_AGENT_DAYS_OFF cannot be read: {error}",
                fix="write days as 2026-12-25, separated by commas",
            ) from error
        return cls(_week(hours), place, days_off)

    @property
    def always(self) -> bool:
        """Whether it never closes."""
        return not self.closed and all(spans == ((0, _DAY),) for spans in self.week)

    def is_open(self, at: datetime) -> bool:
        """Whether people answer at this moment."""
        return any(start <= at < end for start, end in self._spans(at))

    def opens(self, at: datetime) -> datetime:
        """`at` itself while it is open, else the next moment at which it opens, in `zone`."""
        for start, end in self._spans(at):
            if at < end:
                return max(at.astimezone(self.zone), start)
        return at.astimezone(self.zone) + timedelta(days=1)

    def later(self, at: datetime, seconds: float) -> datetime:
        """The moment when so many seconds of opening time have passed since `at`, in UTC."""
        left = timedelta(seconds=seconds)
        for start, end in self._spans(at):
            begin = max(at, start)
            if begin >= end:
                continue
            if end - begin >= left:
                return (begin + left).astimezone(UTC)
            left -= end - begin
        return (at + timedelta(seconds=seconds)).astimezone(UTC)

    def say(self, at: datetime, chinese: bool, now: datetime) -> str:
        """A moment in words, such as `on Monday at 9:00 (Berlin time)`."""
        local, today = at.astimezone(self.zone), now.astimezone(self.zone).date()
        clock = f"{local.hour}:{local.minute:02}"
        away = (local.date() - today).days
        if chinese:
            day = {0: "今天", 1: "明天"}.get(away) or (
                _DAYS_ZH[local.weekday()] if away < 7 else f"{local.month}月{local.day}日"
            )
            place = _ZONES_ZH.get(self.zone.key, f"{self.zone.key} 时间")
            return f"{day}{clock}（{place}）"
        day = {0: "today", 1: "tomorrow"}.get(away) or (
            f"on {_DAYS_EN[local.weekday()]}" if away < 7 else f"on {local:%B} {local.day}"
        )
        place = self.zone.key.rpartition("/")[2].replace("_", " ")
        return f"{day} at {clock} ({place if place == 'UTC' else f'{place} time'})"

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open spans from the day before `at` on, oldest first, those that touch as one."""
        day = at.astimezone(self.zone).date() - timedelta(days=1)
        last: tuple[datetime, datetime] | None = None
        for _ in range(_LOOK_AHEAD):
            for start, end in () if day in self.closed else self.week[day.weekday()]:
                begins, ends = self._moment(day, start), self._moment(day, end)
                if last is not None and begins <= last[1]:
                    last = (last[0], max(last[1], ends))
                    continue
                if last is not None:
                    yield last
                last = (begins, ends)
            day += timedelta(days=1)
        if last is not None:
            yield last

    def _moment(self, day: date, minute: int) -> datetime:
        days, minute = divmod(minute, _DAY)
        at = time(minute // 60, minute % 60)
        # In UTC, where differences are true when a clock is put forward or back in between.
        local = datetime.combine(day + timedelta(days=days), at, tzinfo=self.zone)
        return local.astimezone(UTC)


def _week(hours: str) -> tuple[tuple[Span, ...], ...]:
    text = hours.strip().casefold()
    if text in ("24/7", ""):
        return (((0, _DAY),),) * 7
    week: list[list[Span]] = [[] for _ in _DAYS]
    for part in filter(None, map(str.strip, re.split("[,;]", text))):
        found = _PART.fullmatch(part)
        if found is None:
            raise ConfigError(f"SHOPKEEPER_AGENT_HOURS: {part[:60]!r} cannot be read", fix=_FIX)
        first, last = _day(found[1]), _day(found[2] or found[1])
        for number in range(first, first + (last - first) % 7 + 1):
            week[number % 7] += [_span(span) for span in found[3].split()]
    return tuple(tuple(sorted(spans)) for spans in week)


def _day(name: str) -> int:
    if name not in _DAYS:
        raise ConfigError(f"SHOPKEEPER_AGENT_HOURS: {name!r} is no day", fix=_FIX)
    return _DAYS.index(name)


def _span(text: str) -> Span:
    start, end = (_minute(part) for part in text.split("-"))
    return start, end if end > start else end + _DAY


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if hour * 60 + minute > _DAY or minute > 59:
        raise ConfigError(f"SHOPKEEPER_AGENT_HOURS: {text!r} is no time of day", fix=_FIX)
    return hour * 60 + minute


ALWAYS_OPEN = OpeningHours()

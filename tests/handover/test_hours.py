"""Opening hours: what a customer is told, and how patience is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.handover.hours import ALWAYS_OPEN, OpeningHours
from bot.handover.policy import HandoverPolicy, hourly_notice

BERLIN = OpeningHours.read(
    "mon-fri 09:00-12:00 13:00-18:00; sat 10:00-14:00", "Europe/Berlin", "2026-12-25"
)
NIGHT = OpeningHours.read("fri-mon 22:00-02:00")
moments = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-02T08:30+00:00", "2026-03-02T08:30+00:00"),
        ("2026-03-02T11:30+00:00", "2026-03-02T12:00+00:00"),
        ("2026-03-07T13:30+00:00", "2026-03-09T08:00+00:00"),
        # Clocks go forward on 29 March: nine o'clock comes an hour earlier.
        ("2026-03-28T20:00+00:00", "2026-03-30T07:00+00:00"),
        ("2026-12-24T20:00+00:00", "2026-12-26T09:00+00:00"),
    ],
    ids=["open", "lunch", "weekend", "summer time", "day off"],
)
def test_when_people_are_back(at: str, opens: str) -> None:
    assert BERLIN.opens(datetime.fromisoformat(at)) == datetime.fromisoformat(opens)


def test_a_span_may_last_past_midnight() -> None:
    assert NIGHT.is_open(datetime(2026, 3, 7, 1, 0, tzinfo=UTC)), "Friday's, on Saturday morning"
    assert not NIGHT.is_open(datetime(2026, 3, 6, 1, 0, tzinfo=UTC))
    assert NIGHT.is_open(datetime(2026, 3, 3, 1, 0, tzinfo=UTC)), "Monday's"


@given(moments, st.floats(1, 100_000))
@settings(deadline=None, max_examples=50)
def test_patience_only_runs_while_it_is_open(at: datetime, seconds: float) -> None:
    due = BERLIN.later(at, seconds)
    assert due >= at + timedelta(seconds=seconds) - timedelta(milliseconds=1)
    assert BERLIN.is_open(due - timedelta(milliseconds=1))
    assert ALWAYS_OPEN.later(at, seconds) == at + timedelta(seconds=seconds)


@given(moments)
@settings(deadline=None, max_examples=50)
def test_it_is_open_when_it_opens(at: datetime) -> None:
    opens = BERLIN.opens(at)
    assert opens >= at
    assert BERLIN.is_open(opens)
    assert (opens == at) == BERLIN.is_open(at)


@pytest.mark.parametrize(
    ("hours", "zone", "closed", "wrong"),
    [
        ("mon-fri 9-18", "UTC", "", "mon-fri 9-18"),
        ("mon-xyz 09:00-18:00", "UTC", "", "xyz"),
        ("mon 25:00-26:00", "UTC", "", "25:00"),
        ("24/7", "Europe/Atlantis", "", "Atlantis"),
        ("24/7", "UTC", "25.12.2026", "25.12.2026"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(
    hours: str, zone: str, closed: str, wrong: str
) -> None:
    with pytest.raises(ConfigError, match=wrong) as refused:
        OpeningHours.read(hours, zone, closed)
    assert refused.value.fix


def test_out_of_hours_the_customer_is_told_when() -> None:
    closed = datetime(2026, 3, 7, 20, 0, tzinfo=UTC)
    english = hourly_notice("hand_over", "en", BERLIN, closed)
    assert "on Monday at 9:00 (Berlin time)" in english
    chinese = hourly_notice("still_waiting", "zh-Hans", BERLIN, closed)
    assert "周一9:00" in chinese
    assert "back" not in hourly_notice("hand_over", "en", ALWAYS_OPEN, closed)


def test_patience_doubles_up_to_a_working_day() -> None:
    policy = HandoverPolicy(patience_s=600)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    waits = [(policy.due(start, fired) - start).total_seconds() for fired in (0, 1, 2, 9, 99)]
    assert waits == [600, 1200, 2400, 28_800, 28_800]

"""Rates: who asks too often is told exactly when to come back, and nobody else notices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from bot.channels.limits import CustomerLimits, Rate, RateLimiter, TooManyError, parse_rates
from bot.channels.sharing import Sharing
from bot.config import Settings
from bot.errors import ConfigError
from bot.store.access_tables import shared_rates
from bot.store.rates import SqlRates
from bot.store.transactions import writing
from tests.privacy.filled import stored_with


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    burst=st.integers(1, 50),
    period=st.sampled_from([1.0, 60.0, 3600.0]),
    pauses=st.lists(st.floats(0, 30), max_size=200),
)
def test_no_window_of_the_period_lets_twice_the_rate_through(
    burst: int, period: float, pauses: list[float]
) -> None:
    clock = Clock()
    limiter = RateLimiter([Rate(burst, period)], clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if limiter.take("a") == 0:
            passed.append(clock.now)
    for start in passed:
        assert sum(start <= at < start + period for at in passed) <= 2 * burst


@given(
    rates=st.lists(
        st.builds(Rate, st.integers(1, 20), st.sampled_from([1.0, 60.0])), min_size=1, max_size=3
    ),
    pauses=st.lists(st.floats(0, 5), max_size=60),
)
def test_whoever_waits_as_long_as_told_gets_through(rates: list[Rate], pauses: list[float]) -> None:
    clock = Clock()
    limiter = RateLimiter(rates, clock)
    for pause in pauses:
        clock.now += pause
        wait = limiter.take("a")
        if wait > 0:
            clock.now += wait * 0.5
            assert limiter.take("a") > 0, "half of it is not enough"
            clock.now += wait * 0.5 + 1e-6
            assert limiter.take("a") == 0


def test_one_customer_does_not_use_up_anothers_rate() -> None:
    limiter = RateLimiter([Rate(1, 60.0)], Clock())
    assert limiter.take("a") == 0
    assert limiter.take("a") == pytest.approx(60.0)
    assert limiter.take("b") == 0


def test_memory_stays_bounded_under_a_flood_of_addresses() -> None:
    limiter = RateLimiter([Rate(5, 60.0)], Clock(), max_keys=100)
    for number in range(5000):
        limiter.take(f"a{number}")
    assert len(limiter) == 100


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("", ()),
        ("20/minute", (Rate(20, 60.0),)),
        (" 20 / minutes ; 200/hour", (Rate(20, 60.0), Rate(200, 3600.0))),
        ("1/second,1/day", (Rate(1, 1.0), Rate(1, 86_400.0))),
    ],
)
def test_rates_are_read(text: str, rates: tuple[Rate, ...]) -> None:
    assert parse_rates("X", text) == rates


@pytest.mark.parametrize("text", ["20", "0/minute", "-1/minute", "20/fortnight", "20/minute/x"])
def test_a_wrong_rate_is_named_with_its_setting(text: str) -> None:
    with pytest.raises(ConfigError, match="SHOPKEEPER_RATE_PER_CUSTOMER"):
        CustomerLimits(Settings(rate_per_customer=text))


@given(st.text(max_size=30))
def test_any_text_is_rates_or_a_clear_error(text: str) -> None:
    try:
        parse_rates("X", text)
    except ConfigError as error:
        refused = error
    else:
        return
    assert refused.fix


def test_customer_address_and_shop_each_have_their_limit() -> None:
    limits = CustomerLimits(
        Settings(rate_per_customer="2/minute", rate_per_address="4/minute", rate_per_shop="6/day"),
        Clock(),
    )

    def whose(customer: str, address: str) -> str:
        try:
            limits.admit(customer, address)
        except TooManyError as error:
            return error.whose
        return ""

    assert [whose("li", "10.0.0.1") for _ in range(3)] == ["", "", "customer"]
    # The refused one counted for the address: whoever is refused still asked from there.
    assert [whose("wang", "10.0.0.1") for _ in range(2)] == ["", "address"]
    assert [whose("", "10.0.0.2") for _ in range(3)] == ["", "", ""]
    assert whose("anna", "10.0.0.3") == "shop"


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_processes_hold_one_limit_together(engine: Engine, processes: int) -> None:
    """Each once counted for itself: five of them let five times as much through."""
    settings = Settings(rate_per_customer="20/hour", rate_per_address="", rate_per_shop="100/hour")
    shops = [CustomerLimits(settings) for _ in range(processes)]
    meeting = [Sharing(limits, SqlRates(engine)) for limits in shops]

    def ask(times: int, customer: str) -> int:
        passed = 0
        for number in range(times):
            try:
                shops[number % processes].admit(customer.format(number), "")
                passed += 1
            except TooManyError:
                pass
            if number % 5 == 4:
                for one in meeting:
                    one.exchange()
        return passed

    # What comes between two exchanges is the slack: up to five here.
    first = ask(60, "li")
    assert 20 <= first <= 20 + 5
    assert 100 <= first + ask(200, "somebody-{}") <= 100 + 5


def test_one_customers_process_does_not_cost_another_customer_anything(engine: Engine) -> None:
    """A budget divided by processes would cut off whoever stays with one of them."""
    settings = Settings(rate_per_customer="20/hour", rate_per_address="", rate_per_shop="")
    here, there = CustomerLimits(settings), CustomerLimits(settings)
    for _ in range(20):
        here.admit("li", "")
        there.admit("wang", "")
        for limits in (here, there):
            Sharing(limits, SqlRates(engine)).exchange()
    with pytest.raises(TooManyError):
        here.admit("li", "")


def test_a_database_that_is_away_leaves_each_process_its_own_limit(sqlite_engine: Engine) -> None:
    settings = Settings(rate_per_customer="20/hour", rate_per_address="", rate_per_shop="")
    limits, other = CustomerLimits(settings), CustomerLimits(settings)
    sharing, rates = Sharing(limits, SqlRates(sqlite_engine)), SqlRates(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("ALTER TABLE shared_rates RENAME TO away")
    for _ in range(20):
        limits.admit("li", "")
        sharing.exchange()
    with pytest.raises(TooManyError):
        limits.admit("li", "")
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO shared_rates")
    sharing.exchange()
    for _ in range(3):
        other.admit("li", "")
    Sharing(other, rates).exchange()
    with pytest.raises(TooManyError):
        other.admit("li", "")


def test_nobody_can_be_read_where_processes_meet(sqlite_engine: Engine) -> None:
    SqlRates(sqlite_engine).exchange({"customer/0/li.lei@example.com": 60.0}, 1e9)
    assert stored_with(sqlite_engine, "li.lei") == set()
    SqlRates(sqlite_engine).exchange({"shop/0/shop": 1.0}, 1e9 + 1000)
    with sqlite_engine.connect() as connection:
        assert len(connection.execute(select(shared_rates)).all()) == 1, "what is over is forgotten"

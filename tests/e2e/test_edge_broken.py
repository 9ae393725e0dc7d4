"""The web edge as processes that are killed, stopped and lied to: small runs of `bench.edge`.

Covered: the same scenarios as the benchmark's, with hundreds of events, on both databases where it
matters. Not covered: how fast any of it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from bench.edge_bench import LEASE_S, Bench, events_in
from bench.edge_forgeries import forgeries
from bench.edge_kills import kills, outage, shared, stuck
from tests.postgres import PostgresServer, running_postgres

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, made in a thread: the browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bench(request: pytest.FixtureRequest) -> Bench:
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    return Bench(0.0, "edge", request.param, server)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be stopped: the other tests share theirs."""
    with running_postgres() as server:
        yield server


def _right(figures: dict[str, Any]) -> None:
    """Every message answered once, in order."""
    wrong = (figures["lost"], figures["answered_twice"], figures["conversations_disordered"])
    assert wrong == (0, 0, 0), figures


def test_killed_again_and_again_it_answers_every_message_once_and_in_order(bench: Bench) -> None:
    with bench.place() as ((server,), peer):
        figures = run(kills(server, peer, 200, 2, 10, 0.1))
    _right(figures)
    assert figures["events"] == 200
    assert figures["requests_acknowledged"] > 200


def test_no_forgery_is_accepted_and_good_requests_pass(bench: Bench) -> None:
    with bench.place() as ((server,), peer):
        stored = events_in(server.database_url)
        found = run(forgeries(server, peer, 280, 20, stored))
    assert found["accepted"] == {}
    assert found["events_stored"] == found["good_requests"]


@pytest.mark.postgres
def test_the_database_goes_away_in_mid_load_and_nothing_is_lost(
    own_postgres: PostgresServer,
) -> None:
    bench = Bench(0.0, "edge", "postgres", own_postgres)
    with bench.place() as ((server,), peer):
        figures = run(outage(server, peer, 200, 10, own_postgres.stop, own_postgres.start, 2.0))
    assert figures["stopped_in_mid_load"] is True
    assert set(figures["requests_refused"]) <= {429, 500}
    _right(figures)


@pytest.mark.postgres
def test_two_processes_share_the_work_of_one_queue(postgres: PostgresServer) -> None:
    bench = Bench(0.0, "edge", "postgres", postgres)
    # The second process looks once a second: the work must last for longer than that.
    with bench.place("--answer-ms", "250", servers=2) as (servers, peer):
        figures = run(shared(servers, peer, 120, 60))
    _right(figures)
    most, least = figures["worked_by"]
    assert least >= most / 4


@pytest.mark.postgres
def test_what_a_stuck_process_holds_is_taken_over_and_not_done_twice_when_it_wakes(
    postgres: PostgresServer,
) -> None:
    bench = Bench(0.0, "edge", "postgres", postgres)
    options = ("--answer-ms", "30", "--lease-s", str(LEASE_S))
    with bench.place(*options, servers=2) as (servers, peer):
        figures = run(stuck(servers, peer, 120, 60, LEASE_S))
    _right(figures)
    assert figures["answered_while_one_was_stuck"] == 120

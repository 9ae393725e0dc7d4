"""A thread that does one thing again and again."""

from __future__ import annotations

import threading

from bot.channels.periodic import Periodic


def test_it_goes_on_after_an_error_and_stops_when_told() -> None:
    rounds: list[int] = []
    enough = threading.Event()

    def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 3:
            enough.set()
        if len(rounds) == 1:
            raise OSError("the first one fails")

    with Periodic("trial", work, every_s=0.01):
        assert enough.wait(60)
    assert "trial" not in {thread.name for thread in threading.enumerate()}


def test_the_first_pause_may_differ() -> None:
    done = threading.Event()
    with Periodic("trial", done.set, every_s=3600.0, first_s=0.01):
        assert done.wait(60)


def test_nothing_is_done_when_it_is_stopped_before_the_first_pause() -> None:
    rounds: list[int] = []
    with Periodic("trial", lambda: rounds.append(1), every_s=3600.0):
        pass
    assert not rounds

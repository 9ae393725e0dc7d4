"""The line of writers on SQLite: the urgent go first, nobody waits for ever, nobody is left over."""

from __future__ import annotations

import threading
import time

from bot.store.transactions import PASSES, WriterLine


def _queue_up(line: WriterLine, names: list[str]) -> tuple[list[str], list[threading.Thread]]:
    """Writers that wait, in this order; the list grows as they get their turn."""
    order: list[str] = []

    def write(name: str) -> None:
        assert line.acquire(20.0, urgent=name.startswith("urgent"))
        order.append(name)
        line.release()

    threads = []
    for number, name in enumerate(names, start=1):
        threads.append(threading.Thread(target=write, args=(name,)))
        threads[-1].start()
        while line.waiting < number:
            time.sleep(0.001)
    return order, threads


def test_urgent_writers_pass_others_but_only_so_many_in_a_row() -> None:
    line = WriterLine()
    assert line.acquire(1.0)
    urgent = [f"urgent {number}" for number in range(PASSES + 2)]
    order, threads = _queue_up(line, ["first", "second", *urgent])
    line.release()
    for thread in threads:
        thread.join(20.0)
    expected = [*urgent[:PASSES], "first", *urgent[PASSES:], "second"]
    assert order == expected


def test_who_gives_up_leaves_the_line_and_who_has_it_may_take_it_again() -> None:
    line = WriterLine()
    assert line.acquire(1.0)
    assert line.acquire(1.0, urgent=True)
    given_up: list[bool] = []
    thread = threading.Thread(target=lambda: given_up.append(line.acquire(0.01, urgent=True)))
    thread.start()
    thread.join(20.0)
    assert (given_up, line.waiting) == ([False], 0)
    line.release()
    order, threads = _queue_up(line, ["other"])
    assert order == []
    line.release()
    threads[0].join(20.0)
    assert order == ["other"]

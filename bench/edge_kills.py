"""Scenarios of the edge benchmark in which something breaks: processes, the database, trust.

Each returns figures as a plain dictionary of numbers and texts, ready for JSON.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

from bench.edge_load import Event, Sender, judge, plan
from bench.edge_parts import SECRET, PeerProcess, Server
from bot.store.engine import open_engine

Figures = dict[str, Any]
Tell = Callable[[int], None]
"""Hears of so many more requests that are done."""

PATIENCE_S = 90.0
"""Longer than a lease and the back-off after the first failures."""


_HANDS = ThreadPoolExecutor(1)
"""Starts a database server, which ends with the thread that started it: not with one of the loop."""


def quiet(_count: int) -> None:
    """Nobody looks on."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def _outcome(
    planned: Sequence[Sequence[Event]], sender: Sender, peer: PeerProcess, started: float
) -> Figures:
    events = sum(map(len, planned))
    await peer.until(events, PATIENCE_S)
    verdict = judge(planned, peer.replies)
    acknowledged = [answer.seconds for answer in sender.sent.acknowledged]
    return {
        "events": events,
        "requests_acknowledged": len(acknowledged),
        "requests_repeated_unanswered": sender.sent.broken,
        "requests_refused": dict(sender.sent.refused),
        "replies_at_the_peer": len(peer.replies),
        "replies_repeated_with_the_same_id": peer.repeated,
        "lost": len(verdict.lost),
        "answered_twice": len(verdict.twice),
        "conversations_disordered": len(verdict.disordered),
        "examples": [*verdict.lost[:3], *verdict.twice[:3], *verdict.disordered[:3]],
        "ack_p50_ms": round(1000 * percentile(acknowledged, 0.5), 1),
        "ack_p99_ms": round(1000 * percentile(acknowledged, 0.99), 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


async def kills(
    server: Server,
    peer: PeerProcess,
    events: int,
    times: int,
    conversations: int,
    pace_s: float,
    tell: Tell = quiet,
) -> Figures:
    """SIGKILL at random instants, in the midst of events with duplicates and swaps."""
    planned = plan(events, conversations)
    sender = Sender(SECRET, [server.port], tell)
    started = time.perf_counter()
    server.start()
    await server.ready()
    load = asyncio.create_task(sender.all(planned, conversations, pace_s))
    chance = random.Random(7)
    killed_in_load = 0
    for _ in range(times):
        await asyncio.sleep(chance.uniform(0.2, 3.0))
        killed_in_load += not load.done()
        server.kill()
        server.start()
        await server.ready()
    await load
    figures = await _outcome(planned, sender, peer, started)
    server.kill()
    return {"kills": times, "kills_while_sending": killed_in_load, **figures}


async def outage(
    server: Server,
    peer: PeerProcess,
    events: int,
    conversations: int,
    stop: Callable[[], None],
    start: Callable[[], None],
    seconds: float = 10.0,
    tell: Tell = quiet,
) -> Figures:
    """The database goes away in mid-load and comes back."""
    planned = plan(events, conversations)
    sender = Sender(SECRET, [server.port], tell)
    started = time.perf_counter()
    server.start()
    await server.ready()
    load = asyncio.create_task(sender.all(planned, conversations, 0.02))
    while len(sender.sent.acknowledged) < events / 4 and not load.done():
        await asyncio.sleep(0.02)
    before = not load.done()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(_HANDS, stop)
    await asyncio.sleep(seconds)
    await loop.run_in_executor(_HANDS, start)
    back = time.time()
    await load
    figures = await _outcome(planned, sender, peer, started)
    server.kill()
    late = max((reply.at - back for reply in peer.replies), default=0.0)
    return {
        "stopped_for_s": seconds,
        "stopped_in_mid_load": before,
        "last_answer_after_return_s": round(late, 1),
        **figures,
    }


async def shared(
    servers: Sequence[Server],
    peer: PeerProcess,
    events: int,
    conversations: int,
    tell: Tell = quiet,
) -> Figures:
    """Two processes with pools of their own; all events go to the first one's door."""
    planned = plan(events, conversations, twice=0.0, swapped=0.0)
    sender = Sender(SECRET, [servers[0].port], tell)
    for server in servers:
        server.start()
    for server in servers:
        await server.ready()
    started = time.perf_counter()
    await sender.all(planned, conversations, 0.0)
    figures = await _outcome(planned, sender, peer, started)
    figures["worked_by"] = _worked(servers[0])
    for server in servers:
        server.kill()
    return figures


async def stuck(
    servers: Sequence[Server],
    peer: PeerProcess,
    events: int,
    conversations: int,
    lease_s: float,
    tell: Tell = quiet,
) -> Figures:
    """One of two processes is stopped (SIGSTOP) with work in its hands, and wakes up much later."""
    planned = plan(events, conversations, twice=0.0, swapped=0.0)
    working, frozen = servers
    sender = Sender(SECRET, [working.port], tell)
    for server in servers:
        server.start()
    for server in servers:
        await server.ready()
    started = time.perf_counter()
    load = asyncio.create_task(sender.all(planned, conversations, 0.0))
    while len(await peer.look()) < events / 10:
        await asyncio.sleep(0.02)
    frozen.send(signal.SIGSTOP)
    await load
    await peer.until(events, lease_s + PATIENCE_S)
    answered_meanwhile = sum(len(reply.marks) for reply in peer.replies)
    frozen.send(signal.SIGCONT)
    await asyncio.sleep(1.0)
    figures = await _outcome(planned, sender, peer, started)
    for server in servers:
        server.kill()
    return {"lease_s": lease_s, "answered_while_one_was_stuck": answered_meanwhile, **figures}


def _worked(server: Server) -> list[int]:
    """Events worked, by process, most first."""
    engine = open_engine(server.database_url)
    query = "SELECT lease_owner, count(*) FROM inbox WHERE status = 'done' GROUP BY 1"
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    engine.dispose()
    # Those answered together with another event were never claimed.
    return sorted((count for owner, count in rows if owner), reverse=True)

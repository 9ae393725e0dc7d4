"""Scenarios of the edge benchmark that measure: events a second, time to answer, acknowledgements.

The time to answer runs from the acknowledgement of a question to the arrival of its answer at the
other side; both are processes of one machine and read one clock.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.edge_client import Client
from bench.edge_kills import Tell, percentile, quiet
from bench.edge_load import Event, Sender, plan
from bench.edge_parts import SECRET, PeerProcess, Server


async def throughput(
    server: Server, peer: PeerProcess, events: int, at_once: int = 32, tell: Tell = quiet
) -> dict[str, Any]:
    """As many events as the edge acknowledges, then until all are answered."""
    planned = plan(events, at_once, twice=0.0, swapped=0.0)
    sender = Sender(SECRET, [server.port], tell)
    server.start()
    await server.ready()
    started = time.perf_counter()
    sent = await sender.all(planned, at_once, 0.0)
    acknowledged_s = time.perf_counter() - started
    await peer.until(events, 90.0)
    answered_s = time.perf_counter() - started
    server.kill()
    seconds = [answer.seconds for answer in sent.acknowledged]
    return {
        "events": events,
        "senders": at_once,
        "acknowledged_per_s": round(events / acknowledged_s, 1),
        "answered_per_s": round(events / answered_s, 1),
        "ack_p50_ms": round(1000 * percentile(seconds, 0.5), 1),
        "ack_p99_ms": round(1000 * percentile(seconds, 0.99), 1),
    }


async def waiting(
    server: Server, peer: PeerProcess, customers: int, questions: int, tell: Tell = quiet
) -> dict[str, Any]:
    """Each customer asks, waits for the answer, asks again."""
    sender = Sender(SECRET, [server.port], tell)
    server.start()
    await server.ready()
    await _ask(sender, peer, Event(0, 1))
    asked: dict[str, float] = {}

    async def customer(number: int) -> None:
        for question in range(questions):
            event = Event(number, question + 1)
            client = Client(server.port)
            asked[event.mark] = (await sender.until_acknowledged(client, event)).at
            client.close()
            while not any(event.mark in reply.marks for reply in peer.replies[-4 * customers :]):
                await asyncio.sleep(0.01)

    async def watch() -> None:
        while True:
            await peer.look()
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    sender.sent.acknowledged.clear()
    started = time.perf_counter()
    await asyncio.gather(*(customer(number + 1) for number in range(customers)))
    seconds = time.perf_counter() - started
    watching.cancel()
    arrived = {mark: reply.at for reply in peer.replies for mark in reply.marks}
    took = [arrived[mark] - at for mark, at in asked.items()]
    acknowledged = [answer.seconds for answer in sender.sent.acknowledged]
    server.kill()
    return {
        "customers": customers,
        "questions": len(took),
        "answered_per_s": round(len(took) / seconds, 1),
        "answer_p50_ms": round(1000 * percentile(took, 0.5), 1),
        "answer_p99_ms": round(1000 * percentile(took, 0.99), 1),
        "ack_p50_ms": round(1000 * percentile(acknowledged, 0.5), 1),
        "ack_p99_ms": round(1000 * percentile(acknowledged, 0.99), 1),
    }


async def _ask(sender: Sender, peer: PeerProcess, event: Event) -> None:
    """One question, to warm up."""
    client = Client(sender.ports[0])
    await sender.until_acknowledged(client, event)
    client.close()
    await peer.until(1, 60.0)

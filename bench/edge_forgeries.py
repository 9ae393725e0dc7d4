"""Scenario of the edge benchmark: requests that must not be accepted, beside good ones.

Each kind of forgery is what an attacker or a broken proxy would send. Good requests are timed
alone first, then while forgeries arrive at a steady pace.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.edge_client import Client
from bench.edge_kills import Tell, percentile, quiet
from bench.edge_load import PATH, Event, Sender, signed
from bench.edge_parts import SECRET, PeerProcess, Server

Headers = Mapping[str, str]
OTHER_SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"


@dataclass(frozen=True)
class Forgery:
    """What is sent, and which answers show that it was refused."""

    headers: Headers
    body: bytes
    refused: tuple[int, ...]
    sent: int | None = None


def _forged(name: str, number: int) -> Forgery:
    event = Event(99_000 + number % 50, number)
    body, key = event.body(), f"msg_forged_{number}"
    good = signed(SECRET, key, body)
    now = datetime.now(UTC)
    if name == "unsigned":
        return Forgery({"content-type": "application/json"}, body, (401,))
    if name == "another_secret":
        return Forgery(signed(OTHER_SECRET, key, body), body, (401,))
    if name == "signature_of_another_body":
        other = signed(SECRET, key, Event(98_000, number).body())
        return Forgery(other, body, (401,))
    if name == "signature_of_another_id":
        return Forgery(dict(good) | {"webhook-id": f"{key}x"}, body, (401,))
    if name == "too_old":
        return Forgery(signed(SECRET, key, body, now - timedelta(minutes=6)), body, (401,))
    if name == "from_the_future":
        return Forgery(signed(SECRET, key, body, now + timedelta(minutes=6)), body, (401,))
    if name == "timestamp_changed":
        return Forgery(
            dict(good) | {"webhook-timestamp": str(int(now.timestamp()) + 1)}, body, (401,)
        )
    if name == "re_serialised":
        again = json.dumps(json.loads(body), ensure_ascii=False, indent=1).encode()
        return Forgery(good, again, (401,))
    if name == "truncated_and_resigned_length":
        return Forgery(good, body[: len(body) // 2], (401,))
    if name == "cut_off_in_the_middle":
        # Nobody waits for the answer to half a request; any refusal, or none, will do.
        return Forgery(good, body, (400, 401, 0), sent=len(body) // 2)
    if name == "oversized":
        big = body[:-2] + b',"pad":"' + b"x" * 300_000 + b'"}}'
        return Forgery(signed(SECRET, key, big), big, (413, 0))
    if name == "signed_nonsense":
        nonsense = b'{"type": "message.created", "data": [1, 2'
        return Forgery(signed(SECRET, key, nonsense), nonsense, (400,))
    if name == "signed_wrong_shape":
        shape = b'{"type": "message.created", "data": {"conversation_id": "../x", "text": 5}}'
        return Forgery(signed(SECRET, key, shape), shape, (400,))
    return Forgery(dict(good) | {"webhook-signature": "v1,\u00e9\u00e9 v1a,AAAA v1,"}, body, (401,))


KINDS = (
    "unsigned",
    "another_secret",
    "signature_of_another_body",
    "signature_of_another_id",
    "too_old",
    "from_the_future",
    "timestamp_changed",
    "re_serialised",
    "truncated_and_resigned_length",
    "cut_off_in_the_middle",
    "oversized",
    "signed_nonsense",
    "signed_wrong_shape",
    "odd_characters",
)


async def forgeries(
    server: Server,
    peer: PeerProcess,
    count: int,
    good: int,
    stored: Callable[[], int],
    tell: Tell = quiet,
) -> dict[str, Any]:
    """Send `count` forgeries while `good` requests are timed; none of the former may be stored."""
    server.start()
    await server.ready()
    sender, client = Sender(SECRET, [server.port]), Client(server.port)
    numbers = iter(range(1, 10 * good + 1000))

    async def timed(how_many: int) -> list[float]:
        seconds = []
        for _ in range(how_many):
            answer = await sender.until_acknowledged(client, Event(1, next(numbers)))
            seconds.append(answer.seconds)
            await asyncio.sleep(0.01)
        return seconds

    await timed(20)
    alone = await timed(good)
    accepted: Counter[str] = Counter()
    answered: Counter[int] = Counter()
    attack = asyncio.create_task(_attack(server.port, count, accepted, answered, tell))
    beside: list[float] = []
    while not attack.done():
        beside += await timed(5)
    await attack
    expected = next(numbers) - 1
    await peer.until(expected, 90.0)
    client.close()
    kept = stored()
    server.kill()
    return {
        "forgeries": count,
        "accepted": dict(accepted),
        "answers": {str(status): n for status, n in sorted(answered.items())},
        "good_requests": expected,
        "events_stored": kept,
        "good_alone_p50_ms": round(1000 * percentile(alone, 0.5), 2),
        "good_beside_p50_ms": round(1000 * percentile(beside, 0.5), 2),
        "good_alone_p95_ms": round(1000 * percentile(alone, 0.95), 2),
        "good_beside_p95_ms": round(1000 * percentile(beside, 0.95), 2),
        "slowed_p50": round(percentile(beside, 0.5) / max(1e-9, percentile(alone, 0.5)), 2),
    }


async def _attack(
    port: int, count: int, accepted: Counter[str], answered: Counter[int], tell: Tell
) -> None:
    chance = random.Random(3)
    client = Client(port)
    for number in range(count):
        name = KINDS[number % len(KINDS)] if number < 200 else chance.choice(KINDS)
        forged = _forged(name, number)
        try:
            answer = await client.post(PATH, forged.headers, forged.body, sent=forged.sent)
            status = answer.status
        except OSError:
            status = 0
        answered[status] += 1
        tell(1)
        if status not in forged.refused:
            accepted[f"{name}: {status}"] += 1
        await asyncio.sleep(0.001)
    client.close()

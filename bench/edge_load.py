"""What the chat system of a benchmark sends, and what must have come back.

Events carry a mark in their text; the scripted answer repeats it. A conversation's events are sent
one after the other, each until it is acknowledged, some swapped with the next, some twice. Right is:
every mark in exactly one answer, and the answers of a conversation in the order of sending, where
one answer to several messages holds them in the order of their numbers.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from standardwebhooks import Webhook

from bench.edge_client import Answered, Client

PATH = "/webhooks/generic"
REPEAT_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a customer; `copies` of it are sent."""

    conversation: int
    number: int
    copies: int = 1

    @property
    def mark(self) -> str:
        """What to look for in the answers."""
        return f"c{self.conversation:05d}m{self.number:05d}"

    def body(self) -> bytes:
        """As the chat system writes it."""
        data = {
            "conversation_id": f"c{self.conversation}",
            "message_id": str(self.number),
            "customer_id": f"u{self.conversation}",
            "text": f"{self.mark} 这双鞋能退吗？",
            "lang": "zh",
        }
        return json.dumps({"type": "message.created", "data": data}).encode()


def signed(secret: str, number: str, body: bytes, moment: datetime | None = None) -> dict[str, str]:
    """Headers of a request, its timestamp now unless told otherwise."""
    moment = moment or datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": number,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(number, moment, body.decode()),
    }


def plan(
    events: int, conversations: int, *, twice: float = 0.2, swapped: float = 0.1, seed: int = 1
) -> list[list[Event]]:
    """Events by conversation, in the order of sending."""
    chance = random.Random(seed)
    planned = []
    for conversation in range(conversations):
        count = events // conversations + (conversation < events % conversations)
        row = [
            Event(conversation, number, 2 if chance.random() < twice else 1)
            for number in range(1, count + 1)
        ]
        at = 0
        while at + 1 < len(row):
            if chance.random() < swapped:
                row[at], row[at + 1] = row[at + 1], row[at]
                at += 1
            at += 1
        planned.append(row)
    return planned


@dataclass
class Sent:
    """How sending went."""

    acknowledged: list[Answered] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    broken: int = 0


@dataclass
class Sender:
    """The chat system: sends each event until it is acknowledged. `tell` hears of each."""

    secret: str
    ports: Sequence[int]
    tell: Callable[[int], None] = lambda _count: None
    sent: Sent = field(default_factory=Sent)

    async def conversation(self, events: Iterable[Event], pace_s: float = 0.0) -> None:
        """Send one conversation's events."""
        events = list(events)
        client = Client(self.ports[events[0].conversation % len(self.ports)]) if events else None
        for event in events:
            if client is None:
                break
            await self.until_acknowledged(client, event)
            if event.copies > 1:
                # A repetition that crosses: the sender did not hear of the first in time.
                await self.until_acknowledged(client, event)
            if pace_s:
                await asyncio.sleep(pace_s)
        if client is not None:
            client.close()

    async def until_acknowledged(self, client: Client, event: Event) -> Answered:
        """Send one event, again after every failure, freshly signed as senders do."""
        body = event.body()
        while True:
            headers = signed(self.secret, f"msg_{event.mark}", body)
            try:
                answer = await client.post(PATH, headers, body)
            except OSError:
                self.sent.broken += 1
            else:
                if answer.status == 200:
                    self.sent.acknowledged.append(answer)
                    self.tell(1)
                    return answer
                self.sent.refused[answer.status] += 1
            await asyncio.sleep(REPEAT_WAIT_S)

    async def all(self, planned: Sequence[Sequence[Event]], at_once: int, pace_s: float) -> Sent:
        """Send everything, `at_once` conversations at a time."""
        room = asyncio.Semaphore(at_once)

        async def one(events: Sequence[Event]) -> None:
            async with room:
                await self.conversation(events, pace_s)

        await asyncio.gather(*(one(events) for events in planned))
        return self.sent


@dataclass(frozen=True, slots=True)
class Reply:
    """What arrived at the other side."""

    at: float
    conversation: str
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What is wrong; all empty when every event was answered once and in order."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]
    disordered: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Nothing is wrong."""
        return not (self.lost or self.twice or self.disordered)


def judge(planned: Sequence[Sequence[Event]], replies: Sequence[Reply]) -> Verdict:
    """Compare what was sent with what was answered."""
    counted = Counter(mark for reply in replies for mark in reply.marks)
    expected = [event.mark for row in planned for event in row]
    by_conversation: dict[str, list[Reply]] = defaultdict(list)
    for reply in replies:
        by_conversation[reply.conversation].append(reply)
    return Verdict(
        lost=tuple(mark for mark in expected if not counted[mark]),
        twice=tuple(mark for mark, count in counted.items() if count > 1),
        disordered=tuple(
            f"c{row[0].conversation}"
            for row in planned
            if row and not _in_order(row, by_conversation[f"c{row[0].conversation}"])
        ),
    )


def _in_order(row: Sequence[Event], replies: Sequence[Reply]) -> bool:
    place = {event.mark: at for at, event in enumerate(row)}
    before = -1
    for reply in replies:
        places = [place.get(mark, -1) for mark in reply.marks]
        if list(reply.marks) != sorted(reply.marks) or min(places) <= before:
            return False
        before = max(places)
    return True

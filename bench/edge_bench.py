"""The scenarios of the edge benchmark at one size, on one database: places to run them, their sizes.

Covered: fresh databases, servers and the other side for each scenario. Not covered: the scenarios
themselves (`edge_kills`, `edge_forgeries`, `edge_speed`), which of them are run (`edge`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.edge_forgeries import forgeries
from bench.edge_kills import Tell, kills, outage, quiet, shared, stuck
from bench.edge_parts import PeerProcess, Server, running_peer
from bench.edge_speed import throughput, waiting
from bot.store.engine import migrate, open_engine
from tests.postgres import PostgresServer

SCENARIOS = (
    *("kills", "forgeries", "outage", "shared", "stuck"),
    *("throughput", "waiting-1", "waiting-8", "waiting-32", "busy"),
)
LEASE_S = 5.0
FULL_EVENTS = 10_000


@dataclass
class Bench:
    """What all scenarios share. `scale` is of those whose size is not given: 1 is full."""

    scale: float
    kind: str
    database: str
    postgres: PostgresServer | None = None
    times: int = 0
    forged: int = 0
    tell: Tell = quiet

    def events(self, full: int, least: int = 50) -> int:
        """So many at this scale."""
        return max(least, round(self.scale * full))

    @property
    def kills(self) -> int:
        """How often the server is killed."""
        return self.times or max(2, round(20 * self.scale))

    @property
    def forgeries(self) -> int:
        """How many bad requests are sent."""
        return self.forged or self.events(FULL_EVENTS)

    def requests(self, name: str) -> int:
        """About how many requests a scenario sends: what its bar counts."""
        asked = self.events(20, 3)
        sizes = {
            "kills": round(1.2 * self.events(FULL_EVENTS)),
            "forgeries": self.forgeries,
            "outage": round(1.2 * self.events(2000)),
            "shared": self.events(4000, 100),
            "stuck": self.events(2000, 100),
            "throughput": self.events(5000),
            "busy": 8 * asked,
        }
        return sizes[name] if name in sizes else int(name.partition("-")[2]) * asked

    def fits(self, name: str) -> bool:
        """Whether a scenario makes sense on this database. A file does not go away; and a process
        that is stopped in the midst of a transaction keeps SQLite's one lock, whoever waits."""
        return self.postgres is not None or name not in ("outage", "stuck")

    @contextmanager
    def place(self, *options: str, servers: int = 1) -> Iterator[tuple[list[Server], PeerProcess]]:
        """Servers on a fresh database, and the other side."""
        with tempfile.TemporaryDirectory() as folder, running_peer() as peer:
            url = f"sqlite:///{folder}/shop.db"
            if self.postgres is not None:
                url = self.postgres.url(self.postgres.create())
            engine = open_engine(url)
            migrate(engine)
            engine.dispose()
            made = []
            for number in range(servers):
                home = Path(folder) / str(number)
                home.mkdir()
                given = ("--kind", self.kind, *options)
                made.append(Server(url, home, peer.port, given))
            try:
                yield made, peer
            finally:
                for server in made:
                    server.kill()

    async def run(self, name: str) -> dict[str, Any]:
        """One scenario."""
        if name.startswith("waiting-"):
            customers = int(name.partition("-")[2])
            with self.place() as ((server,), peer):
                return await waiting(server, peer, customers, self.events(20, 3), self.tell)
        return await {
            "kills": self._kills,
            "forgeries": self._forgeries,
            "outage": self._outage,
            "shared": self._shared,
            "stuck": self._stuck,
            "throughput": self._throughput,
            "busy": self._busy,
        }[name]()

    async def _kills(self) -> dict[str, Any]:
        events, times = self.events(FULL_EVENTS), self.kills
        conversations = max(10, events // 50)
        # The load lasts about as long as the kills do.
        pace_s = 4.0 * times * conversations / (1.2 * events)
        with self.place() as ((server,), peer):
            return await kills(server, peer, events, times, conversations, pace_s, self.tell)

    async def _forgeries(self) -> dict[str, Any]:
        with self.place() as ((server,), peer):
            stored = events_in(server.database_url)
            good = self.events(1000, 30)
            return await forgeries(server, peer, self.forgeries, good, stored, self.tell)

    async def _outage(self) -> dict[str, Any]:
        if self.postgres is None:
            raise ValueError("only a database that is a server can go away")
        with self.place() as ((server,), peer):
            stop, start = self.postgres.stop, self.postgres.start
            events = self.events(2000)
            seconds = max(2.0, 10 * self.scale)
            return await outage(server, peer, events, 25, stop, start, seconds, self.tell)

    async def _shared(self) -> dict[str, Any]:
        with self.place("--answer-ms", "100", servers=2) as (servers, peer):
            events = self.events(4000, 100)
            return await shared(servers, peer, events, max(40, events // 4), self.tell)

    async def _stuck(self) -> dict[str, Any]:
        options = ("--answer-ms", "20", "--lease-s", str(LEASE_S))
        with self.place(*options, servers=2) as (servers, peer):
            events = self.events(2000, 100)
            return await stuck(servers, peer, events, max(40, events // 4), LEASE_S, self.tell)

    async def _throughput(self) -> dict[str, Any]:
        with self.place() as ((server,), peer):
            return await throughput(server, peer, self.events(5000), tell=self.tell)

    async def _busy(self) -> dict[str, Any]:
        """Acknowledgements while all answer threads are at work on all cores."""
        with self.place("--answer-ms", "1000", "--busy") as ((server,), peer):
            return await waiting(server, peer, 8, self.events(20, 3), self.tell)


def events_in(url: str) -> Callable[[], int]:
    """Counts what the inbox of that database holds."""

    def count() -> int:
        engine = open_engine(url)
        with engine.connect() as connection:
            found = int(connection.execute(text("SELECT count(*) FROM inbox")).scalar_one())
        engine.dispose()
        return found

    return count

"""`python -m bench.edge`: the web edge against duplicates, kills, forgeries and a crowd.

Everything on loopback, bounded, with processes of its own: the server (`edge_server`, answers
scripted unless `--kind real`), the other side (`edge_peer`), and a database that is made for the
run. Ends with one JSON object, kept in results/edge.json, and rewrites the table in README.md. Runs
as small as wanted: `--scale 0.02` is what the tests do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.edge_forgeries import forgeries
from bench.edge_kills import kills, outage, shared, stuck
from bench.edge_parts import PeerProcess, Server, running_peer
from bench.edge_speed import throughput, waiting
from bot.store.engine import migrate, open_engine
from tests.postgres import PostgresServer, running_postgres

HERE = Path(__file__).parent
RESULT = HERE / "results" / "edge.json"
SCENARIOS = (
    *("kills", "forgeries", "outage", "shared", "stuck"),
    *("throughput", "waiting-1", "waiting-8", "waiting-32", "busy"),
)
LEASE_S = 5.0


@dataclass
class Bench:
    """What all scenarios share."""

    scale: float
    kind: str
    database: str
    postgres: PostgresServer | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    def events(self, full: int, least: int = 50) -> int:
        """So many at this scale."""
        return max(least, round(self.scale * full))

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
                return await waiting(server, peer, customers, self.events(20, 3))
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
        events, times = self.events(10_000), max(2, round(20 * self.scale))
        conversations = max(10, events // 50)
        # The load lasts about as long as the kills do.
        pace_s = 4.0 * times * conversations / (1.2 * events)
        with self.place() as ((server,), peer):
            return await kills(server, peer, events, times, conversations, pace_s)

    async def _forgeries(self) -> dict[str, Any]:
        with self.place() as ((server,), peer):
            stored = events_in(server.database_url)
            count, good = self.events(10_000), self.events(1000, 30)
            return await forgeries(server, peer, count, good, stored)

    async def _outage(self) -> dict[str, Any]:
        if self.postgres is None:
            return {"needs": "--database postgres"}
        with self.place() as ((server,), peer):
            stop, start = self.postgres.stop, self.postgres.start
            events = self.events(2000)
            return await outage(server, peer, events, 25, stop, start, max(2.0, 10 * self.scale))

    async def _shared(self) -> dict[str, Any]:
        with self.place("--answer-ms", "20", servers=2) as (servers, peer):
            events = self.events(4000, 100)
            return await shared(servers, peer, events, max(40, events // 4))

    async def _stuck(self) -> dict[str, Any]:
        options = ("--answer-ms", "20", "--lease-s", str(LEASE_S))
        with self.place(*options, servers=2) as (servers, peer):
            events = self.events(2000, 100)
            return await stuck(servers, peer, events, max(40, events // 4), LEASE_S)

    async def _throughput(self) -> dict[str, Any]:
        with self.place() as ((server,), peer):
            return await throughput(server, peer, self.events(5000))

    async def _busy(self) -> dict[str, Any]:
        """Acknowledgements while all answer threads are at work on all cores."""
        with self.place("--answer-ms", "1000", "--busy") as ((server,), peer):
            return await waiting(server, peer, 8, self.events(20, 3))


def events_in(url: str) -> Callable[[], int]:
    """Counts what the inbox of that database holds."""

    def count() -> int:
        engine = open_engine(url)
        with engine.connect() as connection:
            found = int(connection.execute(text("SELECT count(*) FROM inbox")).scalar_one())
        engine.dispose()
        return found

    return count


def table(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as rows of Markdown."""
    lines = ["| scenario | figures |", "| --- | --- |"]
    for name, found in figures.items():
        told = ", ".join(f"{key} {value}" for key, value in found.items() if key != "examples")
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1: 10,000 events, 20 kills")
    parser.add_argument("--only", nargs="*", default=SCENARIOS, choices=SCENARIOS)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--kind", choices=["edge", "whole", "real"], default="edge")
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args()
    bench = Bench(arguments.scale, arguments.kind, arguments.database)
    if arguments.database == "postgres":
        with running_postgres(fsync=True) as bench.postgres:
            _run_all(bench, arguments.only)
    else:
        _run_all(bench, arguments.only)
    result = {
        "benchmark": "edge",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[1], 1),
        "scale": bench.scale,
        "kind": bench.kind,
        "database": bench.database,
        "scenarios": bench.figures,
    }
    if not arguments.no_write:
        _write(result)
    print(json.dumps(result))


def _run_all(bench: Bench, names: list[str]) -> None:
    for name in names:
        print(f"{name}…", file=sys.stderr, flush=True)
        bench.figures[name] = asyncio.run(bench.run(name))
        print(f"  {bench.figures[name]}", file=sys.stderr, flush=True)


def _write(result: dict[str, Any]) -> None:
    """Keep the result, merged with those of other databases, and the tables in the README."""
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    kept[result["database"]] = result
    RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    tables = [
        f"{name}, scale {run['scale']:g}, {run['machine']}, load {run['load_average']}:\n\n"
        + table(run["scenarios"])
        for name, run in kept.items()
    ]
    marked = "<!-- edge -->\n" + "\n\n".join(tables) + "\n<!-- /edge -->"
    old = readme.read_text(encoding="utf-8")
    new = re.sub(r"<!-- edge -->.*<!-- /edge -->", lambda _: marked, old, flags=re.S)
    readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()

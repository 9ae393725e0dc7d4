"""`python -m bench.edge`: the web edge against duplicates, kills, forgeries and a crowd.

Everything on loopback, bounded, with processes of its own: the server (`edge_server`, answers
scripted unless `--kind real`), the other side (`edge_peer`), and a database that is made for the
run. All that the edge has to prove, on both databases, with ten minutes of fuzzing:

    python -m bench.edge --events 10000 --kills 20 --forged 10000 --postgres --fuzz 600

Shows bars with the time left, writes one results file (after every scenario, so that a run that is
stopped keeps what it has), the tables in README.md, and one JSON object as its last line. Exits with
1 when a proof does not hold. As small as wanted: `--events 200 --kills 1 --forged 200`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.edge_bench import FULL_EVENTS, SCENARIOS, Bench
from bench.edge_report import as_json, proofs, tables, write
from tests.postgres import running_postgres

HERE = Path(__file__).parent
RESULT = HERE / "results" / "edge.json"


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=FULL_EVENTS, help="of kills; others follow")
    parser.add_argument("--kills", type=int, default=0, help="20 for 10,000 events")
    parser.add_argument("--forged", type=int, default=0, help="as many as events")
    parser.add_argument("--only", nargs="*", default=SCENARIOS, choices=SCENARIOS)
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server too")
    parser.add_argument("--no-sqlite", action="store_true", help="without SQLite")
    parser.add_argument("--kind", choices=["edge", "whole", "real"], default="edge")
    parser.add_argument("--fuzz", type=int, default=0, metavar="SECONDS", help="of the API")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args()
    if arguments.no_sqlite and not arguments.postgres:
        parser.error("--no-sqlite leaves no database: add --postgres")
    result = Run(arguments).all()
    Console(stderr=True).print(tables(result), markup=False, soft_wrap=True)
    print(json.dumps(result, ensure_ascii=False))
    sys.exit(not all(one["holds"] for one in result["proofs"]))


class Run:
    """One invocation: every scenario on every database, with bars and one results file."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._asked = arguments
        self._found: dict[str, dict[str, Any]] = {}
        self._fuzzed: list[dict[str, Any]] = []
        self._started = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
            # Of the whole, not of the last seconds: scenarios differ in speed.
            speed_estimate_period=3600,
        )

    def all(self) -> dict[str, Any]:
        """Run everything that was asked for."""
        asked = self._asked
        scale = asked.events / FULL_EVENTS
        benches = []
        if not asked.no_sqlite:
            benches.append(Bench(scale, asked.kind, "sqlite", None, asked.kills, asked.forged))
        with self._bars:
            if not asked.postgres:
                self._run(benches)
            else:
                with running_postgres(fsync=True) as server:
                    benches.append(
                        Bench(scale, asked.kind, "postgres", server, asked.kills, asked.forged)
                    )
                    self._run(benches)
            if asked.fuzz:
                self._fuzz(asked.fuzz)
        return self._result()

    def _run(self, benches: list[Bench]) -> None:
        todo = [(b, name) for b in benches for name in self._asked.only if b.fits(name)]
        whole = self._bars.add_task("all", total=sum(b.requests(name) for b, name in todo))
        before = 0
        for bench, name in todo:
            requests = bench.requests(name)
            bar = self._bars.add_task(f"{name}, {bench.database}", total=requests)

            def tell(count: int, bar: Any = bar) -> None:
                self._bars.advance(bar, count)
                self._bars.advance(whole, count)

            bench.tell = tell
            figures = asyncio.run(bench.run(name))
            before += requests
            self._bars.update(bar, completed=requests)
            self._bars.update(whole, completed=before)
            self._found.setdefault(bench.database, {})[name] = figures
            self._keep()

    def _fuzz(self, seconds: int) -> None:
        from bench.fuzz import fuzz

        self._bars.add_task(f"fuzzing, {seconds} s", total=None)
        found = fuzz(seconds)
        told = "nothing" if not found else " ".join(found)[:500]
        claim = f"fuzzed for {seconds} s without a 5xx or a crash"
        self._fuzzed.append(
            {"database": "sqlite", "claim": claim, "holds": not found, "found": told}
        )
        self._keep()

    def _result(self) -> dict[str, Any]:
        return {
            "benchmark": "edge",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "load_average": round(os.getloadavg()[1], 1),
            "events": self._asked.events,
            "kind": self._asked.kind,
            "seconds": round(time.monotonic() - self._started, 1),
            "proofs": as_json(proofs(self._found)) + self._fuzzed,
            "databases": self._found,
        }

    def _keep(self) -> None:
        if not self._asked.no_write:
            out = self._asked.out
            readme = HERE / "README.md" if out.resolve() == RESULT else None
            write(self._result(), out, readme)


if __name__ == "__main__":
    main()

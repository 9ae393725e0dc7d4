"""`make eval-gate`: the shipped system must not fall below the committed scores.

Covered: `gate.json` beside this file names evaluation commands and bounds on their metrics; each
command is run as a user would run it, and every bound that is missed is told. Not covered:
deciding the bounds; they are raised by hand when a better adapter is promoted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GATE = Path(__file__).with_name("gate.json")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Missed:
    """A bound that was not kept."""

    command: str
    metric: str
    found: float | None
    bound: str

    def __str__(self) -> str:
        return f"{self.command}: {self.metric} is {self.found}, wanted {self.bound}"


def missed_bounds(
    command: str, metrics: Mapping[str, float | None], bounds: Mapping[str, Mapping[str, float]]
) -> list[Missed]:
    """The bounds (`at_least`, `at_most`) that the metrics miss; a metric that is absent misses."""
    missed = []
    for name, bound in bounds.items():
        value = metrics.get(name)
        for kind, limit in bound.items():
            kept = value is not None and (value >= limit if kind == "at_least" else value <= limit)
            if not kept:
                missed.append(Missed(command, name, value, f"{kind.replace('_', ' ')} {limit}"))
    return missed


def run(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object on the last line that an evaluation command prints.

    Raises:
        RuntimeError: it failed or printed something else.
    """
    done = subprocess.run(  # noqa: S603 (commands of gate.json, which is part of the program)
        [str(Path(sys.executable).with_name("shopkeeper")), *command, "--json"],
        cwd=ROOT,
        env={**_plain_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"shopkeeper {' '.join(command)} failed: {done.stderr[-800:]}")
    return dict(json.loads(lines[-1]))


def _plain_environment() -> dict[str, str]:
    """Without the shop's settings: the gate judges what ships, wherever it is run."""
    models = "SHOPKEEPER_MODELS_DIR"
    return {
        name: value
        for name, value in os.environ.items()
        if name == models or not name.startswith("SHOPKEEPER_")
    }


def main() -> int:
    """Run every command of the gate; 1 when a bound is missed."""
    checks = json.loads(GATE.read_text(encoding="utf-8"))
    missed: list[Missed] = []
    with tempfile.TemporaryDirectory() as home:
        environment = {"SHOPKEEPER_HOME": home}
        subprocess.run(  # noqa: S603 (fixed command)
            [
                str(Path(sys.executable).with_name("shopkeeper")),
                "knowledge",
                "import",
                "faq_data/shop",
            ],
            cwd=ROOT,
            env={**_plain_environment(), **environment},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for check in checks:
            text = " ".join(check["command"])
            print(f"shopkeeper {text} …", flush=True)
            metrics = run(check["command"], environment)["metrics"]
            found = missed_bounds(text, metrics, check["bounds"])
            missed += found
            for m in found:
                print(f"  MISSED {m.metric}: {m.found}, wanted {m.bound}")
            kept = set(check["bounds"]) - {m.metric for m in found}
            print("  kept:", ", ".join(f"{name} {metrics[name]}" for name in sorted(kept)))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m bench.turn`: Shopkeeper beside the tutorial loop, in turns, in one run.

Each side runs in a process of its own, one after the other, several times; the table shows medians
and the ratio. The second start of Shopkeeper (index saved) is what `ready_s` measures, as for any
restart; the loop has no saved index to use. Ends with one JSON object and rewrites the table in
bench/README.md between its marks.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bot.config import load_settings

HERE = Path(__file__).parent
RESULT = HERE / "results" / "turn.json"


def run(module: str, place: str, rounds: int) -> dict[str, float]:
    """One run of one side; its last line is JSON."""
    command = [sys.executable, "-m", module, place, str(rounds)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent)
    result: dict[str, float] = json.loads(out.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side")
    parser.add_argument("--rounds", type=int, default=16, help="questions a run")
    arguments = parser.parse_args()
    models = str(load_settings().models_dir)
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home:
        run("bench.shopkeeper_loop", home, 2)
        for number in range(arguments.repeats):
            print(f"run {number + 1} of {arguments.repeats}", file=sys.stderr)
            ours.append(run("bench.shopkeeper_loop", home, arguments.rounds))
            theirs.append(run("bench.tutorial_loop", models, arguments.rounds))
    table = {}
    for name in ours[0]:
        us = statistics.median(result[name] for result in ours)
        them = statistics.median(result[name] for result in theirs)
        better = us / them if name == "characters_per_s" else them / us
        table[name] = {"shopkeeper": us, "tutorial": them, "times_better": better}
    result = {
        "benchmark": "turn",
        "machine": f"{platform.machine()}, {__import__('os').cpu_count()} cores",
        "repeats": arguments.repeats,
        "rounds": arguments.rounds,
        "results": {name: {k: round(v, 3) for k, v in row.items()} for name, row in table.items()},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    write_table(
        "turn",
        ["measure", "Shopkeeper", "tutorial loop", "times better"],
        [
            [
                name,
                f"{row['shopkeeper']:.3g}",
                f"{row['tutorial']:.3g}",
                f"{row['times_better']:.1f}×",
            ]
            for name, row in table.items()
        ],
    )
    print(json.dumps(result))


def write_table(name: str, head: list[str], rows: list[list[str]]) -> None:
    """Replace the table called `name` in bench/README.md."""
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    readme = HERE / "README.md"
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = readme.read_text(encoding="utf-8")
    block = f"{begin}\n{table}\n{end}"
    text = re.sub(re.escape(begin) + r".*?" + re.escape(end), lambda _: block, text, flags=re.S)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

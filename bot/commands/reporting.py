"""What an evaluation command prints and writes: the JSON object, tables, pages, comparisons.

Covered: `shopkeeper eval compare` and what the other commands end with. Not covered: measuring.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bot.errors import InputError

if TYPE_CHECKING:
    from training.tasks.compare import Difference


def compare(
    a: Annotated[Path, typer.Argument(help="A file that --details wrote.")],
    b: Annotated[Path, typer.Argument(help="Another one over the same rows.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but the JSON.")] = False,
) -> None:
    """Which of two runs is better, measure by measure, with a 95 % interval."""
    from training.tasks.compare import compare_files

    found = compare_files(a, b)
    if not as_json:
        show_differences(found, a.name, b.name)
    rows = [difference.as_row() for difference in found]
    print(json.dumps({"task": "compare", "differences": rows}), flush=True)


def show_differences(found: Sequence[Difference], a: str, b: str) -> None:
    """A table of two runs, measure by measure; `a` and `b` say what they are."""
    table = Table("measure", "rows", "A", "B", "B − A", "95 %", "verdict")
    for d in found:
        sign = "+.3f" if max(abs(d.a), abs(d.b)) < 100 else "+.0f"
        cells = (f"{d.a:{sign[1:]}}", f"{d.b:{sign[1:]}}", f"{d.change:{sign}}")
        table.add_row(d.measure, str(d.n), *cells, f"{d.low:{sign}} … {d.high:{sign}}", d.verdict)
    console = Console(stderr=True)
    console.width = max(console.width, 120)  # a terminal wraps it; cut figures would be no use
    console.print(f"A: {a}\nB: {b}", highlight=False, markup=False)
    console.print(table)


def finish(
    task: str,
    n: int,
    metrics: dict[str, float],
    by_lang: dict[str, dict[str, float]],
    config: dict[str, Any],
    started: float,
    *,
    as_json: bool,
    by_source: Mapping[str, dict[str, float]] | None = None,
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Print the result, its JSON object last, and return it.

    Args:
        also: further members of the object.
    """
    result: dict[str, Any] = {
        "task": task,
        "n": n,
        "metrics": rounded(metrics),
        "by_lang": {lang: rounded(values) for lang, values in by_lang.items()},
        **(
            {"by_source": {name: rounded(values) for name, values in by_source.items()}}
            if by_source
            else {}
        ),
        **(also or {}),
        "config": config,
        "seconds": round(time.monotonic() - started, 1),
    }
    if not as_json:
        _show(result)
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return result


def write_report(
    path: Path,
    result: dict[str, Any],
    groups: Mapping[str, Mapping[str, Mapping[str, float]]],
    cases: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
) -> None:
    """The result as an HTML page with bars and the worst cases."""
    from training.tasks.html_report import render

    try:
        path.write_text(render(result["task"], result, groups, cases, columns), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the report cannot be written to {path}: {error.strerror}", fix="choose another file"
        ) from error


def write_details(path: Path, rows: Sequence[Any]) -> None:
    """One JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def rounded(metrics: dict[str, float]) -> dict[str, float | None]:
    """Four decimals; a metric that the rows do not tell is null, since JSON has no NaN."""
    return {
        name: None if math.isnan(value) else round(float(value), 4)
        for name, value in metrics.items()
    }


def _show(result: dict[str, Any]) -> None:
    languages = list(result["by_lang"])
    table = Table("metric", "all", *languages, title=f"{result['task']}, n = {result['n']}")
    for name, value in result["metrics"].items():
        cells = [result["by_lang"][lang].get(name) for lang in languages]
        table.add_row(name, *("–" if cell is None else f"{cell:g}" for cell in (value, *cells)))
    Console(stderr=True).print(table)

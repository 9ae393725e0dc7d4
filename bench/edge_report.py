"""What a run of the edge benchmark shows: each proof with whether it holds, and the tables.

Covered: judging figures, Markdown, one results file. Not covered: running (`bench.edge`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

Figures = Mapping[str, Any]
ACK_P99_MS: Final = 50.0
SLOWED_AT_MOST: Final = 2.0
FAIR: Final = 4.0
"""The busier of two processes may do so many times the work of the other."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was to be shown."""

    database: str
    claim: str
    holds: bool
    found: str


def _right(found: Figures) -> tuple[bool, str]:
    wrong = {name: found[name] for name in ("lost", "answered_twice", "conversations_disordered")}
    told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in wrong.items())
    return not any(wrong.values()), f"{found['events']} events, {told}"


def _kills(found: Figures) -> Iterator[tuple[str, bool, str]]:
    right, told = _right(found)
    hit = f"{found['kills_while_sending']} of {found['kills']} kills while sending"
    yield "killed at random, answered once, in order", right, f"{told}; {hit}"


def _forgeries(found: Figures) -> Iterator[tuple[str, bool, str]]:
    clean = not found["accepted"] and found["events_stored"] == found["good_requests"]
    told = f"{found['forgeries']} sent, accepted {sum(found['accepted'].values())}"
    yield "no forgery is accepted or stored", clean, told
    slowed = found["slowed_p50"]
    told = f"{slowed}× (p50), {found['good_requests']} good requests"
    yield "forgeries slow good requests by less than 2×", slowed < SLOWED_AT_MOST, told


def _outage(found: Figures) -> Iterator[tuple[str, bool, str]]:
    right, told = _right(found)
    polite = {int(status) for status in found["requests_refused"]} <= {429, 500}
    holds = right and polite and bool(found["stopped_in_mid_load"])
    told += f"; stopped for {found['stopped_for_s']} s, refused with {found['requests_refused']}"
    yield "database away in mid-load, then all are answered", holds, told


def _shared(found: Figures) -> Iterator[tuple[str, bool, str]]:
    right, told = _right(found)
    worked = found["worked_by"]
    fair = len(worked) > 1 and worked[0] <= FAIR * worked[-1]
    yield "two processes share the queue fairly", right and fair, f"{told}; by process {worked}"


def _stuck(found: Figures) -> Iterator[tuple[str, bool, str]]:
    right, told = _right(found)
    meanwhile = found["answered_while_one_was_stuck"]
    holds = right and meanwhile == found["events"]
    yield "a stuck process's work is taken over", holds, f"{told}; {meanwhile} answered meanwhile"


def _busy(found: Figures) -> Iterator[tuple[str, bool, str]]:
    p99 = found["ack_p99_ms"]
    told = f"p50 {found['ack_p50_ms']} ms, p99 {p99} ms, {found['questions']} questions"
    yield f"acknowledged within {ACK_P99_MS:g} ms (p99), cores busy", p99 < ACK_P99_MS, told


_JUDGES: Final[Mapping[str, Callable[[Figures], Iterator[tuple[str, bool, str]]]]] = {
    "kills": _kills,
    "forgeries": _forgeries,
    "outage": _outage,
    "shared": _shared,
    "stuck": _stuck,
    "busy": _busy,
}


def proofs(databases: Mapping[str, Mapping[str, Figures]]) -> list[Proof]:
    """What the scenarios that ran prove, or fail to."""
    return [
        Proof(database, *shown)
        for database, scenarios in databases.items()
        for name, judge in _JUDGES.items()
        if name in scenarios
        for shown in judge(scenarios[name])
    ]


def tables(result: Mapping[str, Any]) -> str:
    """Proofs and speeds as Markdown."""
    made = [
        f"{result['machine']}, load average {result['load_average']}, {result['at'][:10]},"
        f" answers {'scripted' if result['kind'] != 'real' else 'by the models'}.",
        "",
        "| to be shown | database | holds | found |",
        "| --- | --- | --- | --- |",
    ]
    for one in result["proofs"]:
        holds = "yes" if one["holds"] else "**no**"
        made.append(f"| {one['claim']} | {one['database']} | {holds} | {one['found']} |")
    made += [
        "",
        "| waiting customers | database | events/s acknowledged | answered/s | acknowledged"
        " p50 / p99 ms | answer p50 / p99 ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for database, scenarios in result["databases"].items():
        for name, found in scenarios.items():
            if name.startswith("waiting-") or name in ("busy", "throughput"):
                made.append(_speed(name, database, found))
    return "\n".join(made)


def _speed(name: str, database: str, found: Figures) -> str:
    who = {
        "busy": f"{found.get('customers')}, answers of 1 s on all cores",
        "throughput": f"{found.get('senders')} senders without pause",
    }.get(name, str(found.get("customers")))
    rate, done = found.get("acknowledged_per_s", "–"), found.get("answered_per_s", "–")
    acks = f"{found['ack_p50_ms']} / {found['ack_p99_ms']}"
    answers = f"{found.get('answer_p50_ms', '–')} / {found.get('answer_p99_ms', '–')}"
    return f"| {who} | {database} | {rate} | {done} | {acks} | {answers} |"


def write(result: Mapping[str, Any], out: Path, readme: Path | None) -> None:
    """Keep the figures, after every scenario: a run that is stopped keeps what it has."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if readme is not None:
        marked = f"<!-- edge -->\n{tables(result)}\n<!-- /edge -->"
        old = readme.read_text(encoding="utf-8")
        new = re.sub(r"<!-- edge -->.*<!-- /edge -->", lambda _: marked, old, flags=re.S)
        readme.write_text(new, encoding="utf-8")


def as_json(found: list[Proof]) -> list[dict[str, Any]]:
    """For the results file."""
    return [asdict(one) for one in found]

"""What both sides of a benchmark do: the same passages, questions and prompts, once a process.

A side is a class with `search(question) -> passages` and `stream(prompt) -> pieces`; `measure`
times it and prints one JSON object. Prompts differ in length: from one to four passages.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from bot.answering.prompt import Source, answer_prompt, render
from retrieval.importers import import_path

ROOT = Path(__file__).resolve().parents[1]
MAX_TOKENS = 48
CUSTOMERS = 8


class Side(Protocol):
    """One of the two programs that are compared."""

    def search(self, question: str) -> Sequence[tuple[str, str]]:
        """Title and text of passages, best first."""
        ...

    def stream(self, prompt: str) -> Iterator[str]:
        """Pieces of the answer."""
        ...


def knowledge() -> list[tuple[str, str]]:
    """Title and text of each passage of the demo shop."""
    result = import_path(ROOT / "faq_data" / "shop")
    return [(passage.title, passage.text) for passage in result.passages]


def questions(count: int) -> list[tuple[str, Any]]:
    """Questions of the golden dev split and their languages, both languages in turn."""
    rows = [
        json.loads(line)
        for line in (ROOT / "faq_data" / "golden" / "service.jsonl").read_text("utf-8").splitlines()
    ]
    wanted = [row for row in rows if row["split"] == "dev" and row["answerable"]]
    english = [row for row in wanted if row["lang"] == "en"]
    chinese = [row for row in wanted if row["lang"] == "zh-Hans"]
    pairs = [row for pair in zip(english, chinese, strict=False) for row in pair]
    return [(row["question"], row["lang"]) for row in pairs[:count]]


def turn(side: Side, question: str, lang: Any, passages: int) -> tuple[float, float, int]:
    """Seconds to the first piece, seconds in all, characters."""
    started = time.perf_counter()
    sources = [Source(*found) for found in side.search(question)[:passages]]
    first, text = 0.0, ""
    for piece in side.stream(render(answer_prompt(question, lang, sources))):
        first = first or time.perf_counter() - started
        text += piece
    return first, time.perf_counter() - started, len(text)


def measure(load: Callable[[], Side], rounds: int) -> dict[str, float]:
    """Start-up, then turns one at a time, then eight customers at once."""
    started = time.perf_counter()
    side = load()
    turn(side, "hello", "en", 1)
    ready = time.perf_counter() - started
    asked = questions(rounds)
    searches = [_timed(lambda q=question: side.search(q)) for question, _ in asked]
    singles = [turn(side, q, lang, 1 + n % 4) for n, (q, lang) in enumerate(asked)]
    crowd_s, crowd = _crowd(side, asked[:CUSTOMERS])
    process = psutil.Process(os.getpid())
    return {
        "ready_s": ready,
        "search_p50_ms": 1000 * statistics.median(searches),
        "first_piece_p50_s": statistics.median(s[0] for s in singles),
        "turn_p50_s": statistics.median(s[1] for s in singles),
        "characters_per_s": sum(s[2] for s in singles) / sum(s[1] - s[0] for s in singles),
        "crowd_of_8_s": crowd_s,
        "crowd_turn_p50_s": statistics.median(c[1] for c in crowd),
        "memory_mb": process.memory_info().rss / 1e6,
        "peak_memory_mb": _peak_mb(),
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _crowd(side: Side, asked: Sequence[tuple[str, Any]]) -> tuple[float, list[tuple[float, ...]]]:
    """Eight questions that arrive together; waiting counts."""
    results: list[tuple[float, ...]] = []

    def ask(n: int, question: str, lang: Any) -> None:
        results.append(turn(side, question, lang, 1 + n % 4))

    threads = [threading.Thread(target=ask, args=(n, q, lang)) for n, (q, lang) in enumerate(asked)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, results


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

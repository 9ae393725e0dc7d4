"""`python -m bench.live`: how soon an edit is found, and what questions notice of it.

A real SQLite database and the live retriever as it serves, over synthetic passages (see
`bench.synthetic`; questions and edits are encoded for real). Measured at each size: from the commit
of an edit until a search returns it, the same for a deletion, the time of a search when nothing
happens, while edits come in all the time, and while edits are joined into the large segment. Ends
with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.synthetic import SyntheticEncoder, passages
from bench.turn import HERE, write_table
from bench.workload import questions
from bot.config import load_settings
from bot.models.runtime import load_encoder
from bot.store.sql import SqlKnowledgeStore, migrate, open_engine
from bot.types import Passage, Query
from retrieval.compaction import Limits
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.retriever import HybridRetriever

RESULT = HERE / "results" / "live.json"


def ids(live: LiveRetriever, text: str) -> set[str]:
    """What a search for `text` returns."""
    return {hit.passage.passage_id for hit in live.search(Query(text, "en", text)).hits}


def seconds_until(condition: Callable[[], bool]) -> float:
    """How long it takes for something to become true."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > 60:
            raise RuntimeError("not found within a minute")
        time.sleep(0.005)
    return time.perf_counter() - started


def search_times(live: LiveRetriever, asked: list[str], until: Callable[[], bool]) -> list[float]:
    """Milliseconds of one search after the other; all of `asked` at least."""
    times: list[float] = []
    while len(times) < len(asked) or not until():
        text = asked[len(times) % len(asked)]
        started = time.perf_counter()
        live.search(Query(text, "en", text))
        times.append(1000 * (time.perf_counter() - started))
    return times


def measure(size: int, encoder: SyntheticEncoder, asked: list[str], edits: int) -> dict[str, Any]:
    """One size."""
    with tempfile.TemporaryDirectory() as place:
        engine = open_engine(f"sqlite:///{place}/shop.db")
        migrate(engine)
        store = SqlKnowledgeStore(engine)
        store.upsert(passages(size))
        start = HybridRetriever(HybridIndex.build((), encoder), encoder)
        live = LiveRetriever(start, store, encoder, folder=Path(place) / "index")
        began = time.perf_counter()
        live.refresh()
        built = time.perf_counter() - began
        again = HybridRetriever(HybridIndex.load(Path(place) / "index", encoder), encoder)
        live = LiveRetriever(again, store, encoder, folder=Path(place) / "index")
        idle = search_times(live, asked, lambda: True)
        idle = search_times(live, asked, lambda: True)
        with live:
            found, gone = follow(live, store, edits)
            stop = threading.Event()
            writer = threading.Thread(target=keep_editing, args=(store, stop, edits))
            writer.start()
            busy = search_times(live, asked, lambda: not writer.is_alive())
            stop.set()
            writer.join()
            wait = seconds_until(lambda: store.version() == live.index.manifest.knowledge_version)
        joining, took = while_joining(live, store, asked)
        live.close()
        engine.dispose()
    return {
        "passages": size,
        "first_build_s": round(built, 2),
        "edit_found_s": {"p50": p(found, 50), "max": p(found, 100)},
        "deletion_found_s": {"p50": p(gone, 50), "max": p(gone, 100)},
        "behind_after_stream_s": round(wait, 3),
        "search_idle_ms": {"p50": p(idle, 50), "p95": p(idle, 95), "max": p(idle, 100)},
        "search_during_edits_ms": {"p50": p(busy, 50), "p95": p(busy, 95), "max": p(busy, 100)},
        "search_while_joining_ms": {
            "p50": p(joining, 50),
            "p95": p(joining, 95),
            "max": p(joining, 100),
        },
        "joining_s": round(took, 2),
    }


def follow(
    live: LiveRetriever, store: SqlKnowledgeStore, edits: int
) -> tuple[list[float], list[float]]:
    """Seconds until each of some edits, and then each deletion, counts."""
    found, gone = [], []
    for number in range(edits):
        text = f"Do you rent out zeppelin{number} on weekends?"
        edit = Passage(f"edit-{number}", "faq", "en", text, "Yes, for 12 euros a day.")
        store.upsert([edit])
        found.append(seconds_until(partial(answers, live, edit)))
        store.delete([edit.passage_id])
        gone.append(seconds_until(lambda edit=edit: not answers(live, edit)))
    return found, gone


def answers(live: LiveRetriever, edit: Passage) -> bool:
    """Whether a search for the title of `edit` returns it."""
    return edit.passage_id in ids(live, edit.title)


def keep_editing(store: SqlKnowledgeStore, stop: threading.Event, edits: int) -> None:
    """One edit after the other, every fifth of a second."""
    for number in range(edits):
        if stop.wait(0.2):
            return
        edit = Passage(f"stream-{number}", "faq", "en", f"Stream {number}?", "Yes.")
        store.upsert([edit])


def while_joining(
    live: LiveRetriever, store: SqlKnowledgeStore, asked: list[str]
) -> tuple[list[float], float]:
    """Search times while edits are joined into the large segment, and how long that takes."""
    some = [replace(passage, text=passage.text + " New.") for passage in passages(40)]
    store.upsert(some)
    limits = Limits(small=0, edits=1, share=0.0)
    live._limits = limits  # joins now, not after a thousand edits
    began = time.perf_counter()
    live.refresh()
    times = search_times(live, asked, lambda: not live._compaction.running)
    return times, time.perf_counter() - began


def p(values: list[float], percentile: int) -> float:
    """A percentile, rounded."""
    return round(float(np.percentile(values, percentile)), 3)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--edits", type=int, default=20)
    arguments = parser.parse_args()
    encoder = SyntheticEncoder(load_encoder(load_settings()))
    asked = [question for question, _ in questions(60)]
    results = [measure(size, encoder, asked, arguments.edits) for size in arguments.sizes]
    result = {"benchmark": "live", "results": results}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    rows = [
        [
            f"{r['passages']:,}",
            f"{r['edit_found_s']['p50']:.2f} / {r['edit_found_s']['max']:.2f}",
            f"{r['deletion_found_s']['p50']:.2f} / {r['deletion_found_s']['max']:.2f}",
            *(
                f"{r[name]['p50']:.1f} / {r[name]['p95']:.1f} / {r[name]['max']:.0f}"
                for name in (
                    "search_idle_ms",
                    "search_during_edits_ms",
                    "search_while_joining_ms",
                )
            ),
            f"{r['joining_s']:.1f}",
        ]
        for r in results
    ]
    head = [
        "passages",
        "edit found after s (p50 / max)",
        "deletion after s",
        "search ms, idle (p50 / p95 / max)",
        "during edits",
        "while joining",
        "joining takes s",
    ]
    write_table("live", head, rows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

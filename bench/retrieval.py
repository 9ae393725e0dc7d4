"""`python -m bench.retrieval`: what an index of a size costs, and how quickly it is searched.

From 1,000 to 1,000,000 passages: time to build (without encoding), disk, time to load, memory,
recall of the vector search against comparing all, and a search, a search with the reader, one
encoder pass of the question and the loop of any tutorial (sentence-transformers and a flat FAISS
index, vectors only), in a process of its own. Passages beyond the
demo shop's and all vectors are synthetic (`bench.synthetic`); questions are real, and encoded for
real on both sides. Sizes that are not measured keep their earlier figures. A million passages take
a quarter of an hour, 8 GB of memory and 4 GB of disk. Ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import psutil
from rich.console import Console

from bench.synthetic import SyntheticEncoder, passages
from bench.turn import HERE, write_table
from bench.workload import ROOT, questions
from bot.build import load_search_parts
from bot.config import load_settings
from bot.models.runtime import load_encoder
from bot.protocols import Vectors
from bot.types import Query
from retrieval.dense import DenseIndex, exact_nearest
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever

RESULT = HERE / "results" / "retrieval.json"
SIZES = (1_000, 10_000, 100_000)
_SAID = Console(stderr=True)


def build(size: int, folder: Path) -> dict[str, Any]:
    """Make and save an index; what that took."""
    encoder = SyntheticEncoder(load_encoder(load_settings()))
    made = passages(size)
    started = time.perf_counter()
    index = HybridIndex.build(made, encoder)
    built = time.perf_counter() - started
    started = time.perf_counter()
    index.save(folder)
    saved = time.perf_counter() - started
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {"build_s": round(built, 1), "save_s": round(saved, 1), "disk_mb": round(disk / 1e6, 1)}


def search(folder: Path, count: int) -> dict[str, Any]:
    """Load an index, as a server does, and ask it `count` questions in each of the ways."""
    settings = load_settings()
    parts = load_search_parts(settings)
    encoder = SyntheticEncoder(load_encoder(settings))  # remembers nothing, as `parts.encoder` does
    asked = [question for question, _ in questions(count)]
    if parts.reader:
        parts.reader.read(asked[0], ["Warming up."])
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    index = HybridIndex.load(folder, encoder)
    loaded = time.perf_counter() - started
    plain = HybridRetriever(index, encoder)
    reading = HybridRetriever(index, encoder, calibration=parts.calibration, reader=parts.reader)
    for question in asked:
        plain.search(Query(question, "en", question))
    memory = psutil.Process().memory_info().rss - before
    assert isinstance(index.dense, DenseIndex)
    vectors = index.dense.vectors()
    ways: dict[str, Callable[[str], object]] = {
        "encoder_pass": lambda text: encoder.encode([text], "query"),
        "search": lambda text: plain.search(Query(text, "en", text)),
        "search_and_read": lambda text: reading.search(Query(text, "en", text)),
    }
    times = _timed(ways, asked)
    # Apart: threads of the other side go on spinning for a while after it has answered.
    times |= _timed({"loop": tutorial_loop(vectors)}, asked)
    queries = encoder.encode(asked, "query")
    return {
        "kind": index.dense.facts.kind,
        "load_s": round(loaded, 2),
        "memory_mb": round(memory / 1e6, 1),
        "recall@10": round(index.dense.recall(queries, exact_nearest(vectors, queries, 10)), 4),
        **{f"{name}_p50_ms": _percentile(values, 50) for name, values in times.items()},
        **{f"{name}_p95_ms": _percentile(values, 95) for name, values in times.items()},
    }


def tutorial_loop(vectors: Vectors) -> Callable[[str], object]:
    """The other side: the same weights through sentence-transformers, and all vectors compared."""
    from sentence_transformers import SentenceTransformer

    folder = load_settings().models_dir / "multilingual-e5-small-hf"
    model = SentenceTransformer(str(folder), device="cpu")
    flat: Any = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)

    def ask(text: str) -> object:
        return flat.search(model.encode([f"query: {text}"], normalize_embeddings=True), 5)

    return ask


def measure(size: int, count: int) -> dict[str, Any]:
    """One size: built here, searched in a process that has nothing else in memory."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "index"
        _SAID.print(f"{size:,} passages: building…")
        built = build(size, folder)
        _SAID.print(f"{size:,} passages: searching…")
        command = [sys.executable, "-m", "bench.retrieval", "--search", str(folder)]
        done = subprocess.run(
            [*command, "--questions", str(count)], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        found = json.loads(done.stdout.decode().splitlines()[-1])
    return {"passages": size, **built, **found}


def _timed(ways: dict[str, Callable[[str], object]], asked: list[str]) -> dict[str, list[float]]:
    """Milliseconds of every question, asked in each way in turn."""
    for way in ways.values():
        way(asked[0])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for text in asked:
        for name, way in ways.items():
            times[name].append(_ms(way, text))
    return times


def _ms(way: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    way(text)
    return 1000 * (time.perf_counter() - started)


def _percentile(values: list[float], percentile: int) -> float:
    return round(float(np.percentile(values, percentile)), 2)


def _cells(row: dict[str, Any]) -> list[str]:
    encoder = row["encoder_pass_p95_ms"]
    both = [f"{row[f'{way}_p50_ms']:.0f} / {row[f'{way}_p95_ms']:.0f}" for way in _TIMED]
    return [
        f"{row['passages']:,}",
        f"{row['kind']} {row['recall@10']:.3f}",
        f"{row['build_s']:.0f}",
        f"{row['disk_mb']:.0f}",
        f"{row['load_s']:.1f}",
        f"{row['memory_mb']:.0f}",
        *both,
        f"{row['search_p95_ms'] / encoder:.1f}×",
        f"{row['search_and_read_p95_ms'] / encoder:.1f}×",
    ]


_TIMED = ("encoder_pass", "search", "search_and_read", "loop")
_HEAD = [
    *("passages", "vectors, recall@10", "build s", "disk MB", "load s", "memory MB"),
    *("encoder pass p50 / p95 ms", "search", "and read", "tutorial loop"),
    *("search p95 as encoder passes", "and read"),
]


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--questions", type=int, default=60, help="asked in each way")
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.search:
        print(json.dumps(search(arguments.search, arguments.questions)))
        return
    earlier = json.loads(RESULT.read_text("utf-8"))["results"] if RESULT.exists() else []
    rows = {row["passages"]: row for row in earlier}
    for size in arguments.sizes:
        rows[size] = measure(size, arguments.questions)
        result = {"benchmark": "retrieval", "results": [rows[size] for size in sorted(rows)]}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_table("retrieval", _HEAD, [_cells(row) for row in result["results"]])
    print(json.dumps(result))


if __name__ == "__main__":
    main()

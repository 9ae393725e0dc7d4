"""`python -m bench.dense`: kinds of vector indexes side by side, vectors only.

The kinds of `retrieval.dense`, and product quantisation (`ivf_pq`, 48 bytes a vector), which is
only measured here: why the shop's index does without. Clouds of synthetic vectors around the demo
shop's real ones (`bench.synthetic`); queries are real questions. For each kind and size: time to
build (two threads), file size, time of a search (one thread), recall@10 against comparing all, at
the effort that building settled on. A million vectors take 1.5 GB and two minutes: `--sizes 1000000
--kinds flat ivf_sq8`. Sizes that are not measured keep their earlier figures. Ends with one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import faiss
import numpy as np

from bench.synthetic import SyntheticEncoder, cloud
from bench.turn import HERE, write_table
from bench.workload import questions
from bot.config import load_settings
from bot.models.runtime import load_encoder
from bot.protocols import Vectors
from retrieval.dense import RECALL_TARGET, DenseFacts, DenseIndex, Kind, exact_nearest

RESULT = HERE / "results" / "dense.json"
_CODE_BYTES = 48
_POINTS_PER_LIST = 40


def product_quantised(vectors: Vectors) -> DenseIndex:
    """Inverted lists of codes of 48 bytes, searched as hard as the other kinds."""
    lists = max(1, min(int(4 * np.sqrt(len(vectors))), len(vectors) // _POINTS_PER_LIST))
    index: Any = faiss.index_factory(
        vectors.shape[1], f"IVF{lists},PQ{_CODE_BYTES}", faiss.METRIC_INNER_PRODUCT
    )
    some = np.random.default_rng(0).permutation(len(vectors))[: lists * _POINTS_PER_LIST]
    index.train(np.ascontiguousarray(vectors[np.sort(some)]))
    index.add(vectors)
    return DenseIndex(index, DenseFacts("ivf", 24))._tuned(vectors, RECALL_TARGET)


def measure(vectors: Vectors, queries: Vectors, kind: str) -> dict[str, Any]:
    """One kind over one cloud."""
    truth = exact_nearest(vectors, queries, 10)
    started = time.perf_counter()
    known = get_args(Kind)
    built = DenseIndex.build(vectors, kind) if kind in known else product_quantised(vectors)  # type: ignore[arg-type]
    built_s = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "index"
        built.save(path)
        size = path.stat().st_size
        index = DenseIndex.load(path, built.facts)
        index.recall(queries, truth)  # pages are read
        times = []
        for query in queries:
            started = time.perf_counter()
            index.search(query, 10)
            times.append(1000 * (time.perf_counter() - started))
        recall = index.recall(queries, truth)
    return {
        "vectors": len(vectors),
        "kind": kind,
        "effort": built.facts.effort,
        "build_s": round(built_s, 1),
        "file_mb": round(size / 1e6, 1),
        "search_p50_ms": round(float(np.percentile(times, 50)), 2),
        "search_p95_ms": round(float(np.percentile(times, 95)), 2),
        "recall@10": round(recall, 4),
    }


def main() -> None:
    """Run, print, write."""
    kinds = [*get_args(Kind), "ivf_pq"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000, 100_000])
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    encoder = SyntheticEncoder(load_encoder(load_settings()))
    asked = encoder.encode([question for question, _ in questions(100)], "query")
    earlier = json.loads(RESULT.read_text("utf-8"))["results"] if RESULT.exists() else []
    rows = {(row["vectors"], row["kind"]): row for row in earlier}
    for size in arguments.sizes:
        vectors = cloud(encoder.real, size)
        for kind in arguments.kinds:
            rows[size, kind] = measure(vectors, asked, kind)
            print(json.dumps(rows[size, kind]), flush=True)
    result = {"benchmark": "dense", "results": [rows[key] for key in sorted(rows)]}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    names = list(result["results"][0])
    write_table("dense", names, [[str(row[name]) for name in names] for row in result["results"]])
    print(json.dumps(result))


if __name__ == "__main__":
    main()

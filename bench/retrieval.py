"""`python -m bench.retrieval`: search latency at 1k, 10k and 100k passages, beside FAISS flat.

Passages beyond the demo shop are synthetic: sentences shuffled from the shop's own words, with
random unit vectors (encoding 100,000 texts takes a quarter of an hour and changes no latency).
Queries are real questions, encoded for real on both sides. The other side is the plain loop:
sentence-transformers and a flat FAISS index, dense only. Ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import faiss
import numpy as np

from bench.turn import HERE, write_table
from bench.workload import knowledge, questions
from bot.config import load_settings
from bot.models.runtime import load_encoder
from bot.protocols import Encoder, Vectors
from bot.types import Passage, Query
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever

RESULT = HERE / "results" / "retrieval.json"
SIZES = (1_000, 10_000, 100_000)


class RandomPassages:
    """Encodes queries for real and gives passages random unit vectors."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rng = np.random.default_rng(5)

    @property
    def name(self) -> str:
        """Marks the index as one for measuring only."""
        return self._encoder.name + "-random"

    @property
    def dimension(self) -> int:
        """As the real encoder."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Vectors:
        """Real vectors of queries, random ones of passages."""
        if role == "query":
            return self._encoder.encode(texts, role)
        vectors = self._rng.normal(size=(len(texts), self.dimension)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def synthetic(count: int) -> list[Passage]:
    """The demo shop's passages, then shuffled mixtures of their words."""
    rng = random.Random(5)
    real = knowledge()
    passages = []
    for number in range(count):
        title, text = real[number % len(real)]
        if number >= len(real):
            words = text.split()
            rng.shuffle(words)
            title, text = f"{title} {number}", " ".join(words)
        lang: Any = "zh-Hans" if "\u4e00" <= title[0] <= "\u9fff" else "en"
        passages.append(Passage(f"p{number}", "faq", lang, title, text))
    return passages


def percentiles(work: Callable[[str], object], asked: Sequence[str]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    times = []
    for question in asked:
        started = time.perf_counter()
        work(question)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), float(np.percentile(times, 95))


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--questions", type=int, default=60)
    arguments = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    settings = load_settings()
    encoder = RandomPassages(load_encoder(settings))
    plain = SentenceTransformer(str(settings.models_dir / "multilingual-e5-small-hf"), device="cpu")
    asked = [question for question, _ in questions(arguments.questions)]
    encode_p50, encode_p95 = percentiles(lambda q: encoder.encode([q], "query"), asked)
    rows, results = [], []
    for size in arguments.sizes:
        texts = synthetic(size)
        started = time.perf_counter()
        index = HybridIndex.build(texts, encoder)
        built = time.perf_counter() - started
        retriever = HybridRetriever(index, encoder)
        flat = faiss.IndexFlatIP(encoder.dimension)
        flat.add(encoder.encode([passage.text for passage in texts], "passage"))

        def loop(question: str, flat: Any = flat) -> None:
            vector = plain.encode([f"query: {question}"], normalize_embeddings=True)
            flat.search(vector, 5)

        def ours(question: str, retriever: HybridRetriever = retriever) -> None:
            retriever.search(Query(question, "en", question))

        ours(asked[0])
        loop(asked[0])
        us, them = percentiles(ours, asked), percentiles(loop, asked)
        results.append(
            {
                "passages": size,
                "build_s_without_encoding": round(built, 2),
                "shopkeeper_p50_ms": round(us[0], 2),
                "shopkeeper_p95_ms": round(us[1], 2),
                "loop_p50_ms": round(them[0], 2),
                "loop_p95_ms": round(them[1], 2),
                "p95_over_encoder_pass": round(us[1] / encode_p95, 2),
            }
        )
        rows.append(
            [
                f"{size:,}",
                f"{us[0]:.1f} / {us[1]:.1f}",
                f"{them[0]:.1f} / {them[1]:.1f}",
                f"{them[0] / us[0]:.1f}×",
                f"{us[1] / encode_p95:.1f}×",
            ]
        )
    result = {
        "benchmark": "retrieval",
        "encoder_pass_p50_ms": round(encode_p50, 2),
        "encoder_pass_p95_ms": round(encode_p95, 2),
        "results": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    write_table(
        "retrieval",
        [
            "passages",
            "Shopkeeper p50 / p95 ms",
            "loop p50 / p95 ms",
            "times faster (p50)",
            "p95 as encoder passes",
        ],
        rows,
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()

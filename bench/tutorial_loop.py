"""The plain loop that any tutorial writes: sentence-transformers, FAISS flat, transformers.generate.

Same weights and prompts as Shopkeeper; bfloat16, which is the fastest that transformers offers
here. One question at a time: `generate` is called under a lock.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import faiss
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer

from bench.workload import MAX_TOKENS, knowledge, measure


class TutorialLoop:
    """Everything in memory, nothing shared between requests."""

    def __init__(self, models: Path) -> None:
        self.encoder = SentenceTransformer(str(models / "multilingual-e5-small-hf"), device="cpu")
        self.passages = knowledge()
        vectors = self.encoder.encode(
            [f"passage: {title} {text}" for title, text in self.passages],
            normalize_embeddings=True,
        )
        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)
        folder = str(models / "qwen2.5-coder-0.5b-instruct-hf")
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        self.lock = threading.Lock()

    def search(self, question: str) -> Sequence[tuple[str, str]]:
        """The five nearest passages."""
        vector = self.encoder.encode([f"query: {question}"], normalize_embeddings=True)
        _, rows = self.index.search(vector, 5)
        return [self.passages[row] for row in rows[0]]

    def stream(self, prompt: str) -> Iterator[str]:
        """Greedy pieces."""
        with self.lock:
            inputs = self.tokenizer(prompt, return_tensors="pt")
            streamer = TextIteratorStreamer(
                self.tokenizer, skip_prompt=True, skip_special_tokens=True
            )
            options = {"max_new_tokens": MAX_TOKENS, "do_sample": False, "streamer": streamer}
            thread = threading.Thread(target=self.model.generate, kwargs={**inputs, **options})
            thread.start()
            yield from (piece for piece in streamer if piece)
            thread.join()


if __name__ == "__main__":
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(measure(lambda: TutorialLoop(folder), rounds)))

"""Shopkeeper's own parts over the same workload, without the guard: model against model."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.workload import MAX_TOKENS, ROOT, measure
from bot.build import open_shop
from bot.config import load_settings
from bot.models.openvino_generator import OpenVinoGenerator
from bot.types import Prompt, Query
from retrieval.importers import import_path


class ShopkeeperLoop:
    """The shop's retriever and generator as they serve."""

    def __init__(self, home: Path) -> None:
        settings = load_settings(home=home)
        self.context = open_shop(settings)
        self.shop = self.context.__enter__()
        self.shop.knowledge.upsert(import_path(ROOT / "faq_data" / "shop").passages)
        self.retriever = self.shop.retriever()

    def search(self, question: str) -> Sequence[tuple[str, str]]:
        """The five best passages of the hybrid search."""
        found = self.retriever.search(Query(question, "en", question))
        return [(hit.passage.title, hit.passage.text) for hit in found.hits]

    def stream(self, prompt: str) -> Iterator[str]:
        """Greedy pieces."""
        generator = self.shop.generator
        assert isinstance(generator, OpenVinoGenerator)
        return generator.stream(Prompt("", prompt), max_tokens=MAX_TOKENS, template="{user}")


if __name__ == "__main__":
    rounds = int(sys.argv[2])
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(sys.argv[1]) if sys.argv[1] != "-" else Path(scratch)
        print(json.dumps(measure(lambda: ShopkeeperLoop(home), rounds)), flush=True)

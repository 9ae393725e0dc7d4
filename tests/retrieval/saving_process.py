"""A process that edits, joins and saves an index until somebody kills it. Run by test_crash.py.

The state of version n is known (`passages_of`), so that whoever reads the index can tell whether it
is one that was ever whole.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.types import Passage
from retrieval.edits import apply, compact
from retrieval.index import HybridIndex
from tests.retrieval.fakes import FakeEncoder, faq


def passages_of(version: int) -> dict[str, Passage]:
    """What the knowledge of a version is: twelve passages, one newer with every version."""
    numbers = range(max(0, version - 12), version)
    return {f"p{n % 15}": faq(f"p{n % 15}", f"Question {n}?") for n in numbers}


def main() -> None:
    """Save one version after the other; every fourth is joined first."""
    folder, encoder = Path(sys.argv[1]), FakeEncoder(dimension=16)
    index = HybridIndex.build((), encoder)
    version = 0
    if len(sys.argv) > 2:
        index = HybridIndex.load(folder, encoder)
        version = index.manifest.knowledge_version
    while True:
        version += 1
        wanted = passages_of(version)
        changed = index.unlike(list(wanted.values()))
        gone = [p.passage_id for p in index.live() if p.passage_id not in wanted]
        index = apply(index, changed, gone, encoder, version=version)
        if version % 4 == 0:
            index = compact(index)
        index.save(folder)
        print(version, flush=True)


if __name__ == "__main__":
    main()

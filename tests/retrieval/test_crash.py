"""A process killed at any instant leaves an index that can be read, and garbage that goes away."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoding import VectorJournal, encode_passages
from retrieval.index import HybridIndex
from tests.retrieval.fakes import FakeEncoder, faq
from tests.retrieval.saving_process import passages_of

KILLS = 6


def test_a_kill_at_any_instant_leaves_a_readable_index(tmp_path: Path) -> None:
    folder, moments = tmp_path / "index", random.Random(7)
    seen = 0
    for number in range(KILLS):
        command = [sys.executable, "-m", "tests.retrieval.saving_process", str(folder)]
        command += ["again"] if number else []
        saver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert saver.stdout is not None
        told = int(saver.stdout.readline())  # at least one save is done
        time.sleep(moments.uniform(0, 0.25))
        saver.kill()
        told = max([told, *(int(line) for line in saver.stdout if line.endswith("\n"))])
        saver.wait()
        saver.stdout.close()
        index = HybridIndex.load(folder, FakeEncoder(dimension=16))
        version = index.manifest.knowledge_version
        assert version >= told > seen  # what was reported as saved is there
        assert {p.passage_id: p for p in index.live()} == passages_of(version)
        seen = version
    index.save(folder)
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path) -> None:
    passages = [faq(f"p{n}", f"Question number {n}?") for n in range(700)]
    encoder = FakeEncoder()

    def killed(done: int, total: int) -> None:
        if done >= 256:
            raise KeyboardInterrupt(f"{done} of {total}")

    with pytest.raises(KeyboardInterrupt):
        encode_passages(passages, encoder, killed, VectorJournal(tmp_path, encoder))
    for file in tmp_path.iterdir():  # as after a kill in the middle of a write
        with file.open("ab") as stream:
            stream.write(b"\x01\x02\x03")
    resumed = FakeEncoder()
    steps: list[tuple[int, int]] = []
    journal = VectorJournal(tmp_path, resumed)
    vectors, _ = encode_passages(passages, resumed, lambda *step: steps.append(step), journal)
    assert len(resumed.encoded) == 700 - 256
    assert steps[0] == (512, 700)
    assert np.array_equal(vectors, encode_passages(passages, FakeEncoder())[0])
    journal.clear()
    assert not list(tmp_path.iterdir())


def test_vectors_of_another_encoder_are_not_taken(tmp_path: Path) -> None:
    passages = [faq("a", "Alpha?")]
    first, other = FakeEncoder(), FakeEncoder("other")
    encode_passages(passages, first, None, VectorJournal(tmp_path, first))
    encode_passages(passages, other, None, VectorJournal(tmp_path, other))
    assert len(other.encoded) == 1

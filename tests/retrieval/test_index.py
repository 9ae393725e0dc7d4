from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.errors import IndexMismatchError, StoreError
from retrieval.edits import apply
from retrieval.index import FORMAT_VERSION, HybridIndex
from retrieval.retriever import HybridRetriever
from tests.retrieval.fakes import FakeEncoder, faq
from tests.retrieval.shop import PASSAGES, TODAY, ask

QUESTIONS = ["delivery time", "return an item", "K17", "可以退货吗", "ML-KET-1711", "zebra"]


def rankings(index: HybridIndex) -> list[list[tuple[str, float]]]:
    retriever = HybridRetriever(index, FakeEncoder(), day=lambda: TODAY)
    found = [retriever.search(ask(question), 10).hits for question in QUESTIONS]
    return [[(hit.passage.passage_id, round(hit.score, 5)) for hit in hits] for hits in found]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    HybridIndex.build(PASSAGES, FakeEncoder(), knowledge_version=7).save(tmp_path / "index")
    return tmp_path / "index"


def test_a_saved_index_gives_the_same_hits(saved: Path) -> None:
    loaded = HybridIndex.load(saved, FakeEncoder())
    assert tuple(loaded.passages) == PASSAGES
    assert loaded.manifest.knowledge_version == 7
    assert rankings(loaded) == rankings(HybridIndex.build(PASSAGES, FakeEncoder()))


def test_progress_ends_with_everything_done() -> None:
    steps: list[tuple[int, int]] = []
    HybridIndex.build(PASSAGES, FakeEncoder(), lambda done, total: steps.append((done, total)))
    assert steps[-1] == (len(PASSAGES), len(PASSAGES))


def test_a_long_passage_is_found_by_its_end() -> None:
    text = "Nothing to see here. " * 200 + "The xylophone rental costs 12 euros."
    passages = [faq("long", "Rentals", text), *PASSAGES]
    index = HybridIndex.build(passages, FakeEncoder())
    assert len(index.owners) > len(index.passages)
    retriever = HybridRetriever(index, FakeEncoder(), mode="dense", day=lambda: TODAY)
    hits = retriever.search(ask("The xylophone rental costs"), 3).hits
    assert hits[0].passage.passage_id == "long"


def test_saving_twice_leaves_one_set_of_data(saved: Path) -> None:
    HybridIndex.build(PASSAGES[:3], FakeEncoder()).save(saved)
    assert len(HybridIndex.load(saved, FakeEncoder()).passages) == 3
    assert len([path for path in saved.iterdir() if path.is_dir()]) == 2


def test_another_encoder_is_refused_with_both_names(saved: Path) -> None:
    with pytest.raises(IndexMismatchError) as caught:
        HybridIndex.load(saved, FakeEncoder("bge-m3", 64))
    assert "'fake' (256 dimensions)" in str(caught.value)
    assert "'bge-m3' (64 dimensions)" in str(caught.value)
    assert caught.value.fix == "run: shopkeeper index"


def test_no_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatchError, match="there is no index"):
        HybridIndex.load(tmp_path, FakeEncoder())


def test_another_format_is_refused(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | {"format_version": 0}))
    with pytest.raises(IndexMismatchError, match="format 0"):
        HybridIndex.load(saved, FakeEncoder())


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", f'{{"format_version": {FORMAT_VERSION}, "base": "x"}}']
)
def test_a_damaged_manifest_is_named(saved: Path, content: str) -> None:
    (saved / "manifest.json").write_text(content)
    with pytest.raises(IndexMismatchError, match="cannot be read"):
        HybridIndex.load(saved, FakeEncoder())


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "garbage"])
def test_damaged_data_is_named(saved: Path, damage: str) -> None:
    edited = apply(
        HybridIndex.load(saved, FakeEncoder()), [faq("a", "Zebra?")], ["faq-ship.en"], FakeEncoder()
    )
    edited.save(saved)
    for file in (*next(saved.glob("data-*")).iterdir(), *next(saved.glob("edits-*")).iterdir()):
        original = file.read_bytes()
        if damage == "missing":
            file.unlink()
        else:
            cut = {"cut": original[: len(original) // 2], "empty": b"", "garbage": b"\x00\xff" * 9}
            file.write_bytes(cut[damage])
        with pytest.raises(IndexMismatchError) as caught:
            HybridIndex.load(saved, FakeEncoder())
        assert caught.value.fix == "run: shopkeeper index"
        file.write_bytes(original)


def test_a_crash_while_saving_leaves_the_old_index(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rankings(HybridIndex.load(saved, FakeEncoder()))
    steps = ["retrieval.segment.Segment.save", "pathlib.Path.rename", "pathlib.Path.replace"]
    for step in steps:
        with monkeypatch.context() as patch:
            patch.setattr(step, _full_disk)
            with pytest.raises(StoreError, match="No space left"):
                HybridIndex.build(PASSAGES[:2], FakeEncoder()).save(saved)
        assert rankings(HybridIndex.load(saved, FakeEncoder())) == before


def _full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")

from __future__ import annotations

import threading
import time
from collections.abc import Callable, MutableMapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.types import Passage
from retrieval.compaction import Limits
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.retriever import HybridRetriever
from tests.fakes import FakeKnowledgeStore
from tests.retrieval.fakes import BreakableStore, FakeEncoder, faq
from tests.retrieval.shop import PASSAGES, TODAY, ask


def following(
    store: FakeKnowledgeStore,
    folder: Path | None = None,
    index: HybridIndex | None = None,
    limits: Limits | None = None,
) -> LiveRetriever:
    encoder = FakeEncoder()
    retriever = HybridRetriever(index or HybridIndex.build((), encoder), encoder)
    return LiveRetriever(retriever, store, encoder, folder=folder, poll_s=0.01, limits=limits)


def stocked(*passages: Passage) -> BreakableStore:
    store = BreakableStore()
    store.upsert(passages)
    return store


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in a minute"
        time.sleep(0.005)


def is_newer(live: LiveRetriever, version: int) -> bool:
    return live.index.manifest.knowledge_version > version


def ids(live: LiveRetriever, text: str) -> list[str]:
    return [hit.passage.passage_id for hit in live.search(ask(text), 10).hits]


def test_an_edit_is_searchable_and_a_deleted_passage_never_comes_back() -> None:
    store = stocked(*PASSAGES)
    with following(store) as live:
        wait_for(lambda: bool(ids(live, "delivery")))
        store.upsert([faq("faq-gift.en", "Do you wrap gifts?")])
        wait_for(lambda: ids(live, "wrap gifts")[:1] == ["faq-gift.en"])
        store.delete(["faq-gift.en"])
        wait_for(lambda: "faq-gift.en" not in ids(live, "wrap gifts"))


def test_nothing_to_do_is_nothing_done() -> None:
    live = following(stocked(*PASSAGES))
    assert live.refresh()
    before = live.index
    assert not live.refresh()
    assert live.index is before


def test_the_same_version_of_another_database_is_not_believed() -> None:
    """A restored database may count the same version over other texts."""
    index = HybridIndex.build(PASSAGES[:3], FakeEncoder(), knowledge_version=1)
    live = following(stocked(faq("a", "Something else?")), index=index)
    assert live.refresh()
    assert [passage.passage_id for passage in live.index.live()] == ["a"]


def test_a_change_is_saved_for_the_next_start(tmp_path: Path) -> None:
    store = stocked(*PASSAGES)
    live = following(store, folder=tmp_path)
    live.refresh()
    loaded = HybridIndex.load(tmp_path, FakeEncoder())
    assert loaded.manifest == live.index.manifest
    assert not following(store, folder=tmp_path, index=loaded).refresh()


def test_searches_go_on_while_the_index_is_replaced() -> None:
    store = stocked(*PASSAGES)
    failures: list[BaseException] = []
    searches = 0
    stop = threading.Event()

    def ask_all_the_time() -> None:
        nonlocal searches
        try:
            while not stop.is_set():
                assert ids(live, "How long does delivery take?")[0] == "faq-ship.en"
                searches += 1
        except BaseException as error:
            failures.append(error)

    live = following(store)
    live.refresh()
    with live:
        askers = [threading.Thread(target=ask_all_the_time) for _ in range(3)]
        for asker in askers:
            asker.start()
        for number in range(20):
            version = store.version()
            store.upsert([faq(f"faq-{number}", f"Question number {number}?")])
            store.delete([f"faq-{number - 1}"])
            wait_for(partial(is_newer, live, version))
        stop.set()
        for asker in askers:
            asker.join()
    assert not failures
    assert searches > 20


def test_a_database_that_is_gone_for_a_while_is_reported_once_and_outlived() -> None:
    store = stocked(*PASSAGES)
    with capture_logs() as logs, following(store) as live:
        wait_for(lambda: live.size > 0)
        store.broken = True
        wait_for(lambda: reported(logs) > 0)
        time.sleep(0.1)
        store.broken = False
        store.upsert([faq("faq-gift.en", "Do you wrap gifts?")])
        wait_for(lambda: "faq-gift.en" in ids(live, "wrap gifts"))
    assert reported(logs) == 1


def reported(logs: Sequence[MutableMapping[str, Any]]) -> int:
    return [entry["event"] for entry in logs].count("index not updated")


def test_those_who_want_to_know_are_told() -> None:
    told: list[HybridIndex] = []
    encoder = FakeEncoder()
    live = LiveRetriever(
        HybridRetriever(HybridIndex.build((), encoder), encoder),
        stocked(*PASSAGES),
        encoder,
        on_update=told.append,
    )
    live.refresh()
    assert told == [live.index]


@pytest.mark.parametrize("times", [1, 2])
def test_closing_is_final_and_may_be_repeated(times: int) -> None:
    live = following(stocked(*PASSAGES)).start()
    for _ in range(times):
        live.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "knowledge"]


def test_several_processes_stand_on_the_same_files(tmp_path: Path) -> None:
    """Two servers of one shop: both see every edit; what one has joined the other takes over."""
    store = stocked(*PASSAGES)
    first, second = following(store, tmp_path), following(store, tmp_path)
    first.refresh()
    second.refresh()
    assert second.index.base.name == first.index.base.name
    for number in range(4):
        store.upsert([faq(f"faq-{number}", f"Zeppelin number {number}?")])
        for live in (first, second) if number % 2 else (second, first):
            assert live.refresh()
            assert ids(live, f"zeppelin number {number}")[0] == f"faq-{number}"
        loaded = HybridIndex.load(tmp_path, FakeEncoder())
        assert loaded.manifest.content_hash == first.index.manifest.content_hash
        assert loaded.manifest.content_hash == second.index.manifest.content_hash


def test_edits_of_a_large_index_are_joined_in_the_background(tmp_path: Path) -> None:
    store = stocked(*PASSAGES)
    limits = Limits(small=0, edits=3, share=0.0)
    live = following(store, tmp_path, limits=limits)
    live.refresh()
    bases = {live.index.base.name}
    with live:
        for number in range(12):
            store.upsert([faq(f"faq-{number}", f"Zeppelin number {number}?")])
            store.delete([f"faq-{number - 6}"])
            wait_for(partial(is_up_to_date, live, store))
            bases.add(live.index.base.name)
            assert ids(live, f"zeppelin number {number}")[0] == f"faq-{number}"
            assert f"faq-{number - 6}" not in ids(live, f"zeppelin number {number - 6}")
        wait_for(lambda: len(live.index.delta) + live.index.dead.sum() < 3)
    assert len(bases) > 1
    assert sorted(p.passage_id for p in live.index.live()) == sorted(
        p.passage_id for p in store.live_passages()
    )
    assert HybridIndex.load(tmp_path, FakeEncoder()).manifest == live.index.manifest


def is_up_to_date(live: LiveRetriever, store: FakeKnowledgeStore) -> bool:
    return live.index.manifest.knowledge_version == store.version()


def test_a_large_import_is_searchable_part_by_part_and_edits_overtake_it() -> None:
    store = stocked(*PASSAGES)
    live = following(store)
    live.refresh()
    store.upsert([faq(f"bulk-{n:03}", f"Bulk number {n}?") for n in range(300)])
    urgent = faq("urgent", "Is the zeppelin recalled?")
    seen: list[tuple[bool, int]] = []

    def watch(done: int, total: int) -> None:
        if not seen:
            store.upsert([urgent])
        seen.append((live.index.get("urgent") is not None, live.size))

    live.refresh(watch)
    assert len(seen) >= 3
    assert [there for there, _ in seen[:2]] == [False, True]
    assert [size for _, size in seen] == sorted(size for _, size in seen)
    assert live.size == len(PASSAGES) + 301


def test_an_expired_passage_stops_answering_without_an_edit() -> None:
    day = TODAY
    encoder = FakeEncoder()
    retriever = HybridRetriever(HybridIndex.build((), encoder), encoder, day=lambda: day)
    sale = faq("sale", "Is there a sale?", valid_until=TODAY)
    live = LiveRetriever(retriever, stocked(*PASSAGES, sale), encoder)
    live.refresh()
    assert ids(live, "Is there a sale?")[0] == "sale"
    day = TODAY + timedelta(days=1)
    assert "sale" not in ids(live, "Is there a sale?")


def test_a_damaged_saved_index_is_replaced(tmp_path: Path) -> None:
    store = stocked(*PASSAGES)
    following(store, tmp_path).refresh()
    (next(tmp_path.glob("data-*")) / "dense.faiss").write_bytes(b"damaged")
    live = following(store, tmp_path)
    live.refresh()
    assert HybridIndex.load(tmp_path, FakeEncoder()).manifest == live.index.manifest

"""The shop's texts: the fake and both databases keep the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.protocols import KnowledgeStore
from bot.store.passage_rows import content_hash, storable
from bot.store.queries import ConsoleQueries
from bot.store.sql import SqlKnowledgeStore, open_engine
from bot.types import KnowledgeChanges, Passage
from tests.fakes import FakeKnowledgeStore
from tests.store import samples
from tests.store.samples import RETURNS

SHIPPING = Passage("faq-shipping", "faq", "en", "Express", "Express takes one day.")


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Iterator[KnowledgeStore]:
    if request.param == "fake":
        yield FakeKnowledgeStore()
        return
    engine = open_engine(request.getfixturevalue(f"{request.param}_url"))
    yield SqlKnowledgeStore(engine)
    engine.dispose()


class TestContract:
    """Every `KnowledgeStore`."""

    def test_it_starts_empty(self, store: KnowledgeStore) -> None:
        assert store.live_passages() == ()
        assert store.upsert([]) == 0
        assert store.delete(["nothing"]) == 0
        assert store.version() == 0

    def test_what_goes_in_comes_out_ordered_by_id(self, store: KnowledgeStore) -> None:
        passages = [
            replace(SHIPPING, passage_id=name)
            for name in ("b", "B", "a-1", "a_1", "中", "é", "10", "9")
        ]
        assert store.upsert(passages) == len(passages)
        assert store.live_passages() == tuple(sorted(passages, key=lambda p: p.passage_id))

    def test_only_a_change_counts_up(self, store: KnowledgeStore) -> None:
        store.upsert([RETURNS, SHIPPING])
        before = store.version()
        assert store.upsert([RETURNS, SHIPPING]) == 0
        assert store.version() == before
        assert store.upsert([RETURNS, replace(SHIPPING, text="Express takes two days.")]) == 1
        assert store.version() > before
        assert {p.passage_id: p.version for p in store.live_passages()} == {
            "faq-returns": 1, "faq-shipping": 2,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "changes",
        [
            {"title": "x"},
            {"text": "x"},
            {"lang": "zh-Hans"},
            {"kind": "policy"},
            {"attributes": {"sku": "A1"}},
            {"alternatives": ("x",)},
            {"group": "x"},
            {"source": "x"},
            {"valid_from": date(2026, 1, 1)},
            {"valid_until": date(2026, 1, 1)},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_every_field_is_a_change(
        self, store: KnowledgeStore, changes: dict[str, object]
    ) -> None:
        store.upsert([SHIPPING])
        changed = replace(SHIPPING, **changes)  # type: ignore[arg-type]
        assert store.upsert([changed]) == 1
        assert store.live_passages() == (replace(changed, version=2),)

    def test_the_version_a_file_claims_does_not_matter(self, store: KnowledgeStore) -> None:
        store.upsert([replace(SHIPPING, version=7)])
        assert store.live_passages()[0].version == 1
        assert store.upsert([replace(SHIPPING, version=9)]) == 0

    def test_of_two_with_one_id_the_later_wins(self, store: KnowledgeStore) -> None:
        assert store.upsert([SHIPPING, replace(SHIPPING, text="later")]) == 1
        assert [(p.text, p.version) for p in store.live_passages()] == [("later", 1)]

    def test_a_deleted_passage_is_gone_once(self, store: KnowledgeStore) -> None:
        store.upsert([RETURNS, SHIPPING])
        before = store.version()
        assert store.delete(["faq-shipping", "faq-shipping", "unknown"]) == 1
        assert store.delete(["faq-shipping"]) == 0
        assert store.version() == before + 1
        assert [p.passage_id for p in store.live_passages()] == ["faq-returns"]

    def test_what_changed_since_is_told_newest_first(self, store: KnowledgeStore) -> None:
        assert store.changes_since(0, "") == KnowledgeChanges(0, "")
        store.upsert([RETURNS, SHIPPING])
        first = store.changes_since(0, "")
        assert first is not None
        assert (first.passages, first.deleted) == (store.live_passages(), ())
        store.delete([RETURNS.passage_id])
        store.upsert([replace(SHIPPING, text="Two days."), replace(SHIPPING, passage_id="a")])
        store.upsert([replace(SHIPPING, passage_id="z")])
        later = store.changes_since(first.version, first.stamp)
        assert later is not None
        assert [p.passage_id for p in later.passages] == ["z", "a", SHIPPING.passage_id]
        assert later.deleted == (RETURNS.passage_id,)
        assert later.version == store.version()
        assert store.changes_since(later.version, later.stamp) == KnowledgeChanges(
            later.version, later.stamp
        )

    def test_marks_of_another_database_are_not_believed(self, store: KnowledgeStore) -> None:
        """A restored database may count the same version over other texts."""
        store.upsert([RETURNS])
        mark = store.snapshot()
        assert mark.passages == store.live_passages()
        assert store.changes_since(mark.version, "another") is None
        assert store.changes_since(mark.version, "") is None
        assert store.changes_since(mark.version + 1, mark.stamp) is None

    def test_a_deleted_passage_comes_back_under_a_new_version(self, store: KnowledgeStore) -> None:
        store.upsert([SHIPPING])
        store.delete([SHIPPING.passage_id])
        assert store.upsert([SHIPPING]) == 1
        assert store.live_passages() == (replace(SHIPPING, version=3),)


def test_old_turns_still_find_the_text_they_cited(engine: Engine) -> None:
    store, queries = SqlKnowledgeStore(engine), ConsoleQueries(engine)
    store.upsert([SHIPPING])
    store.upsert([replace(SHIPPING, text="Express takes two days.")])
    store.delete([SHIPPING.passage_id])
    first = queries.passage_version(SHIPPING.passage_id, 1)
    second = queries.passage_version(SHIPPING.passage_id, 2)
    assert first == SHIPPING
    assert second == replace(SHIPPING, text="Express takes two days.", version=2)
    assert queries.passage_version(SHIPPING.passage_id, 9) is None
    assert queries.passage_version("unknown", 1) is None
    assert [(v.passage.version, v.deleted) for v in store.versions(SHIPPING.passage_id)] == [
        (1, False), (2, False), (3, True),
    ]  # fmt: skip


def test_one_passage_can_be_read(engine: Engine) -> None:
    store = SqlKnowledgeStore(engine)
    store.upsert([RETURNS])
    assert store.get("faq-returns") == RETURNS
    store.delete(["faq-returns"])
    assert store.get("faq-returns") is None


def test_a_whole_catalogue_goes_in_at_once(engine: Engine) -> None:
    store = SqlKnowledgeStore(engine)
    catalogue = [replace(SHIPPING, passage_id=f"p{number:04}") for number in range(1200)]
    assert store.upsert(catalogue) == 1200
    assert store.upsert(catalogue) == 0
    assert store.delete([passage.passage_id for passage in catalogue[:600]]) == 600
    assert store.live_passages() == tuple(catalogue[600:])


@given(st.lists(samples.passages, max_size=4))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_passage_can_be_stored_and_is_then_unchanged(
    engine: Engine, passages: list[Passage]
) -> None:
    store = SqlKnowledgeStore(engine)
    store.upsert(passages)
    live = {passage.passage_id: passage for passage in store.live_passages()}
    for passage in {
        storable(passage).passage_id: storable(passage) for passage in passages
    }.values():
        assert content_hash(live[passage.passage_id]) == content_hash(passage)
    assert store.upsert(passages) == 0


def test_writers_at_once_count_every_change(engine: Engine) -> None:
    store = SqlKnowledgeStore(engine)
    barrier = Barrier(4)

    def edit(writer: int) -> int:
        barrier.wait()
        return sum(
            store.upsert([replace(SHIPPING, text=f"edit {number} of {writer}")])
            for number in range(5)
        )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(edit, range(4))) == 20
    assert store.version() == 20
    (passage,) = store.live_passages()
    assert passage.version == 20
    assert [v.passage.version for v in store.versions(SHIPPING.passage_id)] == list(range(1, 21))

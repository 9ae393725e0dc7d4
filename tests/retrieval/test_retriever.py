from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.protocols import Retriever
from bot.types import Lang, Passage, Query
from retrieval.candidates import Mode
from retrieval.index import HybridIndex
from retrieval.live import LiveRetriever
from retrieval.rerank import RERANKED
from retrieval.retriever import HybridRetriever
from tests.fakes import FakeKnowledgeStore
from tests.retrieval.fakes import FakeEncoder, FakeReader, faq
from tests.retrieval.shop import PASSAGES, TODAY, ask, product

Make = Callable[[tuple[Passage, ...]], Retriever]


def over(passages: tuple[Passage, ...], mode: Mode = "hybrid") -> HybridRetriever:
    encoder = FakeEncoder()
    return HybridRetriever(
        HybridIndex.build(passages, encoder), encoder, mode=mode, day=lambda: TODAY
    )


def live(passages: tuple[Passage, ...]) -> LiveRetriever:
    store = FakeKnowledgeStore()
    store.upsert(passages)
    retriever = LiveRetriever(over(()), store, FakeEncoder())
    retriever.refresh()
    return retriever


MAKERS: dict[str, Make] = {
    "hybrid": over,
    "dense": lambda passages: over(passages, "dense"),
    "lexical": lambda passages: over(passages, "lexical"),
    "live": live,
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Make:
    """Every retriever keeps the same promises."""
    return MAKERS[request.param]


def ids(retriever: Retriever, text: str, limit: int = 10) -> list[str]:
    return [hit.passage.passage_id for hit in retriever.search(ask(text), limit).hits]


def test_finds_what_is_asked_for(make: Make) -> None:
    assert ids(make(PASSAGES), "How long does the delivery take?")[0] == "faq-ship.en"


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", "??", "😀", "the of and", "\ud800", "x" * 100_000]
)
def test_a_strange_query_is_answered(make: Make, text: str) -> None:
    retrieval = make(PASSAGES).search(ask(text))
    assert 0 <= retrieval.answerability <= 1


def test_nothing_is_found_in_an_empty_shop(make: Make) -> None:
    retrieval = make(()).search(ask("How long?"))
    assert (retrieval.hits, retrieval.answerability) == ((), 0.0)


@pytest.mark.parametrize("limit", [0, 1, 3, 1000])
def test_no_more_than_asked_for_and_none_twice(make: Make, limit: int) -> None:
    found = ids(make(PASSAGES), "Can I return the kettle?", limit)
    assert len(found) <= limit
    assert len(found) == len(set(found))


def test_scores_fall(make: Make) -> None:
    hits = make(PASSAGES).search(ask("Which cards can I pay with?"), 10).hits
    entries: dict[str, float] = {}
    for hit in hits:
        entries.setdefault(hit.passage.group or hit.passage.passage_id, hit.score)
    assert list(entries.values()) == sorted(entries.values(), reverse=True)


@given(st.sampled_from([passage.title for passage in PASSAGES]), st.integers(0, 800))
def test_only_what_is_valid_on_the_day_is_returned(text: str, days: int) -> None:
    day = TODAY - timedelta(days=400) + timedelta(days=days)
    for mode in ("hybrid", "dense", "lexical"):
        retriever = HybridRetriever(INDEX, FakeEncoder(), mode=mode, day=lambda: day)
        for hit in retriever.search(ask(text), 20).hits:
            assert hit.passage.is_valid_on(day)


INDEX = HybridIndex.build(PASSAGES, FakeEncoder())


@given(
    st.sampled_from(["ML-KET-1701", "ML-KET-1711", "ML-TNT-2101"]),
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["en", "zh-Hans", "zh-Hant", "other"]),
)
def test_an_article_number_always_comes_first(
    sku: str, before: str, after: str, lang: Lang
) -> None:
    query = replace(ask(f"{before} {sku} {after}"), lang=lang)
    retriever = HybridRetriever(INDEX, FakeEncoder(), day=lambda: TODAY)
    hits = retriever.search(query, 10).hits
    named = [hit for hit in hits if hit.passage.attributes.get("sku", "-") in query.search_text]
    assert hits[0] in named
    assert any(hit.passage.attributes.get("sku") == sku and hit.exact for hit in hits[:3])


@given(st.lists(st.text(min_size=1, max_size=40), max_size=8, unique=True))
def test_other_passages_do_not_hide_an_exact_title(titles: list[str]) -> None:
    others = tuple(faq(f"other-{n}", title) for n, title in enumerate(titles))
    target = faq("target", "Do you rent out xylophones on weekends?")
    assert ids(over((*others, target)), target.title)[0] == "target"


def test_all_products_of_a_comparison_are_found() -> None:
    found = ids(over(PASSAGES), "Which is better, the K17 or the K17S?", 2)
    assert set(found) == {"product-ML-KET-1701.en", "product-ML-KET-1711.en"}


@pytest.mark.parametrize(
    ("lang", "ending"), [("en", ".en"), ("zh-Hans", ".zh"), ("zh-Hant", ".zh")]
)
def test_the_customers_language_leads_and_translations_come_last(lang: Lang, ending: str) -> None:
    hits = over(PASSAGES).search(replace(ask("K17 和 K17S"), lang=lang), 10).hits
    found = [hit.passage.passage_id for hit in hits]
    assert {found[0], found[1]} == {f"product-ML-KET-{n}{ending}" for n in (1701, 1711)}
    assert len([passage_id for passage_id in found if "KET" in passage_id]) == 4


def test_a_translation_leads_though_only_the_other_language_matched() -> None:
    query = replace(ask("How long does delivery take?"), lang="zh-Hans")
    assert over(PASSAGES).search(query, 1).hits[0].passage.passage_id == "faq-ship.zh"


def test_a_traditional_question_is_the_simplified_one() -> None:
    retriever = over(PASSAGES, "dense")
    one, other = (
        retriever.search(ask(text, "zh-Hant"), 3).hits for text in ("快遞幾天", "快递几天")
    )
    assert one == other


def test_a_follow_up_counts_for_more_than_what_it_follows() -> None:
    """ "Delivery? – And returns?" once found the delivery times again."""
    asked = Query(
        "and can I return it?",
        "en",
        "How long does delivery take?\nand can I return it?",
        is_follow_up=True,
    )
    joined = replace(asked, is_follow_up=False)
    assert over(PASSAGES).search(joined, 1).hits[0].passage.passage_id == "faq-ship.en"
    assert over(PASSAGES).search(asked, 1).hits[0].passage.passage_id == "faq-ret.en"


def test_hits_say_where_they_come_from() -> None:
    hit = over(PASSAGES).search(ask("Tidewell K17 Gooseneck Kettle"), 1).hits[0]
    assert hit.exact
    assert hit.dense is not None
    assert -1 <= hit.dense <= 1.001
    assert hit.lexical is not None
    assert hit.lexical > 0
    assert hit.reading is None


def test_the_turn_can_tell_which_knowledge_was_searched() -> None:
    one = over(PASSAGES).search(ask("delivery")).index_version
    other = over(PASSAGES[1:]).search(ask("delivery")).index_version
    assert one != other


def test_answerability_falls_with_the_distance_of_the_question() -> None:
    retriever = over(PASSAGES)
    near = retriever.search(ask("How long does delivery take?")).answerability
    far = retriever.search(ask("quantum chromodynamics zebra")).answerability
    assert near > far


def test_a_mode_without_its_parts_is_refused() -> None:
    words_only = HybridIndex.build(PASSAGES, None)
    with pytest.raises(ValueError, match="needs an encoder"):
        HybridRetriever(words_only, None)
    with pytest.raises(ValueError, match="needs a reader"):
        HybridRetriever(INDEX, FakeEncoder(), mode="rerank")
    assert ids(HybridRetriever(words_only, None, mode="lexical"), "delivery")


def reranked(favourite: str, seconds: float, budget: float) -> tuple[FakeReader, list[str]]:
    passages = tuple(faq(f"p{n:02}", f"delivery question {n:02}") for n in range(30))
    encoder = FakeEncoder()
    reader = FakeReader(favourite, seconds)
    retriever = HybridRetriever(
        HybridIndex.build((*passages, product("D-1000", "Delivery bag")), encoder),
        encoder,
        reader=reader,
        rerank_budget_s=budget,
    )
    return reader, ids(retriever, "delivery question", 10)


def test_the_reader_moves_what_it_likes_up_among_the_best() -> None:
    _, before = reranked("no such text", 0.0, 5.0)
    favourite = before[7]
    reader, after = reranked(f"question {favourite[1:]}", 0.0, 5.0)
    assert after.index(favourite) < 7
    assert sum(len(batch) for batch in reader.batches) == RERANKED


def test_the_reader_keeps_its_time_budget() -> None:
    reader, found = reranked("no such text", 0.05, 0.07)
    assert len(reader.batches) == 1
    assert len(found) == 10


def test_an_article_number_is_not_reranked_away() -> None:
    encoder = FakeEncoder()
    plain = HybridRetriever(INDEX, encoder, day=lambda: TODAY)
    read = HybridRetriever(INDEX, encoder, reader=FakeReader("Visa"), day=lambda: TODAY)
    before, after = (ids(retriever, "pay ML-KET-1701") for retriever in (plain, read))
    assert before[0] == after[0] == "product-ML-KET-1701.en"
    assert after.index("faq-pay.en") < before.index("faq-pay.en")
    assert after.index("product-ML-KET-1701.zh") > after.index("faq-ret.en"), "translations last"


def test_a_score_is_always_a_number(make: Make) -> None:
    for passage in PASSAGES:
        for hit in make(PASSAGES).search(ask(passage.title), 20).hits:
            assert math.isfinite(hit.score)

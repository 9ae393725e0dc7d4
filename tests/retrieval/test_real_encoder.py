"""The real encoder on the demo shop's delivery and returns texts: what the README promises."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.models.runtime import load_encoder
from bot.types import Lang, Query
from retrieval.importers import import_path
from retrieval.index import HybridIndex
from retrieval.retriever import HybridRetriever

SHOP = Path(__file__).parents[2] / "faq_data" / "shop"
pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def retriever() -> HybridRetriever:
    encoder = load_encoder(load_settings())
    passages = [
        passage
        for passage in import_path(SHOP).passages
        if passage.attributes.get("topic") in {"shipping", "returns"}
        or "-KET-" in passage.passage_id
    ]
    index = HybridIndex.build(passages, encoder)
    return HybridRetriever(index, encoder, day=lambda: date(2026, 10, 15))


@pytest.mark.parametrize(
    ("question", "lang", "expected"),
    [
        ("How big must my basket be for free postage in Chengdu?", "en", "faq-shipping-01.en"),
        ("满多少包邮？", "zh-Hans", "faq-shipping-01.zh"),
        ("how much is ML-KET-1717", "en", "product-ML-KET-1717.en"),
        ("K17S 能保温吗", "zh-Hans", "product-ML-KET-1711.zh"),
    ],
)
def test_the_right_passage_leads(
    retriever: HybridRetriever, question: str, lang: Lang, expected: str
) -> None:
    hits = retriever.search(Query(question, lang, question)).hits
    assert hits[0].passage.passage_id == expected


def test_the_twin_of_another_region_may_lead_but_not_alone(retriever: HybridRetriever) -> None:
    """China's and the EU's entry lie within 0.01: both must reach the generator."""
    question = "寄到中國大陸滿多少免運費？"
    hits = retriever.search(Query(question, "zh-Hant", question), 2).hits
    assert {hit.passage.passage_id for hit in hits} == {"faq-shipping-01.zh", "faq-shipping-02.zh"}


def test_superseded_terms_are_never_shown(retriever: HybridRetriever) -> None:
    for question in ("How long can I return an item?", "退货期限多久？", "return policy 2024"):
        hits = retriever.search(Query(question, "en", question), 20).hits
        assert not [hit for hit in hits if "2024" in hit.passage.passage_id]


def test_nonsense_is_less_answerable_than_a_question(retriever: HybridRetriever) -> None:
    known = retriever.search(Query("?", "en", "How long does delivery to Germany take?"))
    nonsense = retriever.search(Query("?", "en", "Who won the chess game on Mars?"))
    assert known.answerability > 0.75 > 0.6 > nonsense.answerability

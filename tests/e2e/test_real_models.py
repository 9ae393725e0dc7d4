"""The whole product on the real models: from the demo shop's files to a cited answer.

Slow to start (the index is built once) and the one place where everything is real: models, index,
database, HTTP. What is asserted holds whatever the generator's wording is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from bot.build import Shop, open_shop
from bot.channels.serving import assemble
from bot.channels.terminal import ask
from bot.config import load_settings
from retrieval.importers import import_path
from tests.e2e.live import serving

DEMO = Path(__file__).resolve().parents[2] / "faq_data" / "shop"
pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo shop in English and Chinese; FAQs and policies only, for the sake of time."""
    settings = load_settings(home=tmp_path_factory.mktemp("shop"))
    with open_shop(settings) as opened:
        passages = import_path(DEMO).passages
        opened.knowledge.upsert([p for p in passages if p.kind == "faq"])
        opened.retriever()
        yield opened


@pytest.fixture(scope="module")
def address(shop: Shop) -> Iterator[str]:
    with assemble(shop, shop.service()) as app, serving(app) as url:
        yield url


@pytest.mark.parametrize(
    ("question", "facts", "group"),
    [
        ("How much is standard delivery in the EU and from when is it free?", ["€"], "shipping"),
        ("国内普通快递运费多少？满多少包邮？", ["99"], "shipping"),
    ],
)
def test_a_question_is_answered_from_the_right_text(
    shop: Shop, question: str, facts: list[str], group: str
) -> None:
    asked = ask(shop.service().answer, question, stored=shop.queries.turn)
    assert asked.action == "answer"
    assert asked.citations, asked
    assert any(group in citation.passage_id for citation in asked.citations)
    assert all(fact in asked.text for fact in facts), asked.text


def test_what_the_shop_does_not_know_is_not_answered(shop: Shop) -> None:
    asked = ask(shop.service().answer, "What is the capital of Mongolia?", stored=shop.queries.turn)
    assert asked.action != "answer"
    assert not asked.citations


def test_asking_for_a_person_hands_over_in_both_languages(shop: Shop) -> None:
    for text in ("I want to talk to a human please", "转人工"):
        asked = ask(shop.service().answer, text, stored=shop.queries.turn)
        assert (asked.action, asked.reason) == ("hand_over", "asked_for_person"), asked


def test_the_api_answers_with_sources_and_stores_the_turn(shop: Shop, address: str) -> None:
    reply = httpx.post(
        f"{address}/api/v1/messages", json={"text": "退货运费谁出？"}, timeout=120
    ).json()
    assert reply["sentences"], reply
    stored = shop.queries.turn(reply["turn_id"])
    assert stored is not None
    assert stored.turn.message.text == "退货运费谁出？"
    assert stored.turn.retrieval.hits
    assert stored.turn.mood.label != "unknown"


def test_the_stream_sends_sentences_then_done(address: str) -> None:
    headers = {"Accept": "text/event-stream"}
    body = {"text": "How long do I have to return an unopened item?"}
    events = []
    with httpx.stream(
        "POST", f"{address}/api/v1/messages", json=body, headers=headers, timeout=120
    ) as response:
        events = [
            line.removeprefix("event:").strip()
            for line in response.iter_lines()
            if line.startswith("event:")
        ]
    assert events[0] == "started"
    assert "sentence" in events
    assert events[-1] == "done"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("locale", "question", "fact"),
    [
        ("en-GB", "How much is standard delivery in the EU?", "€"),
        ("zh-CN", "国内普通快递运费多少？", "元"),
    ],
)
def test_a_customer_types_a_question_and_reads_the_cited_answer(
    browser: Browser, address: str, locale: str, question: str, fact: str
) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("textbox").fill(question)
    page.get_by_role("textbox").press("Enter")
    expect(page.locator(".theirs[aria-busy=false]")).to_have_count(1, timeout=120_000)
    expect(page.locator(".said")).to_contain_text(fact)
    expect(page.locator(".source-text").first).to_contain_text(fact)
    context.close()


def test_an_edit_is_answered_from_within_a_second_or_so(shop: Shop) -> None:
    import time
    from dataclasses import replace

    passage = shop.knowledge.get("faq-shipping-02.en")
    assert passage is not None
    text = "We deliver to the moon base Tycho within 4321 days."
    new = replace(passage, passage_id="faq-moon.en", title="Moon delivery", text=text, group="m")
    shop.knowledge.upsert([new])
    time.sleep(2.0)
    asked = ask(shop.service().answer, "Do you deliver to the moon base Tycho?")
    assert "faq-moon.en" in json.dumps([c.passage_id for c in asked.citations])
    shop.knowledge.delete(["faq-moon.en"])
    time.sleep(2.0)
    again = ask(shop.service().answer, "Do you deliver to the moon base Tycho?")
    assert "faq-moon.en" not in json.dumps([c.passage_id for c in again.citations])


def test_serving_loaded_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from bot.config import load_settings\n"
        "from bot.models.runtime import load_encoder\n"
        "load_encoder(load_settings()).encode(['hello'], 'query')\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"

"""Knowledge by the API: for keys with the scope `knowledge` only; an answer of 200 is in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bot.channels import problems
from bot.channels.knowledge_api import knowledge_router
from bot.store.sql import SqlKnowledgeStore
from tests.channels.fakes import Shop, open_shop

ADDRESS = "/api/v1/knowledge/passages"
GIFT: dict[str, Any] = {
    "passage_id": "faq-gift.en",
    "lang": "en",
    "title": "Do you wrap gifts?",
    "text": "Yes, for 2 €.",
    "valid_until": "2026-12-24",
}


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Iterator[Shop]:
    opened = open_shop(tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def client(shop: Shop) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(knowledge_router(SqlKnowledgeStore(shop.engine), shop.parts))
    with TestClient(app) as opened:
        yield opened


def bearer(shop: Shop, *scopes: str) -> dict[str, str]:
    _, whole = shop.parts.access.api_keys.create("erp", scopes)
    return {"Authorization": f"Bearer {whole}"}


def test_without_the_right_key_nothing_changes(client: TestClient, shop: Shop) -> None:
    other = bearer(shop, "messages", "privacy")
    for headers, status in (({}, 401), (other, 403)):
        assert client.put(ADDRESS, json=[GIFT], headers=headers).status_code == status
        assert client.get(f"{ADDRESS}/faq-gift.en", headers=headers).status_code == status
        assert client.delete(f"{ADDRESS}/faq-gift.en", headers=headers).status_code == status
    assert SqlKnowledgeStore(shop.engine).live_passages() == ()


def test_a_passage_is_added_changed_and_deleted_and_every_version_kept(
    client: TestClient, shop: Shop
) -> None:
    key = bearer(shop, "knowledge")
    store = SqlKnowledgeStore(shop.engine)
    assert client.put(ADDRESS, json=[GIFT], headers=key).json()["changed"] == 1
    assert client.put(ADDRESS, json=[GIFT], headers=key).json()["changed"] == 0
    (passage,) = store.live_passages()
    assert (passage.group, str(passage.valid_until)) == ("faq-gift", "2026-12-24")
    told = client.put(ADDRESS, json=[GIFT | {"text": "Yes, free."}], headers=key).json()
    assert told == {"changed": 1, "knowledge_version": store.version()}
    assert client.delete(f"{ADDRESS}/faq-gift.en", headers=key).json()["changed"] == 1
    assert client.delete(f"{ADDRESS}/faq-gift.en", headers=key).status_code == 404
    assert store.live_passages() == ()
    versions = client.get(f"{ADDRESS}/faq-gift.en", headers=key).json()
    assert [(one["version"], one["text"], one["deleted"]) for one in versions] == [
        (3, "Yes, free.", True),
        (2, "Yes, free.", False),
        (1, "Yes, for 2 €.", False),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"passage_id": ""},
        {"lang": "klingon"},
        {"valid_from": "2027-01-01"},
        {"valid_until": "soon"},
        {"colour": "red"},
        {"text": "x" * 50_001},
    ],
)
def test_a_bad_passage_is_refused_and_the_good_one_beside_it_too(
    client: TestClient, shop: Shop, wrong: dict[str, Any]
) -> None:
    key = bearer(shop, "knowledge")
    body = [GIFT | {"passage_id": "good"}, GIFT | wrong]
    assert client.put(ADDRESS, json=body, headers=key).status_code == 422
    assert client.get(f"{ADDRESS}/good", headers=key).status_code == 404

"""Headers and refusals that hold for every address."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/api/v1/openapi.json", "/console/login", "/nothing", "/chat-static/chat.js"],
)
def test_our_own_pages_allow_nothing_inline_and_nothing_foreign(
    client: TestClient, path: str
) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]


def test_the_chat_page_has_a_policy_with_a_fresh_nonce(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    policy = first.headers["content-security-policy"]
    assert policy != second.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert first.text.count("<script") == first.text.count(f'<script nonce="{nonce}"')


def test_the_chat_page_names_the_shop_and_nobody_else(client: TestClient) -> None:
    page = client.get("/").text
    assert "<title>枫里生活 · Maple Lane</title>" in page
    for foreign in ("gradio.app", "githubusercontent", "googleapis", "cdn", "twitter:"):
        assert foreign not in page


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://169.254.169.254/",
        "/gradio_api/vibe-code/",
        "/gradio_api/runs",
        "/gradio_api/openapi.json",
        "/gradio_api/deep_link",
        "/monitoring",
        "/login",
        "/../etc/passwd",
        "/nothing",
        "/favicon.ico",
    ],
)
def test_what_customers_do_not_need_is_not_there(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "not-found"


def test_a_given_request_id_is_kept_only_if_it_is_one(client: TestClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "abcdef-12345678"})
    assert kept.headers["x-request-id"] == "abcdef-12345678"
    made = client.get("/healthz", headers={"X-Request-ID": "<script>"})
    assert made.headers["x-request-id"] != "<script>"


def test_an_address_asked_in_the_wrong_way_is_a_problem_object(client: TestClient) -> None:
    answer = client.get("/api/v1/messages")
    assert answer.status_code == 404
    assert answer.json()["type"] == "not-found"

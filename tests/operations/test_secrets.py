"""Marker secrets go in; neither the log nor an error page of a running server lets them out."""

from __future__ import annotations

from pathlib import Path

import httpx
from sqlalchemy import Engine

from bot.store.api_keys import SqlApiKeys
from tests.operations.process import server_process

MARKERS = {
    "generic_secret": "whsec_" + "TUFSS0VSTUFSS0VSTUFSS0VSTUFSS0VS",
    "generic_url": "https://user:MARKERinTheUrl77@erp.example.com/in",
    "secret_key": "MARKER-" + "secretkey-" * 4,
    "generator_api_key": "MARKER-generator-api-key",
}


def test_secrets_reach_neither_logs_nor_error_pages(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path
) -> None:
    _, key = SqlApiKeys(sqlite_engine).create("erp", ["messages"])
    bearer = {"Authorization": f"Bearer {key}"}
    with (
        server_process(tmp_path, sqlite_url, **MARKERS) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        pages = [
            client.post("/api/v1/messages", json={"text": "crash"}, headers=bearer),
            client.post("/api/v1/messages", json={"text": 7}, headers=bearer),
            client.post("/webhooks/chatwoot", content=b"{}", headers=bearer),
            client.post("/console/login", data={"name": "x", "password": "MARKER-typed"}),
            client.get("/nothing", headers=bearer),
            client.get("/readyz"),
        ]
        assert [page.status_code for page in pages[:3]] == [500, 422, 401]
        assert server.terminate() == 0
        written = server.log + "".join(page.text + str(page.headers) for page in pages)
    assert "RuntimeError" in server.log, "the crash itself is told"
    assert "[secret]" in server.log
    for secret in (*MARKERS.values(), "MARKER", "TUFSS0VS", key, key.split("_", 2)[2]):
        assert secret not in written, secret

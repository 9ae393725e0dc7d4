"""The console over a shop with forty conversations, and a client signed in as Anna."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from bot.channels.edge import Edge
from bot.console.app import console_app
from tests.channels.fakes import Shop, open_shop
from tests.console.seed import fill

PASSWORD = "correct horse battery"


@dataclass
class Desk:
    """The console as a browser meets it."""

    shop: Shop
    client: TestClient
    ids: list[str]

    def token(self, path: str = "/console/login") -> str:
        """The CSRF token of this session."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get(path).text)
        assert found
        return found[1]

    def sign_in(self, name: str = "anna", password: str = PASSWORD, **extra: str) -> Response:
        """Send the sign-in form."""
        form = {"csrf": self.token(), "name": name, "password": password, **extra}
        return self.client.post("/console/login", data=form, follow_redirects=False)

    def do(self, action: str, conversation_id: str, **form: str) -> Response:
        """Send one of the conversation page's forms; the page it leads to."""
        form = {"csrf": self.token("/console/"), "conversation_id": conversation_id, **form}
        return self.client.post(f"/console/do/{action}", data=form)


@pytest.fixture(scope="session")
def seeded(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A database with Anna and forty conversations to copy, and the conversations' ids."""
    folder = tmp_path_factory.mktemp("seeded")
    shutil.copy(migrated_sqlite, folder / "shop.db")
    shop = open_shop(folder)
    shop.parts.agents.create("anna", PASSWORD)
    ids = fill(shop)
    shop.engine.dispose()
    return folder / "shop.db", ids


@pytest.fixture
def desk(seeded: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Desk]:
    """A console with forty conversations; nobody is signed in."""
    database, ids = seeded
    shutil.copy(database, tmp_path / "shop.db")
    shop = open_shop(tmp_path)
    app = FastAPI(middleware=[Middleware(Edge, max_body_bytes=100_000)])
    app.mount("/console", console_app(shop.parts))
    with TestClient(app, headers={"Accept-Language": "en"}) as client:
        yield Desk(shop, client, ids)
    shop.engine.dispose()


@pytest.fixture
def anna(desk: Desk) -> Desk:
    """The console, Anna signed in."""
    assert desk.sign_in().status_code == 303
    return desk

"""A shop with a scripted answer, and a client that talks to its application.

Building the application takes a second, so a file's tests share one; every test begins with an
answer that has no scripts and no memory. The database is shared too: tests use their own ids.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bot.channels.app import create_app
from tests.channels.fakes import Shop, open_shop


@pytest.fixture(scope="module")
def served(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shop, TestClient]]:
    """A shop and a client of its application."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(migrated_sqlite, folder / "shop.db")
    shop = open_shop(folder, workers=2, max_message_chars=500)
    with TestClient(create_app(shop.parts)) as client:
        yield shop, client
    shop.engine.dispose()


@pytest.fixture
def shop(served: tuple[Shop, TestClient]) -> Shop:
    """The shop, its answer as new."""
    served[0].answer.reset()
    return served[0]


@pytest.fixture
def client(served: tuple[Shop, TestClient], shop: Shop) -> TestClient:
    """The client, signed out."""
    served[1].cookies.clear()
    return served[1]

"""A real browser in front of the whole application on a loopback port.

Covered: Chromium, one window per test, and two checks that hold for every page: nothing is asked
of another host, and the page reports no error. Not covered: other browsers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from bot.channels.app import create_app
from bot.types import Passage
from tests.channels.fakes import Shop, open_shop
from tests.e2e.live import serving

PASSWORD = "correct horse battery"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium of this machine."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.fail(
            f"no browser: none of {', '.join(CHROMIUM)} is installed (apt install chromium)"
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def served(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shop, str]]:
    """A shop and the address of its application."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(migrated_sqlite, folder / "shop.db")
    shop = open_shop(folder, max_message_chars=500)
    shop.parts.agents.create("anna", PASSWORD)
    descaling = Passage("faq-kettle.en", "faq", "en", "How do I descale a kettle?", "With vinegar.")
    shop.parts.knowledge.upsert([descaling])
    with serving(create_app(shop.parts)) as address:
        yield shop, address
    shop.engine.dispose()


@pytest.fixture
def shop(served: tuple[Shop, str]) -> Shop:
    """The shop, its answer as new."""
    served[0].answer.reset()
    return served[0]


@pytest.fixture
def open_page(browser: Browser, served: tuple[Shop, str], shop: Shop) -> Iterator[OpenPage]:
    """Opens an address of the application in a fresh window and watches what it does."""
    address = served[1]
    complaints: list[str] = []
    contexts = []

    def asked(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            complaints.append(f"asked {request.url}")

    def said(message: ConsoleMessage) -> None:
        # A refused sign-in is an answer, though the browser calls it an error.
        if message.type == "error" and "401" not in message.text:
            complaints.append(message.text)

    def open_(path: str = "/", *, locale: str = "en-GB", width: int = 1280) -> Page:
        phone = width < 500
        context = browser.new_context(
            locale=locale,
            viewport={"width": width, "height": 844 if phone else 800},
            has_touch=phone,
            is_mobile=phone,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []

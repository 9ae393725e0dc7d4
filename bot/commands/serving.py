"""`shopkeeper demo`, `serve`, `chat`, `ask`: the program as people meet it."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Literal

from rich.console import Console

from bot.build import Shop, open_shop
from bot.commands.misspelt import misspelt, told
from bot.commands.models import progress_bars, setup
from bot.config import Settings
from bot.errors import ShopkeeperError
from bot.logs import configure, log_crashes, secrets_in

console = Console(stderr=True)
DEMO_SHOP = Path(__file__).resolve().parents[2] / "faq_data" / "shop"
DEMO_AGENT = "demo"


def demo(settings: Settings, host: str, port: int) -> None:
    """From nothing to a chat page with the demo shop in it."""
    from bot.commands.knowledge import load_demo_shop

    setup(settings)
    with open_shop(settings, models=False) as shop:
        load_demo_shop(shop, DEMO_SHOP)
        _demo_agent(shop)
    serve(settings, host, port)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until stopped."""
    from bot.channels.server import orderly_end, take_short_turns

    for name, guess in misspelt(os.environ).items():
        console.print("note:", told(name, guess), style="yellow", markup=False)
    host, port = host or settings.host, port or settings.port
    listener = _listen(host, port)
    started = time.monotonic()
    configure(settings.log_level, secrets=(*settings.secrets, *secrets_in(os.environ)))
    log_crashes()
    take_short_turns()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # The page's library takes seconds to import, the models to load: both at once.
    pages = threading.Thread(target=import_module, args=("bot.channels.serving",), daemon=True)
    pages.start()
    with orderly_end(), listener, open_shop(settings) as shop:
        pages.join()
        _run(shop, listener, started)


def _run(shop: Shop, listener: socket.socket, started: float) -> None:
    from bot.channels.server import Server
    from bot.channels.serving import assemble

    with progress_bars() as report:
        service = shop.service(lambda done, total: report("indexing", done, total))
    with assemble(shop, service) as app:
        server = Server(app)
        announce = threading.Thread(
            target=_announce, args=(server, listener, shop, started), daemon=True
        )
        announce.start()
        server.run(sockets=[listener])


def _announce(server: object, listener: socket.socket, shop: Shop, started: float) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.05)
    host, port = listener.getsockname()[:2]
    url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"  # noqa: S104
    settings = shop.settings
    console.print(f"\n[bold green]{settings.shop_name_en} {settings.shop_name_zh}[/] is open")
    console.print(f"  chat      {url}/")
    console.print(f"  console   {url}/console")
    console.print(f"  API       {url}/api/v1/openapi.json")
    console.print(f"  ready in {time.monotonic() - started:.1f} s; Ctrl+C stops", style="dim")


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, before the models are loaded, so that a port in use is told at once.

    Raises:
        ShopkeeperError: the port is taken, or the address is not this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ShopkeeperError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            fix=f"stop the other program, or choose another port: --port {port + 1}",
        ) from error
    return listener


def chat(settings: Settings) -> None:
    """Chat in the terminal."""
    from bot.channels import terminal

    with open_shop(settings) as shop:
        language = os.environ.get("LANG", "")
        lang: Literal["en", "zh"] = "zh" if language.startswith("zh") else "en"
        terminal.chat(shop.service().answer, settings, lang=lang)


def ask(settings: Settings, question: str, as_json: bool) -> None:
    """Answer one question and print it with its sources."""
    from bot.channels import terminal

    with open_shop(settings) as shop:
        limit = settings.max_message_chars
        asked = terminal.ask(shop.service().answer, question, stored=shop.queries.turn, limit=limit)
    if as_json:
        print(json.dumps(asdict(asked), ensure_ascii=False, default=str))
        return
    print(asked.text)
    for citation in asked.citations:
        console.print(
            f"  [{citation.number}] {citation.title}  {citation.passage_id}", markup=False
        )


def _demo_agent(shop: Shop) -> None:
    """An account for the console of the demo shop, its password made up on the first start."""
    import secrets

    if shop.agents.list():
        return
    password = secrets.token_urlsafe(9)
    shop.agents.create(DEMO_AGENT, password, "admin")
    note = shop.settings.home / "console-password.txt"
    note.write_text(f"{DEMO_AGENT} / {password}\n", encoding="utf-8")
    note.chmod(0o600)
    console.print(f"console sign-in: {DEMO_AGENT} / {password}  (kept in {note})")

"""`shopkeeper doctor` and `config`: what is there, what is missing or corrupt, and what mends it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.commands.misspelt import PREFIX, misspelt, told
from bot.config import Settings
from bot.errors import ShopkeeperError
from bot.models.adapters import MOOD, READER, encoder_adapter
from bot.models.registry import DEFAULT_ENCODER, ModelSpec, shipped_registry
from bot.models.runtime import merged_adapter
from bot.models.setup import ModelHome, is_ready

_LIBRARIES = ("openvino", "openvino-genai", "faiss-cpu", "bm25s", "gradio", "fastapi", "sqlalchemy")
_TRAINING = ("torch", "transformers", "peft")
_FREE_GB = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` is empty when nothing is to be done."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


def doctor(settings: Settings, as_json: bool) -> int:
    """Print all findings; returns 1 when something must be mended."""
    findings = list(examine(settings))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        table = Table("", "what")
        for name in ("found", "fix"):
            # A path that is cut short helps nobody.
            table.add_column(name, overflow="fold")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]mend[/]"
            table.add_row(mark, finding.what, finding.detail, finding.fix)
        Console().print(table)
    return 0 if all(finding.ok for finding in findings) else 1


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that the program needs, cheapest first."""
    version = sys.version.split()[0]
    recent = sys.version_info >= (3, 11)
    yield Finding("Python", recent, version, "" if recent else "use Python 3.11 or newer")
    for name, guess in misspelt(os.environ).items():
        yield Finding("environment", False, f"{name} is no setting", _rename(guess))
    for name in _LIBRARIES:
        yield _library(name, needed=True)
    for name in _TRAINING:
        yield _library(name, needed=False)
    yield from _models(settings)
    yield _disk(settings.models_dir)
    yield _guarded("database", lambda: _database(settings), "shopkeeper demo")
    yield _guarded("index", lambda: _index(settings), "shopkeeper index")
    yield _port(settings)


def show_config(settings: Settings) -> None:
    """Print the settings in force, under the names they have in the environment."""
    table = Table()
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("what it does")
    for name, value in settings.model_dump().items():
        about = type(settings).model_fields[name].description or ""
        table.add_row(f"{PREFIX}{name.upper()}", Text(str(value)), Text(about))
    Console().print(table)
    for name, guess in misspelt(os.environ).items():
        Console(stderr=True).print("note:", told(name, guess), style="yellow", markup=False)


def _rename(guess: str) -> str:
    return f"did you mean {guess}?" if guess else "unset it; all settings: shopkeeper config"


def _library(name: str, *, needed: bool) -> Finding:
    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        if needed:
            return Finding(name, False, "missing", "pip install -c requirements.lock -e .")
        return Finding(name, True, "not installed (only training needs it)")


def _models(settings: Settings) -> Iterator[Finding]:
    known = shipped_registry().models
    home = ModelHome(settings.models_dir)
    for name in (settings.encoder, settings.generator):
        if name not in known:
            kind = "remote" if name.startswith("http") else "folder"
            there = kind == "remote" or Path(name).is_dir()
            yield Finding(f"model {name}", there, kind, "" if there else "check the path")
            continue
        try:
            adapter = merged_adapter(name, settings)
        except ShopkeeperError as error:
            yield Finding(f"adapter of {name}", False, error.message, error.fix)
            continue
        yield _converted(f"model {name}", home, known[name], adapter.key if adapter else "")
    for skill in (MOOD, READER):
        try:
            key = encoder_adapter(skill).key
        except ShopkeeperError as error:
            yield Finding(f"{skill} adapter", False, error.message, error.fix)
            continue
        yield _converted(f"encoder for {skill}", home, known[DEFAULT_ENCODER], key)


def _converted(name: str, home: ModelHome, spec: ModelSpec, key: str) -> Finding:
    folder = home.converted(spec, key)
    ready = is_ready(spec, folder, key) and (folder / "openvino_model.bin").exists()
    detail = str(folder) if ready else "missing or made by another version"
    return Finding(name, ready, detail, "" if ready else "shopkeeper models setup")


def _disk(folder: Path) -> Finding:
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    enough = free > _FREE_GB
    fix = "" if enough else f"free {_FREE_GB} GB, or set SHOPKEEPER_MODELS_DIR"
    return Finding("disk", enough, f"{free:.0f} GB free at {place}", fix)


def _database(settings: Settings) -> Finding:
    from bot.store.revision_check import refuse_other_tables
    from bot.store.sql import SqlKnowledgeStore, check, open_engine

    if not settings.database_url and not (settings.home / "shopkeeper.db").exists():
        return Finding("database", True, "none yet; the first start makes it")
    engine = open_engine(settings.sqlalchemy_url, settings.encryption_keys)
    try:
        check(engine)
        # Looked at, not mended: who asks what is wrong does not want it changed meanwhile.
        refuse_other_tables(engine)
        count = len(SqlKnowledgeStore(engine).live_passages())
    finally:
        engine.dispose()
    fix = "" if count else "shopkeeper knowledge import FILE"
    return Finding("database", bool(count), f"{engine.dialect.name}, {count} passages", fix)


def _index(settings: Settings) -> Finding:
    manifests = sorted(settings.index_dir.glob("*/manifest.json"))
    if not manifests:
        return Finding("index", True, "none yet; the first start makes it")
    for manifest in manifests:
        json.loads(manifest.read_text(encoding="utf-8"))
    return Finding("index", True, ", ".join(str(manifest.parent) for manifest in manifests))


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        used = probe.connect_ex((settings.host, settings.port)) == 0
    detail = f"{settings.host}:{settings.port} is {'in use' if used else 'free'}"
    return Finding("port", True, detail)


def _guarded(what: str, look: Callable[[], Finding], fix: str) -> Finding:
    try:
        return look()
    except ShopkeeperError as error:
        return Finding(what, False, error.message, error.fix or fix)
    except (OSError, ValueError) as error:
        return Finding(what, False, str(error), fix)

"""The arrows of the house, and what a serving process must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bot", "retrieval", "training")
LAYERS = (
    ("bot.cli", "bot.commands"),
    ("bot.channels", "bot.console"),
    ("bot.build",),
    ("bot.service",),
    (
        "bot.answering",
        "bot.mood",
        "bot.query",
        "bot.handover",
        "bot.why",
        "bot.heads",
        "bot.remember",
        "bot.store",
        "bot.models",
    ),
    ("retrieval",),
    ("bot.types", "bot.retrieval_types", "bot.protocols", "bot.errors", "bot.config"),
)
"""Outermost first; a module imports from its own layer or from those below."""


def modules() -> list[Path]:
    return sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


def layer(name: str) -> int | None:
    for number, prefixes in enumerate(LAYERS):
        if any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes):
            return number
    return None


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_arrows_point_inwards(path: Path) -> None:
    name = module_name(path)
    own = layer(name)
    for other in imports_of(path):
        if name.startswith("training"):
            continue
        if other.startswith("training"):
            assert name.startswith(("bot.commands", "bot.build")), f"{name} imports {other}"
            continue
        theirs = layer(other)
        if own is not None and theirs is not None:
            assert own <= theirs, f"{name} imports {other}, which is further out"


def test_retrieval_knows_only_the_vocabulary() -> None:
    allowed = ("retrieval", "bot.types", "bot.protocols", "bot.errors")
    for path in (ROOT / "retrieval").rglob("*.py"):
        for other in imports_of(path):
            assert other.startswith(allowed), f"{module_name(path)} imports {other}"


@pytest.mark.parametrize(
    "statement",
    [
        "import bot",
        "import bot.build, bot.channels.app, bot.channels.terminal, bot.commands.serving",
    ],
)
def test_serving_loads_no_torch(statement: str) -> None:
    code = f"import sys; {statement}; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("[]"), out.stdout


def test_modules_stay_small() -> None:
    long = {module_name(p): len(p.read_text("utf-8").splitlines()) for p in modules()}
    assert not {name: lines for name, lines in long.items() if lines > 300}

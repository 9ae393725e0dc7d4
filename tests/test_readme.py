"""The README says what is there, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.readme_tree import BEGIN, END, README, ROOT, tree


def test_the_tree_is_the_real_one() -> None:
    text = README.read_text("utf-8")
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == tree(), "run: python -m tests.readme_tree"


def commands() -> list[str]:
    documents = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "bench" / "README.md"]
    found = set()
    for document in documents:
        for match in re.finditer(r"shopkeeper ((?:[a-z]+ ?){1,2})", document.read_text("utf-8")):
            found.add(match[1].strip())
    return sorted(found)


@pytest.fixture(scope="module")
def program_help() -> str:
    code = (
        "from bot.cli import app, register_all\n"
        "import typer\n"
        "register_all()\n"
        "root = typer.main.get_command(app)\n"
        "for name, command in root.commands.items():\n"
        "    print(name)\n"
        "    for sub in getattr(command, 'commands', {}):\n"
        "        print(name, sub)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return out.stdout


@pytest.mark.parametrize("command", commands())
def test_documented_commands_exist(command: str, program_help: str) -> None:
    words = command.split()
    known = program_help.splitlines()
    assert words[0] in known, f"no command {words[0]!r}"
    if any(line.startswith(words[0] + " ") for line in known) and len(words) > 1:
        assert " ".join(words[:2]) in known, f"no command {command!r}"


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\(((?!http|#)[^)]+)\)", README.read_text("utf-8")):
        assert (ROOT / target.split("#")[0]).exists(), target

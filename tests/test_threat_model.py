"""Every threat names a test, and every test that is named exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "threat-model.md"


def rows() -> list[str]:
    """The lines of the tables, without their heads."""
    lines = PAGE.read_text("utf-8").splitlines()
    return [
        line
        for line in lines
        if line.startswith("| ") and not line.startswith(("| ---", "| threat"))
    ]


def named() -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", "\n".join(rows()))


@pytest.mark.parametrize("name", named())
def test_the_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert function in tests if function else any(t.startswith("test_") for t in tests)


def test_every_threat_names_one() -> None:
    assert len(rows()) > 25
    for row in rows():
        assert "`tests/" in row.split("|")[-2], row

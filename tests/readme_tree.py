"""The README's file tree, made from the modules' own first lines: `python -m tests.readme_tree`."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- tree -->", "<!-- /tree -->"
_FOLDERS = ("bot", "retrieval", "training", "bench")
_OTHERS = {
    "Makefile": "demo, test, lint, fix, bench",
    "pyproject.toml": "dependencies in ranges, tools' settings",
    "requirements.lock": "the exact versions that were tested",
    "faq_data/shop/": "the demo shop's FAQs, policies and products",
    "faq_data/golden/": "questions with their right answers, dev and test",
    "tests/": "mirrors the packages; e2e/ runs in a real browser",
    "docs/": "decisions, evaluation, retrieval, licences",
}


def tracked() -> list[str]:
    """Files that git knows, sorted."""
    out = subprocess.run(
        ["git", "ls-files", *_FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return sorted(name for name in out.stdout.split() if name.endswith(".py"))


def comment(name: str) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse((ROOT / name).read_text("utf-8"))) or ""
    first = re.split(r"(?<=[a-z)`\d])[.:](?:\s|$)|\n\n", docstring, maxsplit=1)[0]
    return " ".join(first.split()).rstrip(".")


def tree() -> str:
    """The whole tree as an indented text block."""
    lines = [f"{name:34} {about}" for name, about in _OTHERS.items()]
    folder = ""
    for name in tracked():
        if name.endswith("__init__.py") or "/versions/" in name:
            continue
        parent, file = name.rsplit("/", 1)
        if parent != folder:
            folder = parent
            lines.append(f"{parent}/")
        about = comment(name)
        lines.append(f"  {file:32} {about if len(about) <= 96 else about[:95] + '…'}")
    return "```text\n" + "\n".join(lines) + "\n```"


def main() -> None:
    """Write the tree into the README."""
    text = README.read_text("utf-8")
    pattern = re.escape(BEGIN) + r".*?" + re.escape(END)
    README.write_text(
        re.sub(pattern, lambda _: f"{BEGIN}\n{tree()}\n{END}", text, flags=re.DOTALL), "utf-8"
    )


if __name__ == "__main__":
    main()

"""The key of the sessions: set by the operator, or made once and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.config import Settings
from bot.console.secret import session_secret
from bot.errors import ConfigError


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "var")
    first = session_secret(settings)
    assert first == session_secret(settings)
    assert len(first) >= 32
    mode = (tmp_path / "var" / "console.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["console.key"]


def test_the_operators_key_wins(tmp_path: Path) -> None:
    assert session_secret(Settings(home=tmp_path, secret_key="x" * 40)) == "x" * 40  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["short", "", "é" * 40])
def test_a_weak_or_damaged_key_is_refused_with_its_place(tmp_path: Path, content: str) -> None:
    (tmp_path / "console.key").write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=r"console\.key"):
        session_secret(Settings(home=tmp_path))


def test_a_short_setting_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SHOPKEEPER_SECRET_KEY"):
        session_secret(Settings(home=tmp_path, secret_key="abc"))  # type: ignore[arg-type]

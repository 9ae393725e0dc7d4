"""`shopkeeper events …` as an operator types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands import events as commands
from bot.errors import InputError

HOOKS = "https://crm.example/hooks"


def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPKEEPER_HOME", str(tmp_path))
    app = typer.Typer()
    app.callback()(lambda: None)
    commands.register(app)
    runner = CliRunner()

    def run(*words: str) -> str:
        done = runner.invoke(app, ["events", *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    told = run("subscribe", "crm", HOOKS, "--kind", "knowledge.gap")
    assert "whsec_" in told
    assert "knowledge.gap" in run("subscribers")
    assert "whsec_" not in run("subscribers"), "shown once"
    assert "whsec_" in run("rotate", "crm")
    assert "1 old secret" in run("rotate", "crm", "--finish")
    run("disable", "crm")
    assert "by hand" in run("subscribers")
    run("enable", "crm")
    assert "0 deliveries" in run("replay", "--since", "2h")
    run("list")
    for wrong in (
        ["subscribe", "crm", HOOKS],
        ["subscribe", "b", "ftp://x"],
        ["subscribe", "b", HOOKS, "--kind", "order.paid"],
        ["subscribe", "a b", HOOKS],
        ["remove", "nobody"],
        ["replay"],
        ["replay", "msg_nothing"],
        ["replay", "--since", "soon"],
    ):
        with pytest.raises(InputError):
            run(*wrong)
    run("remove", "crm")
    assert "crm" not in run("subscribers")

"""Single passages by hand: the commands that an operator types."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.build import open_shop
from bot.cli import knowledge_app
from bot.commands import passages
from bot.config import load_settings
from bot.errors import InputError

if not any(command.name == "put" for command in knowledge_app.registered_commands):
    passages.register(knowledge_app)


def run(*words: str) -> None:
    """Run a command of `shopkeeper knowledge`; its error comes out as it is."""
    result = CliRunner().invoke(knowledge_app, list(words))
    if result.exception is not None:
        raise result.exception


def test_put_change_expire_and_look_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOPKEEPER_HOME", str(tmp_path))
    run("put", "faq-gift.zh", "--title", "可以包装礼物吗？", "--text", "可以，两元。")
    run("put", "faq-gift.zh", "--title", "可以包装礼物吗？", "--text", "可以，免费。")
    run("expire", "faq-gift.zh", "--on", "2026-01-31")
    with open_shop(load_settings(), models=False) as shop:
        versions = shop.knowledge.versions("faq-gift.zh")
    latest = versions[-1].passage
    assert [one.passage.text for one in versions] == [
        "可以，两元。",
        "可以，免费。",
        "可以，免费。",
    ]
    assert (latest.lang, latest.group, str(latest.valid_until)) == (
        "zh-Hans",
        "faq-gift",
        "2026-01-31",
    )
    run("history", "faq-gift.zh")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["expire", "nobody"], "no passage nobody"),
        (["history", "nobody"], "no passage 'nobody'"),
        (["put", "a", "--title", "A?", "--text", "B", "--valid-until", "soon"], "'soon' is no day"),
    ],
)
def test_bad_input_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.setenv("SHOPKEEPER_HOME", str(tmp_path))
    with pytest.raises(InputError, match=told):
        run(*words)

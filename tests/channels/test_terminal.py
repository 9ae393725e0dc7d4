"""The chat in a terminal, driven line by line."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bot.channels.terminal import ask, chat
from bot.config import Settings
from bot.errors import InputError
from bot.types import Action, Message, Reply
from tests.channels.fakes import ENGLISH, Script, ScriptedAnswer, Shop


def typed(*lines: str) -> Callable[[], str]:
    waiting = iter(lines)

    def read() -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return read


def talk(answer: ScriptedAnswer, *lines: str, lang: str = "en") -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=False)
    settings = Settings(home=Path("unused"), max_message_chars=200)
    chat(answer, settings, lang=lang, console=console, read=typed(*lines))  # type: ignore[arg-type]
    return out.getvalue()


def test_sentences_come_with_their_sources() -> None:
    answer = ScriptedAnswer()
    out = talk(answer, "returns?", "and delivery?", "/quit", "never asked")
    assert "You have 14 days in the EU" in out
    assert "[2] Delivery policy" in out
    assert [call.text for call in answer.calls] == ["returns?", "and delivery?"]
    assert len({call.conversation_id for call in answer.calls}) == 1


def test_it_speaks_chinese() -> None:
    out = talk(ScriptedAnswer(), "", "退出", lang="zh")
    assert "您好" in out
    assert "请先输入" in out


def test_too_much_text_is_refused_politely() -> None:
    answer = ScriptedAnswer()
    assert "under 200 characters" in talk(answer, "x" * 201)
    assert answer.calls == []


def test_markup_of_the_terminal_is_inert() -> None:
    answer = ScriptedAnswer()
    answer.default = Script((Reply("[bold red]no[/] [link=http://x]y[/link]", "verbatim"),))
    assert "[bold red]no[/]" in talk(answer, "hi")


def test_ctrl_c_stops_the_answer_and_frees_the_generator() -> None:
    answer = ScriptedAnswer()
    hits = iter([None, None])

    def interrupt() -> None:
        if next(hits, "stop") == "stop":
            raise KeyboardInterrupt

    answer.default = Script(ENGLISH * 5, before=interrupt)
    out = talk(answer, "hi", "/quit")
    assert "Delivery is free" in out
    assert answer.open == 0


def test_one_question_for_scripts(shop: Shop) -> None:
    shop.answer.default = Script(action=Action.ANSWER)
    asked = ask(shop.answer, "  returns? ", stored=shop.parts.queries.turn, lang="en")
    assert asked.question == "returns?"
    assert asked.text.startswith("You have 14 days")
    assert (asked.action, asked.reason, asked.mood) == ("answer", "answerable", "neutral")
    assert [c.passage_id for c in asked.citations] == ["faq-returns-01.en", "policy-shipping.en"]
    assert asked.total_ms > 0


def test_a_question_is_answered_without_a_database_too() -> None:
    def answer(_message: Message) -> Iterator[Reply]:
        yield ENGLISH[0]

    asked = ask(answer, "hi")
    assert (asked.action, asked.mood) == ("", "unknown")


def test_an_empty_question_is_refused() -> None:
    with pytest.raises(InputError):
        ask(ScriptedAnswer(), " \x00 ")

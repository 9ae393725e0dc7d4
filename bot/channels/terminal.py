"""The chat in a terminal, and one question for scripts.

Covered: `shopkeeper chat` (sentence by sentence, sources beneath) and `shopkeeper ask` (a record
that the command prints as text or JSON). Not covered: commands and their options (`bot.cli`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.prompt import Prompt
from rich.text import Text

from bot.channels.intake import EmptyTextError, TextTooLongError, make_message, new_id
from bot.channels.texts import UiLang, chat_texts, refusals
from bot.config import Settings
from bot.protocols import AnswerMessage
from bot.store.records import TurnRecord
from bot.types import Citation, Lang, Message, Reply, join_sentences

CHANNEL = "terminal"
LEAVE = frozenset({"/quit", "/exit", "/q", "quit", "exit", "退出", "再见"})

StoredTurn = Callable[[str], TurnRecord | None]
"""Looks a turn up by its id (`ConsoleQueries.turn`)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its answer, as `shopkeeper ask --json` prints it.

    `action`, `reason`, `mood` and `total_ms` are empty or zero when the turn was not stored.
    """

    question: str
    text: str
    replies: tuple[Reply, ...]
    conversation_id: str
    turn_id: str
    action: str = ""
    reason: str = ""
    mood: str = "unknown"
    lang: str = "other"
    total_ms: float = 0.0

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Sources, each once, in the order of their first use."""
        return sources_of(self.replies)


def ask(
    answer: AnswerMessage,
    text: str,
    *,
    stored: StoredTurn | None = None,
    lang: Lang | None = None,
    limit: int = 4000,
    conversation_id: str | None = None,
) -> Asked:
    """Ask one question and wait for the whole answer.

    Raises:
        InputError: the question is empty or too long.
    """
    message = make_message(
        text, channel=CHANNEL, limit=limit, conversation_id=conversation_id, lang=lang
    )
    replies = tuple(answer(message))
    record = stored(message.message_id) if stored else None
    said = Asked(
        question=message.text,
        text=join_sentences(reply.text for reply in replies),
        replies=replies,
        conversation_id=message.conversation_id,
        turn_id=message.message_id,
    )
    if record is None:
        return said
    turn = record.turn
    return Asked(
        said.question,
        said.text,
        replies,
        said.conversation_id,
        said.turn_id,
        action=str(turn.decision.action),
        reason=turn.decision.reason,
        mood=turn.mood.label,
        lang=turn.query.lang,
        total_ms=turn.timings_ms.get("total", 0.0),
    )


def chat(
    answer: AnswerMessage,
    settings: Settings,
    *,
    lang: UiLang = "en",
    console: Console | None = None,
    read: Callable[[], str] | None = None,
) -> None:
    """Talk until the customer leaves (`/quit`, end of input or Ctrl-C).

    Args:
        answer: answers a message.
        settings: names, limits.
        lang: language of the interface; answers follow the question.
        console: where to print; the terminal by default.
        read: gives the next line; raises EOFError at the end. Asks at the terminal by default.
    """
    console = console or Console()
    text = chat_texts(settings)[lang]
    prompt = f"[bold]{text.you}[/]"
    read = read or (lambda: Prompt.ask(prompt, console=console))
    console.print(
        Panel(
            Text(f"{text.welcome} {text.intro}"),
            title=Text(f"{text.shop} · {text.shop_other}"),
            subtitle="/quit",
            border_style="red",
        )
    )
    conversation_id = new_id()
    while True:
        try:
            line = read()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if line.strip().casefold() in LEAVE:
            return
        words = refusals("zh-Hans" if lang == "zh" else "en")
        try:
            message = make_message(
                line,
                channel=CHANNEL,
                limit=settings.max_message_chars,
                conversation_id=conversation_id,
                lang="zh-Hans" if lang == "zh" else "en",
            )
        except EmptyTextError:
            console.print(Text(words.empty, style="yellow"))
            continue
        except TextTooLongError as error:
            console.print(Text(words.too_long.format(limit=f"{error.limit:,}"), style="yellow"))
            continue
        _say(answer, message, console, bot=text.bot, looking_up=text.looking_up)


def sources_of(replies: tuple[Reply, ...] | list[Reply]) -> tuple[Citation, ...]:
    """The passages cited, each once, in the order of their first use."""
    found = {
        (citation.passage_id, citation.version): citation
        for reply in reversed(replies)
        for citation in reversed(reply.citations)
    }
    return tuple(reversed(found.values()))


def _say(
    answer: AnswerMessage, message: Message, console: Console, *, bot: str, looking_up: str
) -> None:
    """Print an answer as it comes; Ctrl-C stops it and frees the generator."""
    replies: list[Reply] = []
    stream = answer(message)
    try:
        with console.status(f"{looking_up}…"):
            first = next(stream, None)
        while first is not None:
            head = Text(f"{bot}: ", style="bold red") if not replies else Text("  ")
            style = {"notice": "yellow", "verbatim": "italic"}.get(first.kind, "")
            numbers = "".join(f" [{citation.number}]" for citation in first.citations)
            console.print(head + Text(first.text, style=style) + Text(numbers, style="cyan"))
            replies.append(first)
            first = next(stream, None)
    except KeyboardInterrupt:
        console.print(Text("…", style="dim"))
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    for citation in sources_of(replies):
        line = Text(f"[{citation.number}] {citation.title}", style="cyan")
        console.print(Padding(line + Text(f"  {citation.passage_id}", style="dim"), (0, 0, 0, 2)))
    console.print()

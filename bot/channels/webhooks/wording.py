"""What the bot says in a chat that is not its own: the reply with its sources, and two notices.

Covered: text for channels that show plain messages. Not covered: the bot's prepared sentences
(`bot.answering.notices`).
"""

from __future__ import annotations

from typing import Final

from bot.types import Lang, Turn

MAX_SOURCES: Final = 3

_ATTACHMENTS: Final = {
    "en": "Thank you! I can only read text, so please tell me in a few words what it is about. "
    "Or reply “agent” and a colleague will look at it.",
    "zh": "谢谢！我目前只能阅读文字，请用几句话描述一下您的问题；也可以回复“人工”，由同事为您查看。",
}

_BROKEN: Final = {
    "en": "Sorry, something went wrong on our side. I'm passing your message to a colleague, "
    "who will reply here.",
    "zh": "抱歉，我们的系统出了点问题。我已把您的消息转给同事，同事会在这里回复您。",
}


def reply_text(turn: Turn) -> str:
    """What the turn says, and below it the titles of what it rests on."""
    text = turn.reply_text
    titles = dict.fromkeys(
        citation.title for reply in turn.replies for citation in reply.citations if citation.title
    )
    if not text or not titles:
        return text
    chinese = turn.query.lang.startswith("zh")
    named = ("、" if chinese else ", ").join(list(titles)[:MAX_SOURCES])
    return f"{text}\n\n{'出处：' if chinese else 'Source: '}{named}"


def attachments_notice(lang: Lang | None) -> str:
    """The answer to pictures and files without a word."""
    return _in(lang, _ATTACHMENTS)


def broken_notice(lang: Lang | None) -> str:
    """What a customer is told when the bot cannot produce an answer."""
    return _in(lang, _BROKEN)


def _in(lang: Lang | None, texts: dict[str, str]) -> str:
    """In the customer's language; in both when it is not known."""
    if lang == "en":
        return texts["en"]
    if lang in ("zh-Hans", "zh-Hant"):
        return texts["zh"]
    return f"{texts['en']}\n{texts['zh']}"

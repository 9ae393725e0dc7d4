"""What an agent is told of a conversation that comes to them, as one record.

Covered: what was asked, the mood with its course, what the bot tried, the sources, a suggested
reply put together from prepared sentences and the shop's own text. Nothing in it is generated: an
agent can trust every word of it. Not covered: storing (`bot.store.handovers`), how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.answering.notices import to_script
from bot.types import Hit, Lang, MoodLabel, Turn

_TEXT_CHARS: Final = 1000
_ANSWER_CHARS: Final = 400
_QUOTE_CHARS: Final = 600
_SOURCES: Final = 5
_TRIED: Final = 8
_QUOTE_FROM: Final = 0.3
"""Answerability from which on the best passage is worth an agent's look."""

_OPENINGS: Final[dict[str, tuple[str, str]]] = {
    "unhappy": (
        "Hello, I'm sorry for the trouble this has caused you. I have read everything you wrote "
        "and am taking care of it now.",
        "您好，非常抱歉给您带来了不好的体验。您的留言我都看过了，现在由我来为您处理。",
    ),
    "order_matter": (
        "Hello, I'm looking into your order. If your order number isn't above yet, please send it.",
        "您好，我来为您核实订单。如果上面还没有订单号，请发给我一下。",
    ),
    "legal_threat": (
        "Hello, I'm sorry it has come to this. I have read everything you wrote and am bringing it "
        "to the person in charge now. We will reply here.",
        "您好，很抱歉事情到了这一步。您的留言我都看过了，现在就转给负责人，我们会在这里回复您。",
    ),
    "safety": (
        "Hello, thank you for telling us. Please stop using the product for now. Is everybody all "
        "right? Please send us the product's name and, if you can, a photo.",
        "您好，感谢您告诉我们。请先停止使用该商品。您和家人都还好吗？方便的话请发一下商品名称和照片。",
    ),
    "payment_dispute": (
        "Hello, I'm looking into the payment. Please send the order number, the date and the "
        "amount; never send card numbers here.",
        "您好，我来核实这笔款项。请提供订单号、扣款日期和金额，请勿在此发送银行卡号。",
    ),
    "": (
        "Hello, a colleague from the shop here. I have read what you wrote.",
        "您好，我是店铺的人工客服，您的留言我已经看过了。",
    ),
}
_ALIKE: Final = {"worsening": "unhappy", "complaint": "unhappy"}
_NOTHING_FOUND: Final = ("I'll find out and reply here.", "我去核实一下，稍后在这里回复您。")
_NO_QUOTE: Final = ("legal_threat", "safety", "payment_dispute")


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing the bot did before: the question, what it decided and why, what it said."""

    question: str
    action: str
    reason: str
    answer: str


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that was cited or found."""

    passage_id: str
    title: str
    cited: bool


@dataclass(frozen=True, slots=True)
class HandoverSummary:
    """What an agent reads before they reply.

    `moods` is the frustration in [0, 1] turn by turn, oldest first, the last one of `asked`;
    `trend` > 0 means it is getting worse. `suggestion` is in the customer's language.
    """

    reason: str
    lang: Lang
    asked: str
    searched: str = ""
    mood: MoodLabel = "unknown"
    frustration: float = 0.0
    trend: float = 0.0
    moods: tuple[float, ...] = ()
    tried: tuple[Tried, ...] = ()
    sources: tuple[Source, ...] = ()
    suggestion: str = ""
    answer: str = ""


def summarise(turn: Turn, earlier: Sequence[Turn] = ()) -> HandoverSummary:
    """The summary of a turn that hands over, and of the turns before it, oldest first."""
    searched = turn.query.search_text.strip()
    read = [one.mood for one in (*earlier, turn) if one.mood.label != "unknown"]
    return HandoverSummary(
        reason=turn.decision.reason,
        lang=turn.query.lang,
        asked=clip(turn.message.text, _TEXT_CHARS),
        searched=clip(searched, _TEXT_CHARS) if searched != turn.message.text.strip() else "",
        mood=turn.mood.label,
        frustration=float(turn.mood.frustration),
        trend=float(turn.mood.trend),
        moods=tuple(float(mood.frustration) for mood in read),
        tried=tuple(_tried(one) for one in earlier[-_TRIED:]),
        sources=_sources(turn),
        suggestion=suggestion(turn),
        answer=clip(turn.reply_text, _ANSWER_CHARS),
    )


def suggestion(turn: Turn) -> str:
    """A reply for an agent to look over: an opening that fits, then the shop's own words."""
    chinese = turn.query.lang.startswith("zh")
    reason = _ALIKE.get(turn.decision.reason, turn.decision.reason)
    opening = _OPENINGS.get(reason, _OPENINGS[""])[chinese]
    hits = turn.retrieval.hits if turn.retrieval.answerability >= _QUOTE_FROM else ()
    hit = _best(turn.decision.hits or hits, chinese) if reason not in _NO_QUOTE else None
    if hit is not None:
        rest = clip(hit.passage.text, _QUOTE_CHARS)
    else:
        rest = "" if reason in _OPENINGS and reason else _NOTHING_FOUND[chinese]
    gap = "" if chinese else " "
    return to_script(f"{opening}{gap}{rest}".strip(), turn.query.lang)


def clip(text: str, length: int) -> str:
    """The beginning of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _best(hits: Sequence[Hit], chinese: bool) -> Hit | None:
    same = [hit for hit in hits if hit.passage.lang.startswith("zh") == chinese]
    return next(iter((*same, *hits)), None)


def _tried(turn: Turn) -> Tried:
    return Tried(
        clip(turn.message.text, _ANSWER_CHARS),
        turn.decision.action.value,
        turn.decision.reason,
        clip(turn.reply_text, _ANSWER_CHARS),
    )


def _sources(turn: Turn) -> tuple[Source, ...]:
    cited = {c.passage_id: c.title for reply in turn.replies for c in reply.citations}
    found = {hit.passage.passage_id: hit.passage.title for hit in turn.retrieval.hits}
    named = {**cited, **{key: title for key, title in found.items() if key not in cited}}
    return tuple(
        Source(key, clip(title or key, 120), key in cited)
        for key, title in list(named.items())[:_SOURCES]
    )

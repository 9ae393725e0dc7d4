"""The private note that tells the agents why a conversation comes to them.

Covered: reason, mood, what the customer wanted, what the bot tried, sources; in English and
Chinese side by side, as nobody knows which of them the agent reads. Not covered: earlier turns
(they stand above the note).
"""

from __future__ import annotations

from typing import Final

from bot.types import Mood, Turn

_REASONS: Final[dict[str, tuple[str, str]]] = {
    "asked_for_person": ("the customer asked for a person", "顾客要求人工服务"),
    "unhappy": ("the customer is unhappy", "顾客情绪不满"),
    "order_matter": ("it is about an order", "涉及具体订单"),
    "complaint": ("it is a complaint", "顾客投诉"),
    "two_failed": ("two questions in a row could not be answered", "连续两次未能解答"),
    "failure": ("the bot broke down", "机器人出现故障"),
}
_MOODS: Final[dict[str, str]] = {
    "negative": "negative 负面",
    "neutral": "neutral 中性",
    "positive": "positive 正面",
    "unknown": "unknown 未知",
}
_ANSWER_CHARS: Final = 600
_QUESTION_CHARS: Final = 1000
_SOURCES: Final = 5


def reason_text(code: str) -> str:
    """A reason code in words, in both languages; an unknown code as it is."""
    english, chinese = _REASONS.get(code, (code.replace("_", " "), ""))
    return f"{english} · {chinese}" if chinese else english


def handover_note(turn: Turn) -> str:
    """The note for a turn that hands over."""
    lines = [
        "🤝 Handed over by the assistant · 智能客服转人工",
        f"Reason 原因: {reason_text(turn.decision.reason)}",
        f"Mood 情绪: {_mood(turn.mood)}",
        f"Question 问题: {_clip(turn.message.text, _QUESTION_CHARS)}",
    ]
    searched = turn.query.search_text.strip()
    if searched and searched != turn.message.text.strip():
        lines.append(f"Looked up 检索: {_clip(searched, _QUESTION_CHARS)}")
    answer = turn.reply_text
    if answer:
        lines.append(f"Told the customer 已回复: {_clip(answer, _ANSWER_CHARS)}")
    titles = _titles(turn)
    if titles:
        lines.append("Sources 资料:")
        lines += [f"- {title}" for title in titles]
    else:
        lines.append("Sources 资料: none found 无")
    return "\n".join(lines)


def _mood(mood: Mood) -> str:
    words = f"{_MOODS.get(mood.label, mood.label)}, frustration 不满程度 {mood.frustration:.0%}"
    return f"{words}, getting worse 正在恶化" if mood.trend > 0 else words


def _titles(turn: Turn) -> list[str]:
    cited = [c.title for reply in turn.replies for c in reply.citations]
    found = [hit.passage.title or hit.passage.passage_id for hit in turn.retrieval.hits]
    return [_clip(title, 120) for title in dict.fromkeys((*cited, *found)) if title][:_SOURCES]


def _clip(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"

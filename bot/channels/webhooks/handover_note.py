"""The private note that tells the agents why a conversation comes to them.

Covered: reason, mood, what the customer wanted, what the bot tried, sources, a reply to start from; in English and
Chinese side by side, as nobody knows which of them the agent reads. Not covered: earlier turns
(they stand above the note).
"""

from __future__ import annotations

from typing import Final

from bot.handover.summary import summarise
from bot.types import Mood, Turn

_REASONS: Final[dict[str, tuple[str, str]]] = {
    "asked_for_person": ("the customer asked for a person", "顾客要求人工服务"),
    "unhappy": ("the customer is unhappy", "顾客情绪不满"),
    "order_matter": ("it is about an order", "涉及具体订单"),
    "complaint": ("it is a complaint", "顾客投诉"),
    "worsening": ("the customer is getting unhappier", "顾客情绪恶化"),
    "legal_threat": ("the customer speaks of legal steps", "顾客提到法律途径或投诉监管"),
    "safety": ("somebody may be in danger or hurt", "涉及人身安全"),
    "payment_dispute": ("a payment is disputed", "涉及付款争议"),
    "policy_unsure": ("the bot is not sure of a rule", "对政策把握不足"),
    "no_answer": ("a message got no answer", "顾客消息未得到回复"),
    "two_failed": ("two questions in a row could not be answered", "连续两次未能解答"),
    "failure": ("the bot broke down", "机器人出现故障"),
}
_MOODS: Final[dict[str, str]] = {
    "negative": "negative 负面",
    "neutral": "neutral 中性",
    "positive": "positive 正面",
    "unknown": "unknown 未知",
}
STEADY: Final = 0.1
"""A smaller change of frustration is none."""


def reason_text(code: str) -> str:
    """A reason code in words, in both languages; an unknown code as it is."""
    english, chinese = _REASONS.get(code, (code.replace("_", " "), ""))
    return f"{english} · {chinese}" if chinese else english


def handover_note(turn: Turn) -> str:
    """The note for a turn that hands over."""
    told = summarise(turn)
    lines = [
        "🤝 Handed over by the assistant · 智能客服转人工",
        f"Reason 原因: {reason_text(told.reason)}",
        f"Mood 情绪: {_mood(turn.mood)}",
        f"Question 问题: {told.asked}",
    ]
    if told.searched:
        lines.append(f"Looked up 检索: {told.searched}")
    if told.answer:
        lines.append(f"Told the customer 已回复: {told.answer}")
    if told.sources:
        lines.append("Sources 资料:")
        lines += [f"- {source.title}" for source in told.sources]
    else:
        lines.append("Sources 资料: none found 无")
    lines.append(f"Suggested reply 建议回复: {told.suggestion}")
    return "\n".join(lines)


def escalation_note(minutes: int) -> str:
    """The note for a conversation that waits too long."""
    return (
        f"⏰ Nobody has taken this conversation for {minutes} min · 已等待 {minutes} 分钟无人接待\n"
        "The customer was promised a person. · 顾客在等待人工服务。"
    )


def _mood(mood: Mood) -> str:
    words = f"{_MOODS.get(mood.label, mood.label)}, frustration 不满程度 {mood.frustration:.0%}"
    if abs(mood.trend) < STEADY:
        return words
    return f"{words}, {'getting worse 正在恶化' if mood.trend > 0 else 'getting better 正在好转'}"

"""The prompt of an answer: one template, shared by serving and training.

Covered: system text, numbered passages, the tail of the history, the question, the language of the
reply; clipping of long passages. Not covered: what is retrieved, and what is done with the draft.

`TEMPLATE_VERSION` is saved beside every adapter; one that was trained with another is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.types import HistoryEntry, Lang, Prompt

TEMPLATE_VERSION = "answer-1"

SYSTEM = (
    "You are the customer service assistant of an online shop. Answer from the numbered passages "
    "only, briefly and politely, in the language asked for. End each sentence with the number of "
    "its passage, like [1]. If the passages do not tell, say so and end with [none]."
)

CHATML = (
    "<|im_start|>system\n{system}<|im_end|>\n"
    "<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
)
"""The chat template of Qwen2.5."""

LANGUAGE_NAMES: dict[Lang, str] = {
    "en": "English",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
    "other": "English",
}

_SPECIAL = re.compile(r"<\|[^|>]{1,40}\|>")
_SENTENCE_END = re.compile(r"(?<=[。！？；!?;])|(?<=\.)(?=\s)|\n")
PASSAGE_BUDGET = 900
"""Width of a passage in a prompt: a Latin character counts 1, a Chinese one 2.5."""
_HISTORY_ENTRIES = 2
_HISTORY_BUDGET = 240
_QUESTION_BUDGET = 800


@dataclass(frozen=True, slots=True)
class Source:
    """What a prompt shows of one passage."""

    title: str
    text: str


def width(text: str) -> float:
    """How much room a text takes, about proportional to tokens."""
    return sum(2.5 if ord(char) > 0x2E80 else 1.0 for char in text)


def clip(text: str, budget: float) -> str:
    """The longest run of whole sentences from the start within `budget`; cut hard if none fits."""
    if width(text) <= budget:
        return text
    kept = ""
    for part in _SENTENCE_END.split(text):
        if width(kept) + width(part) > budget:
            break
        kept += part
    if kept:
        return kept.rstrip()
    used = 0.0
    for index, char in enumerate(text):
        used += width(char)
        if used > budget:
            return text[:index] + "…"
    return text


def clean(text: str) -> str:
    """One line without control characters or the chat template's own markers.

    A customer or a product description that types `<|im_end|>` must not end a message.
    """
    without = _SPECIAL.sub(" ", text)
    printable = "".join(char if char.isprintable() else " " for char in without)
    return re.sub(r"\s+", " ", printable).strip()


def answer_prompt(
    question: str,
    lang: Lang,
    sources: Sequence[Source],
    history: Sequence[HistoryEntry] = (),
) -> Prompt:
    """The prompt that asks `question` of `sources`."""
    return Prompt(SYSTEM, user_content(question, lang, sources, history))


def render(prompt: Prompt, template: str = CHATML) -> str:
    """The text a model reads, up to where its reply begins.

    Args:
        template: text with `{system}` and `{user}`, kept beside the converted model.
    """
    return template.replace("{system}", prompt.system).replace("{user}", prompt.user)


def user_content(
    question: str,
    lang: Lang,
    sources: Sequence[Source],
    history: Sequence[HistoryEntry] = (),
) -> str:
    """The user's message: passages first, so that questions on the same ones share a prefix."""
    lines = []
    for number, source in enumerate(sources, start=1):
        title, text = clean(source.title), clip(clean(source.text), PASSAGE_BUDGET)
        lines.append(f"[{number}] {title}: {text}" if title else f"[{number}] {text}")
    lines.append("")
    for entry in history[-_HISTORY_ENTRIES:]:
        who = "Customer" if entry.speaker == "customer" else "Shop"
        lines.append(f"{who}: {clip(clean(entry.text), _HISTORY_BUDGET)}")
    lines.append(f"Question: {clip(clean(question), _QUESTION_BUDGET)}")
    lines.append(f"Reply in {LANGUAGE_NAMES[lang]}.")
    return "\n".join(lines)

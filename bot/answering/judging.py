"""Asking the generator whether a text of the shop answers a question, instead of for an answer.

Covered: the prompt, shared by serving and training; the first token of the reply is "yes" or "no",
its probability the judgement. The text stands in the system message, so that questions on the same
text share a prefix. Not covered: what a judgement is worth beside the reader's
(`bot.answering.second_look`).
"""

from __future__ import annotations

from bot.answering.prompt import PASSAGE_BUDGET, clean, clip
from bot.types import Prompt
from retrieval.text import simplified

YES, NO = "yes", "no"
_SYSTEM = (
    "Does this text of an online shop tell what the customer asks? Say no if it is only about the "
    "same topic.\n"
)
_QUESTION_BUDGET = 600


def judge_prompt(question: str, text: str) -> Prompt:
    """The prompt that asks whether `text`, its title first, answers `question`."""
    shown = clip(clean(simplified(text)), PASSAGE_BUDGET)
    return Prompt(_SYSTEM + shown, clip(clean(simplified(question)), _QUESTION_BUDGET))

"""Teaching a generator to judge: many questions on one page in one row, none seeing another.

Covered: rows of a page and its questions, where every question attends to the page and itself alone
and stands at the place where it would stand without the others; the loss on the first token of the
reply; scores. One pass over a page for all its questions costs a third of a pass for each
(training/LOG.md). Not covered: the loop (`training.lora`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bot.answering.judging import NO, YES, judge_prompt
from bot.answering.prompt import render
from training.data.judging import JudgedPage
from training.tasks.text_metrics import auroc


@dataclass(frozen=True)
class JudgedRow:
    """Token ids of a page and of what follows it for every question; whether each is answered."""

    page: tuple[int, ...]
    asked: tuple[tuple[int, ...], ...]
    answers: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.page) + sum(len(part) for part in self.asked)


def judged_row(tokenizer: Any, template: str, page: JudgedPage) -> JudgedRow:
    """The row of a page; cut where the user's message begins."""
    parts, head = [], ""
    for question, _ in page.asked:
        prompt = judge_prompt(question, page.text)
        text = render(prompt, template)
        head = text[: text.index(prompt.system) + len(prompt.system)]
        parts.append(tokenizer(text[len(head) :], add_special_tokens=False)["input_ids"])
    ids = tokenizer(head, add_special_tokens=False)["input_ids"]
    answers = tuple(answers for _, answers in page.asked)
    return JudgedRow(tuple(ids), tuple(tuple(part) for part in parts), answers)


def reply_tokens(tokenizer: Any) -> tuple[int, int]:
    """First tokens of "no" and "yes"."""
    no, yes = (tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in (NO, YES))
    return no, yes


def judged_logits(causal: Any, rows: Sequence[JudgedRow], pad: int) -> torch.Tensor:
    """Logits of the reply's first token, shape (questions of all rows, vocabulary)."""
    size = max(len(row) for row in rows)
    ids = torch.full((len(rows), size), pad)
    places = torch.zeros((len(rows), size), dtype=torch.long)
    seen = torch.zeros((len(rows), size, size), dtype=torch.bool)
    seen[:, range(size), range(size)] = True  # padding sees itself: a softmax needs something
    wanted = torch.zeros((len(rows), size), dtype=torch.bool)
    earlier = torch.tril(torch.ones((size, size), dtype=torch.bool))
    for i, row in enumerate(rows):
        at = len(row.page)
        ids[i, :at] = torch.tensor(row.page)
        places[i, :at] = torch.arange(at)
        seen[i, :at, :at] = earlier[:at, :at]
        for part in row.asked:
            end = at + len(part)
            ids[i, at:end] = torch.tensor(part)
            places[i, at:end] = len(row.page) + torch.arange(len(part))
            seen[i, at:end, : len(row.page)] = True
            seen[i, at:end, at:end] = earlier[: len(part), : len(part)]
            wanted[i, end - 1] = True
            at = end
    dtype = next(causal.parameters()).dtype
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    hidden = causal.model(
        input_ids=ids, attention_mask=mask[:, None], position_ids=places
    ).last_hidden_state
    logits: torch.Tensor = causal.lm_head(hidden[wanted])
    return logits.float()


def judged_loss(
    causal: Any, rows: Sequence[JudgedRow], pad: int, words: tuple[int, int]
) -> torch.Tensor:
    """Mean cross-entropy of the first token of the replies."""
    answers = [answers for row in rows for answers in row.answers]
    targets = torch.tensor([words[int(answers)] for answers in answers])
    return torch.nn.functional.cross_entropy(judged_logits(causal, rows, pad), targets)


@torch.no_grad()
def judged_scores(
    causal: Any, tokenizer: Any, template: str, pages: Sequence[JudgedPage]
) -> dict[str, dict[str, float]]:
    """AUROC and accuracy by corpus, page by page."""
    no, yes = reply_tokens(tokenizer)
    said: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for page in pages:
        row = judged_row(tokenizer, template, page)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = judged_logits(causal, [row], tokenizer.pad_token_id or 0)
        margins = (logits[:, yes] - logits[:, no]).tolist()
        said[page.corpus] += zip(row.answers, margins, strict=True)
    return {
        corpus: {
            "questions": float(len(pairs)),
            "auroc": round(auroc([m for _, m in pairs], [a for a, _ in pairs]), 4),
            "accuracy": round(sum(a == (m > 0) for a, m in pairs) / len(pairs), 4),
        }
        for corpus, pairs in said.items()
    }

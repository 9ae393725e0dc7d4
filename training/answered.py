"""Rows of prompt and answer, and the loss on the answer's tokens alone.

Covered: GPT-like models (logits are computed for answer tokens only) and T5-like ones. Not covered:
the loop (`training.lora`), judging (`training.judged`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class AnsweredRow:
    """Token ids of one example."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def answered_loss(causal: Any, rows: Sequence[AnsweredRow], pad: int) -> torch.Tensor:
    """Mean cross-entropy over the completion tokens of `rows`."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    wanted = torch.zeros((len(rows), width), dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row.prompt + row.completion)
        mask[i, : len(row)] = 1
        wanted[i, len(row.prompt) - 1 : len(row) - 1] = True
    hidden = causal.model(input_ids=ids, attention_mask=mask).last_hidden_state
    logits = causal.lm_head(hidden[wanted])
    targets = torch.cat([torch.tensor(row.completion) for row in rows])
    return torch.nn.functional.cross_entropy(logits.float(), targets)


def seq2seq_loss(model: Any, rows: Sequence[AnsweredRow], pad: int) -> torch.Tensor:
    """The same of an encoder-decoder."""
    prompts = max(len(row.prompt) for row in rows)
    replies = max(len(row.completion) for row in rows)
    ids = torch.full((len(rows), prompts), pad)
    mask = torch.zeros((len(rows), prompts), dtype=torch.long)
    labels = torch.full((len(rows), replies), -100)
    for i, row in enumerate(rows):
        ids[i, : len(row.prompt)] = torch.tensor(row.prompt)
        mask[i, : len(row.prompt)] = 1
        labels[i, : len(row.completion)] = torch.tensor(row.completion)
    loss: torch.Tensor = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    return loss

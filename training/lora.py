"""Train a LoRA adapter for answering on a frozen generator, GPT-like or T5-like, on the CPU.

GPT-like ones learn to judge beside it, whether a page answers a question (`training.judged`).
Covered: loss on answer tokens only (logits are computed for those alone), batches of similar
length filled up to a number of tokens, bfloat16 with float32 adapters, gradient accumulation,
checkpoint and exact resume, going on from an earlier adapter, progress with tokens a second. Saved beside the weights: arguments,
hashes of the data, template version, scores, revision.

Source: Hu et al., 2021, LoRA (arXiv:2106.09685).
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
)

from bot.answering.prompt import render
from training.answered import AnsweredRow, answered_loss, seq2seq_loss
from training.data.answers import Example
from training.data.judging import JudgedPage
from training.export import chat_template_of
from training.judged import JudgedRow, judged_loss, judged_row, judged_scores, reply_tokens
from training.run_record import LoraArguments, run_record


@dataclass
class RunState:
    """Where a run is; a checkpoint holds it whole."""

    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


Row = AnsweredRow | JudgedRow
Report = Callable[[RunState, int, float], None]
"""Called after each step with the state, the number of batches and the running loss."""


class LoraTrainer:
    """A base model with an adapter, and the loop that trains it."""

    def __init__(self, arguments: LoraArguments) -> None:
        torch.manual_seed(arguments.seed)
        self.arguments = arguments
        self.config = AutoConfig.from_pretrained(arguments.model)
        self.is_seq2seq = bool(self.config.is_encoder_decoder)
        self.tokenizer = AutoTokenizer.from_pretrained(arguments.model)
        self.template = chat_template_of(self.tokenizer)
        if self.is_seq2seq:
            base = AutoModelForSeq2SeqLM.from_pretrained(arguments.model, dtype=torch.float32)
        else:
            # eager is faster than sdpa for training on a CPU (bench of 2026-11, training/LOG.md)
            base = AutoModelForCausalLM.from_pretrained(
                arguments.model, dtype=torch.bfloat16, attn_implementation="eager"
            )
        base.config.use_cache = False
        self.model = get_peft_model(base, self._lora_config(base))
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.trainable, lr=arguments.learning_rate, weight_decay=0.0, betas=(0.9, 0.98)
        )
        self.state = RunState()
        if arguments.start:
            weights = load_file(arguments.start / "adapter_model.safetensors")
            set_peft_model_state_dict(self.model, weights)

    def _lora_config(self, base: torch.nn.Module) -> LoraConfig:
        arguments = self.arguments
        linear = {
            name.rsplit(".", 1)[-1]
            for name, module in base.named_modules()
            if isinstance(module, torch.nn.Linear) and "lm_head" not in name
        }
        layers = None
        if arguments.upper_layers and not self.is_seq2seq:
            total = self.config.num_hidden_layers
            layers = list(range(max(0, total - arguments.upper_layers), total))
        return LoraConfig(
            r=arguments.rank,
            lora_alpha=arguments.alpha,
            lora_dropout=0.0,
            target_modules=list(arguments.targets) or sorted(linear),
            layers_to_transform=layers,
            task_type="SEQ_2_SEQ_LM" if self.is_seq2seq else "CAUSAL_LM",
        )

    def tokenize(self, examples: Sequence[Example]) -> list[AnsweredRow]:
        """Token ids; examples over `max_tokens` are left out."""
        kept = []
        end = self.tokenizer.eos_token_id
        for example in examples:
            text = render(example.prompt, self.template)
            prompt = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            reply = self.tokenizer(example.completion, add_special_tokens=False)["input_ids"]
            row = AnsweredRow(tuple(prompt), (*reply, end))
            if len(row) <= self.arguments.max_tokens:
                kept.append(row)
        return kept

    def tokenize_pages(self, pages: Sequence[JudgedPage]) -> list[JudgedRow]:
        """Rows of pages that are judged; none for an encoder-decoder, whose reply sees no prefix."""
        if self.is_seq2seq:
            return []
        rows = [judged_row(self.tokenizer, self.template, page) for page in pages]
        return [row for row in rows if len(row) <= self.arguments.max_tokens]

    def batches(self, rows: Sequence[Row]) -> list[list[int]]:
        """Indices of rows for each forward pass: of one kind and similar length, in random order."""
        rng = random.Random(self.arguments.seed)  # noqa: S311
        whole, part = divmod(self.arguments.epochs, 1.0)
        order: list[list[int]] = []
        for epoch in range(math.ceil(self.arguments.epochs)):
            of_epoch = []
            for kind in (AnsweredRow, JudgedRow):
                indices = [i for i, row in enumerate(rows) if isinstance(row, kind)]
                rng.shuffle(indices)
                if epoch == whole:
                    indices = indices[: round(part * len(indices))]
                of_epoch += self._bucketed(rows, indices)
            rng.shuffle(of_epoch)
            order += of_epoch
        return order

    def _bucketed(self, rows: Sequence[Row], indices: list[int]) -> list[list[int]]:
        # Rows are sorted within windows only, so that batches still mix corpora and lengths.
        found: list[list[int]] = []
        for start in range(0, len(indices), 128):
            batch: list[int] = []
            for index in sorted(indices[start : start + 128], key=lambda i: len(rows[i])):
                if batch and (len(batch) + 1) * len(rows[index]) > self.arguments.tokens_per_batch:
                    found.append(batch)
                    batch = []
                batch.append(index)
            found.append(batch)
        return found

    def loss(self, rows: Sequence[Row]) -> torch.Tensor:
        """Mean cross-entropy over the completion tokens of `rows`, which are of one kind."""
        judged = [row for row in rows if isinstance(row, JudgedRow)]
        if judged:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return judged_loss(self._causal, judged, self._pad, reply_tokens(self.tokenizer))
        answered = [row for row in rows if isinstance(row, AnsweredRow)]
        if self.is_seq2seq:
            return seq2seq_loss(self.model, answered, self._pad)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return answered_loss(self._causal, answered, self._pad)

    @property
    def _causal(self) -> Any:
        return self.model.get_base_model()

    @property
    def _pad(self) -> int:
        return self.tokenizer.pad_token_id or 0

    def train(
        self,
        examples: Sequence[Example],
        report: Report | None = None,
        pages: Sequence[JudgedPage] = (),
    ) -> RunState:
        """Train to the end of the schedule, from the last checkpoint if there is one."""
        rows: list[Row] = [*self.tokenize(examples), *self.tokenize_pages(pages)]
        batches = self.batches(rows)
        self._resume()
        self.model.train()
        arguments, state = self.arguments, self.state
        saved_at = started = time.monotonic() - state.seconds
        saved_at = time.monotonic()
        self.optimizer.zero_grad()
        for number in range(state.batch, len(batches)):
            rate = self._rate(number / len(batches))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            chosen = [rows[i] for i in batches[number]]
            loss = self.loss(chosen)
            (loss / arguments.batches_per_step).backward()  # type: ignore[no-untyped-call]
            state.losses.append(float(loss.detach()))
            state.tokens += sum(len(row) for row in chosen)
            state.batch = number + 1
            state.seconds = time.monotonic() - started
            if state.batch % arguments.batches_per_step and state.batch < len(batches):
                continue
            torch.nn.utils.clip_grad_norm_(self.trainable, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            recent = state.losses[-50:]
            if report:
                report(state, len(batches), sum(recent) / len(recent))
            if time.monotonic() - saved_at > 60 * arguments.checkpoint_minutes:
                self._checkpoint()
                saved_at = time.monotonic()
        self._checkpoint()
        return state

    def judged(self, pages: Sequence[JudgedPage]) -> dict[str, dict[str, float]]:
        """How well pages are told apart from those that do not answer, by corpus."""
        self.model.eval()
        return judged_scores(self._causal, self.tokenizer, self.template, pages)

    def _rate(self, done: float) -> float:
        arguments = self.arguments
        if done < arguments.warmup:
            return arguments.learning_rate * (done / arguments.warmup + 0.02)
        share = (done - arguments.warmup) / (1 - arguments.warmup)
        return arguments.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))

    def _checkpoint(self) -> None:
        folder = self.arguments.output / "checkpoint"
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / "state.partial"
        torch.save(
            {
                "adapter": get_peft_model_state_dict(self.model),
                "optimizer": self.optimizer.state_dict(),
                "state": asdict(self.state),
                "random": torch.get_rng_state(),  # dropout, where a model has it
            },
            partial,
        )
        partial.replace(folder / "state.pt")

    def _resume(self) -> None:
        path = self.arguments.output / "checkpoint" / "state.pt"
        if not path.exists():
            return
        saved = torch.load(path, weights_only=True)
        set_peft_model_state_dict(self.model, saved["adapter"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.state = RunState(**saved["state"])
        torch.set_rng_state(saved["random"])

    def save(
        self,
        examples: Sequence[Example],
        scores: dict[str, Any] | None = None,
        pages: Sequence[JudgedPage] = (),
    ) -> None:
        """Write the adapter in PEFT's format, float16, with `run.json` beside it."""
        folder = self.arguments.output
        folder.mkdir(parents=True, exist_ok=True)
        weights = {
            name: tensor.detach().to(torch.float16).contiguous()
            for name, tensor in get_peft_model_state_dict(self.model).items()
        }
        save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        self.model.peft_config["default"].save_pretrained(str(folder))
        record = run_record(self.arguments, examples, pages, asdict(self.state), scores or {})
        text = json.dumps(record, ensure_ascii=False, indent=1)
        (folder / "run.json").write_text(text + "\n", encoding="utf-8")

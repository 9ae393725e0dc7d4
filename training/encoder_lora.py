"""A LoRA adapter on the frozen encoder, and the loop that trains it together with its heads.

Covered: adapters on the upper layers (what lies below needs no backward pass), bfloat16 autocast
with float32 adapters, batches made by the caller, a schedule that ends after the given epochs or
minutes, whichever comes first, checkpoint and resume, saving in PEFT's layout with float16
weights. Not covered: what is learnt (`training.reader`, `training.mood_encoder`).

Source: Hu et al., 2021, LoRA (arXiv:2106.09685).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel

B = TypeVar("B")
_WIDTHS = 16


@dataclass(frozen=True)
class EncoderLoraArgs:
    """What a run is made of; saved beside the weights.

    Attributes:
        model: Hugging Face folder of the encoder.
        output: folder of the result; the checkpoint lies in it until the run ends.
        rank: rank of the adapter's matrices; they count `alpha / rank`.
        first_layer: the lowest layer that is adapted.
        learning_rate: peak rate of the adapter.
        head_learning_rate: peak rate of the heads.
        warmup: share of the run in which the rates grow.
        epochs: passes over the examples.
        minutes: the run ends by then, its schedule with it.
        batch_tokens: padded tokens of one step.
        threads: of torch; two runs with one thread each finish sooner than one with two.
        seed: of the first weights and the order.
        start: folder of an adapter of the same shape to go on from; None begins anew.
    """

    model: str
    output: Path
    rank: int = 32
    alpha: int = 64
    first_layer: int = 4
    learning_rate: float = 6e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.05
    epochs: float = 2.0
    minutes: float = 90.0
    batch_tokens: int = 3000
    threads: int = 1
    seed: int = 7
    checkpoint_minutes: float = 5.0
    start: Path | None = None


@dataclass
class RunState:
    """Where a run is; a checkpoint holds it whole."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


class AdaptedEncoder(nn.Module):
    """The encoder with an adapter, and heads that read its hidden states."""

    def __init__(self, args: EncoderLoraArgs, heads: Callable[[int], nn.Module]) -> None:
        """`heads` makes them for a width of the hidden states."""
        super().__init__()
        torch.manual_seed(args.seed)
        # eager attention is faster than sdpa for training on a CPU (training/LOG.md)
        base = AutoModel.from_pretrained(
            args.model,
            attn_implementation="eager",
            dtype=torch.float32,
            add_pooling_layer=False,
        )
        layers = "|".join(map(str, range(args.first_layer, base.config.num_hidden_layers)))
        self.lora_config = LoraConfig(
            r=args.rank,
            lora_alpha=args.alpha,
            lora_dropout=0.0,
            target_modules=rf".*encoder\.layer\.({layers})\..*(query|key|value|dense)",
        )
        self.encoder = get_peft_model(base, self.lora_config)
        self.heads = heads(base.config.hidden_size)
        self.tokenizer = Tokenizer.from_file(str(Path(args.model) / "tokenizer.json"))
        if args.start is not None:
            self._begin_from(args.start)

    def _begin_from(self, folder: Path) -> None:
        stored = load_file(folder / "adapter_model.safetensors")
        found = {name: value.float() for name, value in stored.items()}
        set_peft_model_state_dict(self.encoder, found)
        file = folder / "heads.safetensors"
        heads = load_file(file) if file.exists() else {}
        # Heads that were folded for serving are not those of training: these are learnt anew.
        if heads.keys() == self.heads.state_dict().keys():
            self.heads.load_state_dict(heads)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, tokens, hidden) in float32."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = self.encoder(input_ids=ids, attention_mask=mask)
        return out.last_hidden_state.float()  # type: ignore[no-any-return]


class EncoderTrainer(Generic[B]):
    """Runs the steps: `batches(epoch)` gives them, `loss(model, batch)` says what each costs.

    `loss` returns the loss and the number of padded tokens.
    """

    def __init__(
        self,
        args: EncoderLoraArgs,
        model: AdaptedEncoder,
        batches: Callable[[int], Sequence[B]],
        loss: Callable[[AdaptedEncoder, B], tuple[torch.Tensor, int]],
    ) -> None:
        torch.set_num_threads(args.threads)
        self._args = args
        self.model = model
        self._batches = batches
        self._loss = loss
        lora = [p for p in model.encoder.parameters() if p.requires_grad]
        self._optimiser = torch.optim.AdamW(
            [
                {"params": lora, "lr": args.learning_rate, "peak": args.learning_rate},
                {
                    "params": list(model.heads.parameters()),
                    "lr": args.head_learning_rate,
                    "peak": args.head_learning_rate,
                },
            ],
            weight_decay=0.01,
        )
        self.state = RunState()

    def train(self, report: Callable[[RunState, int], None]) -> RunState:
        """Train to the end, from the checkpoint if there is one.

        Args:
            report: called every 50 steps with the state and the number of steps planned.
        """
        args = self._args
        self._resume()
        self.model.train()
        per_epoch = len(self._batches(0))
        total = int(per_epoch * args.epochs)
        begun = time.monotonic() - self.state.seconds
        saved = self.state.seconds
        epoch, batches = -1, self._batches(0)
        while self.state.step < total and self.state.seconds < args.minutes * 60:
            if self.state.step // per_epoch != epoch:
                epoch = self.state.step // per_epoch
                batches = self._batches(epoch)
            self._set_rates(self._progress(total))
            loss, tokens = self._loss(self.model, batches[self.state.step % per_epoch])
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self._optimiser.step()
            self._optimiser.zero_grad()
            self.state.step += 1
            self.state.tokens += tokens
            self.state.losses.append(float(loss.detach()))
            self.state.seconds = time.monotonic() - begun
            if self.state.step % 50 == 0:
                report(self.state, total)
            if self.state.seconds - saved > args.checkpoint_minutes * 60:
                self._save_checkpoint()
                saved = self.state.seconds
        self._checkpoint.unlink(missing_ok=True)
        self.model.eval()
        return self.state

    def _progress(self, total: int) -> float:
        return max(self.state.step / total, self.state.seconds / (self._args.minutes * 60))

    def _set_rates(self, progress: float) -> None:
        warm = self._args.warmup
        factor = progress / warm if progress < warm else (1 - progress) / (1 - warm)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * max(factor, 0.01)

    @property
    def _checkpoint(self) -> Path:
        return self._args.output / "checkpoint.pt"

    def _save_checkpoint(self) -> None:
        self._args.output.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(
            {
                "adapter": get_peft_model_state_dict(self.model.encoder),
                "heads": self.model.heads.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "state": vars(self.state),
                "random": torch.get_rng_state(),
            },
            partial,
        )
        partial.replace(self._checkpoint)

    def _resume(self) -> None:
        if not self._checkpoint.exists():
            return
        stored: dict[str, Any] = torch.load(self._checkpoint, weights_only=True)
        set_peft_model_state_dict(self.model.encoder, stored["adapter"])
        self.model.heads.load_state_dict(stored["heads"])
        self._optimiser.load_state_dict(stored["optimiser"])
        torch.set_rng_state(stored["random"])
        self.state = RunState(**stored["state"])


def save_adapter(model: AdaptedEncoder, folder: Path) -> None:
    """Write the adapter in PEFT's layout, float16, and the heads beside it (float32)."""
    folder.mkdir(parents=True, exist_ok=True)
    adapter = get_peft_model_state_dict(model.encoder)
    save_file(
        {name: value.detach().half().contiguous() for name, value in adapter.items()},
        folder / "adapter_model.safetensors",
    )
    heads = {name: value.detach().contiguous() for name, value in model.heads.state_dict().items()}
    if heads:
        save_file(heads, folder / "heads.safetensors")
    config = model.encoder.peft_config["default"]
    config.inference_mode = True
    config.base_model_name_or_path = "intfloat/multilingual-e5-small"
    config.save_pretrained(str(folder))


def pad(rows: Sequence[Sequence[int]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, both (rows, width): the longest row, up to the next multiple of 16.

    Few different widths, because the matrix library prepares itself for every new shape, at a
    cost in time and in memory that it never gives back.
    """
    longest = -(-max(map(len, rows)) // _WIDTHS) * _WIDTHS
    ids = torch.full((len(rows), longest), fill)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask

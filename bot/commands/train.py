"""`shopkeeper train …`: documented commands that make the shipped adapters and heads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands.models import needs_training_extra
from bot.config import load_settings

console = Console(stderr=True)
Data = Annotated[Path, typer.Option(help="Folder of the public corpora.")]


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.command("answer")(answer)


def answer(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the adapter.")] = Path("var/answer"),
    model: Annotated[str, typer.Option(help="Folder or id; empty for the registry's.")] = "",
    public: Annotated[int, typer.Option(help="Examples from the public corpora.")] = 900,
    epochs: Annotated[float, typer.Option(help="Passes over the examples.")] = 1.0,
    rank: Annotated[int, typer.Option(help="Rank of the adapter.")] = 16,
    upper_layers: Annotated[int, typer.Option(help="Adapted layers from the top; 0 for all.")] = 12,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-4,
    seed: Annotated[int, typer.Option(help="Of data and order.")] = 11,
) -> None:
    """Train the answer adapter; killed and started again it goes on from its checkpoint."""
    needs_training_extra()
    from bot.models.setup import ModelHome, ensure_training
    from training.data.answers import public_examples, written_examples
    from training.lora import LoraArguments, LoraTrainer, RunState

    settings = load_settings()
    folder = model or str(ensure_training(settings.generator, ModelHome(settings.models_dir)))
    arguments = LoraArguments(
        model=folder,
        output=out,
        rank=rank,
        alpha=2 * rank,
        upper_layers=upper_layers,
        learning_rate=learning_rate,
        epochs=epochs,
    )
    examples = public_examples(data, "train", public, seed) + written_examples("train")
    trainer = LoraTrainer(arguments)

    def report(state: RunState, batches: int, loss: float) -> None:
        left = (batches - state.batch) * state.seconds / max(1, state.batch) / 60
        speed = state.tokens / max(1e-9, state.seconds)
        console.print(
            f"batch {state.batch}/{batches}  loss {loss:.3f}  {speed:.0f} tokens/s  "
            f"{left:.0f} min left",
            highlight=False,
        )

    trainer.train(examples, report)
    trainer.save(examples)
    console.print(f"adapter in {out}; try it: SHOPKEEPER_ANSWER_ADAPTER={out} shopkeeper …")

"""`shopkeeper train …`: documented commands that make the shipped adapters and heads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands.models import needs_training_extra, progress_bars
from bot.config import load_settings
from bot.models.adapters import MOOD, READER, RETRIEVAL, SHIPPED, encoder_adapter
from bot.models.registry import DEFAULT_ENCODER

if TYPE_CHECKING:
    from bot.protocols import Encoder
    from training.encoder_lora import RunState as EncoderRun
    from training.lora import RunState

console = Console(stderr=True)
_DEV_PAGES = 250
Data = Annotated[Path, typer.Option(help="Folder of the public corpora.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the result; default: the shipped one.")]
Epochs = Annotated[float, typer.Option(help="Passes over the examples.")]
Minutes = Annotated[float, typer.Option(help="The run ends by then, its schedule with it.")]
Rate = Annotated[float, typer.Option(help="Peak learning rate of the adapter.")]
Start = Annotated[
    Path | None, typer.Option(help="Folder of an earlier run's weights to go on from.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.command("answer")(answer)
    app.command("mood")(mood)
    app.command("reader")(reader)
    app.command("retrieval")(retrieval)
    app.command("intent")(intent)
    app.command("followup")(followup)


def answer(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the adapter.")] = Path("var/answer"),
    model: Annotated[str, typer.Option(help="Folder or id; empty for the registry's.")] = "",
    public: Annotated[int, typer.Option(help="Examples from the public corpora.")] = 900,
    written: Annotated[int, typer.Option(help="Written examples at most; 0 for all.")] = 0,
    epochs: Epochs = 1.0,
    start: Start = None,
    judged: Annotated[int, typer.Option(help="Rounds of pages to judge, for each epoch.")] = 2,
    rank: Annotated[int, typer.Option(help="Rank of the adapter.")] = 16,
    upper_layers: Annotated[int, typer.Option(help="Adapted layers from the top; 0 for all.")] = 12,
    learning_rate: Rate = 2e-4,
    seed: Annotated[int, typer.Option(help="Of data and order.")] = 11,
) -> None:
    """Train the answer adapter, which also judges whether a page answers a question.

    Killed and started again it goes on from its checkpoint.
    """
    needs_training_extra()
    from bot.models.setup import ModelHome, ensure_training
    from training.data.answers import drawn, public_examples, written_examples
    from training.data.judging import judged_pages
    from training.data.reading import load_reading
    from training.lora import LoraTrainer
    from training.run_record import LoraArguments

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
        start=start,
    )
    examples = public_examples(data, "train", public, seed)
    examples += drawn(written_examples("train"), written, seed)
    trainer = LoraTrainer(arguments)

    def report(state: RunState, batches: int, loss: float) -> None:
        left = (batches - state.batch) * state.seconds / max(1, state.batch) / 60
        speed = state.tokens / max(1e-9, state.seconds)
        console.print(
            f"batch {state.batch}/{batches}  loss {loss:.3f}  {speed:.0f} tokens/s  "
            f"{left:.0f} min left",
            highlight=False,
        )

    groups = load_reading(data, "train")
    pages = [page for n in range(judged) for page in judged_pages(groups, seed + n)]
    trainer.train(examples, report, pages)
    scores = trainer.judged(judged_pages(load_reading(data, "dev"), seed)[:_DEV_PAGES])
    trainer.save(examples, scores, pages)
    console.print(scores)
    console.print(f"adapter in {out}; try it: SHOPKEEPER_ANSWER_ADAPTER={out} shopkeeper …")


def mood(
    data: Data,
    out: Out = None,
    epochs: Epochs = 4.0,
    minutes: Minutes = 72.0,
    learning_rate: Rate = 6e-4,
    start: Start = None,
    threads: Annotated[int, typer.Option(help="Cores to train on.")] = 1,
    heads_only: Annotated[
        bool, typer.Option("--heads-only", help="Keep the adapter and fit its heads anew: minutes.")
    ] = False,
) -> None:
    """Train the encoder's adapter for moods, and its heads; goes on from its checkpoint."""
    needs_training_extra()
    from bot.models.runtime import load_encoder
    from bot.models.setup import ModelHome, ensure_serving
    from retrieval.encoder import OpenVinoEncoder
    from training.mood_adapter import MoodArgs, finish_heads, mood_run, recorded_run, train_adapter

    folder = out or SHIPPED / MOOD
    run = mood_run(
        _training_folder(),
        folder,
        epochs=epochs,
        minutes=minutes,
        learning_rate=learning_rate,
        start=start,
        threads=threads,
    )
    args = MoodArgs(data, run)
    made = recorded_run(folder) if heads_only else train_adapter(args, _steps)
    home = ModelHome(load_settings().models_dir)
    with progress_bars() as report:
        served = ensure_serving(DEFAULT_ENCODER, home, report, adapter=encoder_adapter(str(folder)))
        scores = finish_heads(
            args, OpenVinoEncoder.load(served), load_encoder(load_settings()), made, report
        )
    _show(folder, scores)


def reader(
    data: Data,
    out: Out = None,
    epochs: Epochs = 2.0,
    minutes: Minutes = 78.0,
    learning_rate: Rate = 6e-4,
    start: Start = None,
) -> None:
    """Train the reader: which passage answers a question, and where; goes on from its checkpoint."""
    needs_training_extra()
    from training.encoder_lora import EncoderLoraArgs
    from training.reader_run import train_reader

    run = EncoderLoraArgs(
        _training_folder(),
        out or SHIPPED / READER,
        epochs=epochs,
        minutes=minutes,
        learning_rate=learning_rate,
        start=start,
    )
    _show(run.output, train_reader(run, data, _steps))


def retrieval(
    data: Data,
    out: Out = None,
    epochs: Epochs = 1.0,
    minutes: Minutes = 40.0,
    learning_rate: Rate = 3e-4,
    start: Start = None,
) -> None:
    """Train the encoder's adapter for search; goes on from its checkpoint."""
    needs_training_extra()
    from training.encoder_lora import EncoderLoraArgs
    from training.retrieval_run import train_retrieval

    run = EncoderLoraArgs(
        _training_folder(),
        out or SHIPPED / RETRIEVAL,
        epochs=epochs,
        minutes=minutes,
        learning_rate=learning_rate,
        batch_tokens=5000,
        start=start,
    )
    _show(run.output, train_retrieval(run, data, _steps))


def _training_folder() -> str:
    from bot.models.setup import ModelHome, ensure_training

    return str(ensure_training(DEFAULT_ENCODER, ModelHome(load_settings().models_dir)))


def _steps(state: EncoderRun, total: int) -> None:
    """One line of progress."""
    recent = state.losses[-50:]
    speed = state.tokens / max(1e-9, state.seconds)
    console.print(
        f"step {state.step}/{total}  loss {sum(recent) / len(recent):.3f}  "
        f"{speed:.0f} tokens/s  {state.seconds / 60:.1f} min",
        highlight=False,
    )


def intent(data: Data, out: Out = None) -> None:
    """Train the intent head (about a minute)."""
    needs_training_extra()
    from training.encoder_heads import IntentArgs, train_intent

    args = IntentArgs(data=data) if out is None else IntentArgs(data=data, out=out)
    encoder, fingerprint = _mood_encoder()
    with progress_bars() as report:
        trained = train_intent(args, encoder, fingerprint, report)
    _show(trained.folder, trained.scores)


def followup() -> None:
    """Train the head that tells whether a question leans on what was said before."""
    needs_training_extra()
    from training.followups import FollowUpArgs, train_followups

    encoder, fingerprint = _mood_encoder()
    with progress_bars() as report:
        scores = train_followups(FollowUpArgs(), encoder, fingerprint, report)
    _show(FollowUpArgs().out, scores)


def _mood_encoder() -> tuple[Encoder, str]:
    """The encoder that heads are trained on, and the SHA-256 of its weights."""
    from bot.models.fetch import sha256_of
    from bot.models.runtime import load_mood_encoder, skill_folder
    from bot.models.setup import ModelHome, ensure_serving

    settings = load_settings()
    ensure_serving(DEFAULT_ENCODER, ModelHome(settings.models_dir), adapter=encoder_adapter(MOOD))
    folder = skill_folder(MOOD, settings)
    return load_mood_encoder(settings), sha256_of(folder / "openvino_model.bin")


def _show(folder: Path, scores: Mapping[str, Mapping[str, float]]) -> None:
    table = Table("set", "measure", "value", title=f"scores, written to {folder}")
    for name, measures in scores.items():
        for measure, value in measures.items():
            table.add_row(name, measure, f"{value:.3f}")
    console.print(table)

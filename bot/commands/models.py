"""`shopkeeper models …`: setup with progress bars, conversion, parity with the unconverted models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bot.config import Settings
from bot.errors import ShopkeeperError
from bot.models.adapters import MOOD, READER, encoder_adapter
from bot.models.fetch import Progress as Report
from bot.models.registry import DEFAULT_ENCODER, shipped_registry
from bot.models.runtime import merged_adapter
from bot.models.setup import ModelHome, ensure_serving, ensure_training

console = Console(stderr=True)


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Show what a long task reports, a bar for each thing that is being done."""
    columns = (
        TextColumn("{task.description:40}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, int] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)  # type: ignore[arg-type]

        yield report


def setup(settings: Settings, *, training: bool = False) -> None:
    """Make every registry model that the settings name ready to serve."""
    known = shipped_registry().models
    home = ModelHome(settings.models_dir)
    with progress_bars() as report:
        for name in (settings.encoder, settings.generator):
            if name not in known:
                continue
            ensure_serving(name, home, report, adapter=merged_adapter(name, settings))
            if training:
                ensure_training(name, home, report)
        for skill in (MOOD, READER):
            ensure_serving(DEFAULT_ENCODER, home, report, adapter=encoder_adapter(skill))
    console.print(f"models are ready in {settings.models_dir}", style="green")


def convert(model: str, out: Path, adapter: Path | None) -> None:
    """Convert a Hugging Face generator for CTranslate2."""
    needs_training_extra()
    from training.export import convert_model

    folder = convert_model(model, out, adapter)
    console.print(f"converted; serve it with SHOPKEEPER_GENERATOR={folder}", style="green")


def parity(settings: Settings, as_json: bool) -> None:
    """Compare converted and unconverted models; see `training.parity`."""
    needs_training_extra()
    from training.parity import compare

    result = compare(settings)
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        console.print(f"{name:40} {value}")


def needs_training_extra() -> None:
    """Fail with the command that installs what only training needs.

    Raises:
        ShopkeeperError: torch is not installed.
    """
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise ShopkeeperError(
            "this command needs the training extra, which is not installed",
            fix="pip install -c requirements.lock -e '.[train]'",
        )

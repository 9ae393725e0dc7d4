"""`shopkeeper`: a thin command per line; the work and the heavy imports are in `bot.commands`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer
from rich.console import Console

from bot.config import load_settings
from bot.errors import ShopkeeperError
from bot.logs import configure, secrets_in

app = typer.Typer(
    name="shopkeeper",
    help="Self-hosted customer service for online shops 掌柜. To look at it: `shopkeeper demo`. "
    "Your own shop: `knowledge import`, `agents add`, `serve`; `doctor` when something is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
FIRST, UPKEEP, MEASURE = "First steps", "Running it", "Models, training, measuring"
models_app = typer.Typer(help="Fetch and convert the models.", no_args_is_help=True)
knowledge_app = typer.Typer(help="The shop's FAQs, policies and products.", no_args_is_help=True)
train_app = typer.Typer(help="Train adapters and heads (needs the train extra).")
app.add_typer(knowledge_app, name="knowledge", rich_help_panel=FIRST)
app.add_typer(models_app, name="models", rich_help_panel=MEASURE)
app.add_typer(train_app, name="train", rich_help_panel=MEASURE)

Host = Annotated[
    str, typer.Option(help="Address to listen on; 0.0.0.0 for all.", show_default="127.0.0.1")
]
Port = Annotated[
    int, typer.Option(help="Port of the page and the API.", min=0, max=65535, show_default="7860")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command(rich_help_panel=FIRST)
def demo(port: Port = 0, host: Host = "") -> None:
    """Set up the models, load the demo shop and open the chat page."""
    from bot.commands import serving

    serving.demo(load_settings(), host, port)


@app.command(rich_help_panel=FIRST)
def serve(port: Port = 0, host: Host = "") -> None:
    """Serve the chat page, the API, webhooks and the agents' console."""
    from bot.commands import serving

    serving.serve(load_settings(), host, port)


@app.command(rich_help_panel=FIRST)
def chat() -> None:
    """Chat in the terminal."""
    from bot.commands import serving

    serving.chat(load_settings())


@app.command(rich_help_panel=FIRST)
def ask(question: str, as_json: AsJson = False) -> None:
    """Answer one question: `shopkeeper ask "Can I return worn shoes?"`."""
    from bot.commands import serving

    serving.ask(load_settings(), question, as_json)


@app.command(rich_help_panel=UPKEEP)
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, missing or corrupt, and the command that fixes it."""
    from bot.commands import doctor as command

    raise typer.Exit(command.doctor(load_settings(), as_json))


@app.command(rich_help_panel=UPKEEP)
def config() -> None:
    """Print every setting, its value and what it does; secrets are hidden."""
    from bot.commands import doctor as command

    command.show_config(load_settings())


@models_app.command("setup")
def models_setup(
    training: Annotated[
        bool, typer.Option(help="Also write the folders that training and parity checks read.")
    ] = False,
) -> None:
    """Fetch, verify and convert what the settings name; seconds when it is all there."""
    from bot.commands import models

    models.setup(load_settings(), training=training)


@models_app.command("convert")
def models_convert(
    model: Annotated[str, typer.Argument(help="Folder or id of a GPT-like or T5-like model.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; name it as SHOPKEEPER_GENERATOR.")],
    adapter: Annotated[Path | None, typer.Option(help="PEFT adapter to merge.")] = None,
) -> None:
    """Convert any Hugging Face generator for serving (needs the train extra)."""
    from bot.commands import models

    models.convert(model, out, adapter)


@models_app.command("parity")
def models_parity(as_json: AsJson = False) -> None:
    """Compare the converted models with the unconverted ones (needs the train extra)."""
    from bot.commands import models

    models.parity(load_settings(), as_json)


@knowledge_app.command("import")
def knowledge_import(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Tables (CSV, XLSX, JSONL), Markdown, HTML, PDF, product exports of Shopify and "
            "WooCommerce, Google Merchant feeds, or folders of these."
        ),
    ],
    dry_run: Annotated[bool, typer.Option(help="Show what would change, change nothing.")] = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN, such as title=Headline; ignore=COLUMN drops it."),
    ] = None,
    currency: Annotated[str, typer.Option(help="Of prices that name none: EUR, CNY …")] = "",
    prune: Annotated[
        bool, typer.Option(help="Remove what the same files held before and hold no more.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Report contradictions afterwards.")] = True,
) -> None:
    """Load knowledge; good rows load, bad rows are listed with file, line and field."""
    from bot.commands import importing

    code = importing.import_paths(
        load_settings(),
        paths,
        dry_run=dry_run,
        mapping=mapping,
        currency=currency,
        prune=prune,
        check=check,
    )
    raise typer.Exit(code)


@knowledge_app.command("check")
def knowledge_check(as_json: AsJson = False) -> None:
    """Show entries that contradict or repeat each other, side by side."""
    from bot.commands import checking

    raise typer.Exit(checking.check(load_settings(), as_json))


@knowledge_app.command("delete")
def knowledge_delete(passage_ids: list[str]) -> None:
    """Delete passages by id; they never answer again."""
    from bot.commands import knowledge

    knowledge.delete(load_settings(), passage_ids)


@knowledge_app.command("list")
def knowledge_list(search: str = "") -> None:
    """List passages whose id, title or text holds SEARCH."""
    from bot.commands import knowledge

    knowledge.show(load_settings(), search)


@knowledge_app.command("export")
def knowledge_export(path: Path) -> None:
    """Write all passages to a JSON Lines file."""
    from bot.commands import knowledge

    knowledge.export(load_settings(), path)


@app.command("index", rich_help_panel=UPKEEP)
def index_rebuild() -> None:
    """Build the search index again from the database."""
    from bot.commands import knowledge

    knowledge.rebuild(load_settings())


@app.command("calibrate", rich_help_panel=MEASURE)
def calibrate(
    questions: Annotated[
        list[Path], typer.Argument(help="Golden questions (JSON Lines, see faq_data/README.md).")
    ],
    split: Annotated[str, typer.Option(help="Only rows of this split; empty for all.")] = "dev",
    public: Annotated[
        Path | None, typer.Option(help="Folder of the public corpora, to fit on them as well.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw coverage and precision (SVG).")] = None,
) -> None:
    """Fit the probability that the passages answer a question to the shop's golden set."""
    from bot.commands import knowledge

    knowledge.calibrate(load_settings(), questions, split, public, plot)


def register_all() -> None:
    """Add the groups of commands that live in files of their own."""
    from bot.commands import (
        agents,
        database,
        evaluate,
        events,
        keys,
        mood,
        passages,
        privacy,
        queue,
        train,
    )

    evaluate.register(app)
    train.register(train_app)
    passages.register(knowledge_app)
    agents.register(app)
    keys.register(app)
    mood.register(app)
    queue.register(app)
    events.register(app)
    privacy.register(app)
    database.register(app)


def main() -> None:
    """Entry point: an error that was foreseen becomes one message and exit code 1, no trace."""
    from bot.commands.failures import explained

    register_all()
    configure(os.environ.get("SHOPKEEPER_LOG_LEVEL", "WARNING"), secrets=secrets_in(os.environ))
    try:
        app()
    except ShopkeeperError as error:
        _tell(error)
    except OSError as error:
        structlog.get_logger(__name__).debug("refused_by_the_system", exc_info=True)
        _tell(explained(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(error: ShopkeeperError) -> NoReturn:
    Console(stderr=True).print("error:", error.message, style="red", markup=False)
    if error.fix:
        Console(stderr=True).print("  fix:", error.fix, markup=False)
    sys.exit(1)


if __name__ == "__main__":
    main()

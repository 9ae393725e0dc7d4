"""Whether a shop can answer customers now: quick looks that tell the truth.

Covered: the database answers, its tables are those of this program, the index holds something and
follows edits, the generator lives. Not covered: the worker of the connected systems
(`bot.channels.worker`), reading the whole database (`shopkeeper doctor`), the quality of answers.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from bot.errors import StoreError
from bot.protocols import Generator
from bot.searching import ShopRetriever
from bot.store.engine import revisions
from bot.store.transactions import reading
from bot.types import ReadinessCheck


def database_checks(engine: Engine) -> list[ReadinessCheck]:
    """One statement each. What failed goes to the log; a stranger may read these."""
    kind = engine.dialect.name
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1")).scalar_one()
        found, wanted = revisions(engine)
    except StoreError:
        failed = ReadinessCheck("database", False, f"{kind} does not answer")
        return [failed, ReadinessCheck("migrations", False, "unknown")]
    fits = found == wanted
    told = found if fits else f"tables are at {found}, this program needs {wanted}"
    return [
        ReadinessCheck("database", True, kind),
        ReadinessCheck("migrations", fits, str(told)),
    ]


def index_check(retriever: ShopRetriever | None) -> ReadinessCheck:
    """An index that holds something and has a living thread that follows edits."""
    size = retriever.size if retriever else 0
    follows = retriever is not None and retriever.following
    told = f"{size} passages" if follows else f"{size} passages, edits are not followed"
    return ReadinessCheck("index", size > 0 and follows, told)


def generator_check(generator: Generator | None) -> ReadinessCheck:
    """A generator that is loaded and whose driver, if it has one, runs."""
    if generator is None:
        return ReadinessCheck("generator", False, "none")
    alive = bool(getattr(generator, "alive", True))
    return ReadinessCheck("generator", alive, generator.name if alive else "its driver stopped")

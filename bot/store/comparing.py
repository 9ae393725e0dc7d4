"""What an import would change: passages compared with what is stored, by digest, without texts.

Covered: added, changed, unchanged, and what a source no longer holds. Not covered: writing
(`bot.store.knowledge`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Engine, select

from bot.store.passage_rows import content_hash, storable
from bot.store.tables import passages
from bot.store.transactions import reading
from bot.types import Passage

Change = Literal["added", "changed", "unchanged"]
_PART_MARK = "~"


@dataclass(frozen=True, slots=True)
class _Known:
    source: str
    digest: str
    title: str


class StoredKnowledge:
    """What the database held when this was read. `engine` None stands for an empty shop."""

    def __init__(self, engine: Engine | None) -> None:
        self._known: dict[str, _Known] = {}
        if engine is None:
            return
        columns = passages.c
        query = select(columns.passage_id, columns.source, columns.content_hash, columns.title)
        with reading(engine) as connection:
            for row in connection.execute(query.where(~columns.deleted)):
                self._known[row.passage_id] = _Known(row.source, row.content_hash, row.title)

    def change(self, passage: Passage) -> Change:
        """What storing `passage` would do."""
        stored = storable(passage)
        known = self._known.get(stored.passage_id)
        if known is None:
            return "added"
        return (
            "unchanged" if content_hash(replace(stored, version=0)) == known.digest else "changed"
        )

    def missing(self, sources: Iterable[str], has: Callable[[str], bool]) -> dict[str, str]:
        """Passages of these sources that are not there any more, as id to title."""
        wanted = set(sources)
        return {
            passage_id: known.title
            for passage_id, known in self._known.items()
            if known.source in wanted and not has(passage_id)
        }

    def leftover_parts(self, has: Callable[[str], bool]) -> list[str]:
        """Parts of a long text that was read again and has fewer parts now."""
        found = []
        for passage_id, known in self._known.items():
            whole, mark, number = passage_id.rpartition(_PART_MARK)
            first = self._known.get(whole) if mark and number.isdigit() else None
            if first and first.source == known.source and has(whole) and not has(passage_id):
                found.append(passage_id)
        return found

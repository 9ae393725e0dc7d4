"""What a reader of one format is given: the file, the wishes of whoever imports, and a memory.

Covered: ids that come twice, in one file or in several, texts that are too long for one passage.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.types import Passage
from retrieval.importers.columns import Column
from retrieval.importers.money import Price
from retrieval.importers.result import Item, Note, Problem, problem
from retrieval.importers.splitting import parts_of

Progress = Callable[[str, int, int], None]
"""Called with a file's name, how many bytes of it are read, and how many there are."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever imports wants otherwise than guessed.

    `columns` maps the folded names of columns to the field they are, None to leave them out.
    `currency` is the ISO code of prices that name none.
    """

    columns: Mapping[str, Column | None] = field(default_factory=dict)
    currency: str = ""


_MAX_REMARKS = 50


class Memory:
    """Which ids were read where, over all files of one import; a digest each, to stay small."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._places: dict[int, tuple[int, int]] = {}
        self._texts: set[int] = set()

    def first(self, passage_id: str, file: str, line: int) -> tuple[str, int] | None:
        """Where this id was read before, as (file, line); None when this is the first time."""
        if not self._files or self._files[-1] != file:
            self._files.append(file)
        known = len(self._places)
        place = self._places.setdefault(_digest(passage_id), (len(self._files) - 1, line))
        return None if len(self._places) > known else (self._files[place[0]], place[1])

    def has(self, passage_id: str) -> bool:
        """Whether the import read this id."""
        return _digest(passage_id) in self._places

    def is_new_text(self, text: str) -> bool:
        """Whether no page before had this text (menus and notices come on every page)."""
        known = len(self._texts)
        self._texts.add(_digest(" ".join(text.split())))
        return len(self._texts) > known


class Reading:
    """The reading of one file. `file` is its name in messages and the source of its passages."""

    def __init__(
        self,
        path: Path,
        file: str,
        wishes: Wishes | None = None,
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.path = path
        self.file = file
        self.wishes = wishes or Wishes()
        self.memory = memory or Memory()
        self.is_empty = True
        self._progress = progress
        self._remarks: list[Note] = []
        self._left_out: Counter[str] = Counter()
        self._no_currency = 0

    def problem(self, line: int, column: str, value: object, message: str) -> Problem:
        """Something of this file that cannot be imported."""
        self.is_empty = False
        return problem(self.file, line, column, value, message)

    def note(self, line: int, message: str) -> Note:
        """Something worth knowing."""
        return Note(self.file, line, message)

    def keep(self, line: int, passage: Passage) -> Iterator[Item]:
        """A finished passage, in parts when it is long, unless its id was there before."""
        first = self.memory.first(passage.passage_id, self.file, line)
        if first:
            where = f"in line {first[1]}" if first[0] == self.file else f"in {first[0]}"
            message = f"this id was already used {where}; the first one is kept"
            yield self.problem(line, "id", passage.passage_id, message)
            return
        self.is_empty = False
        parts = parts_of(replace(passage, source=self.file))
        if len(parts) > 1:
            yield self.note(
                line,
                f"“{passage.title[:40]}” has {len(passage.text):,} characters; it was cut into "
                f"{len(parts)} passages, and shorter entries are found better",
            )
        for part in parts[1:]:
            self.memory.first(part.passage_id, self.file, line)
        yield from parts

    def remark(self, line: int, message: str) -> None:
        """Keep a note for the end of the file."""
        if len(self._remarks) < _MAX_REMARKS:
            self._remarks.append(self.note(line, message))

    def leave_out(self, reason: str) -> None:
        """Count something that was left out on purpose."""
        self.is_empty = False
        self._left_out[reason] += 1

    def see_price(self, *prices: Price) -> None:
        """Count an amount whose currency nobody knows: €5 and $5 must not be mixed up."""
        unnamed = any(price.amount is not None and not price.currency for price in prices)
        self._no_currency += unnamed and not self.wishes.currency

    def closing_notes(self) -> Iterator[Note]:
        """What is to be said at the end of the file."""
        yield from self._remarks
        for reason, count in self._left_out.items():
            yield self.note(0, f"{count} left out: {reason}")
        if self._no_currency:
            yield self.note(
                0,
                f"the prices of {self._no_currency} products name no currency; "
                "import again with --currency EUR (or CNY, USD …) so that customers are told it",
            )

    def progress(self, done: int) -> None:
        """Tell that so many bytes are read."""
        if self._progress:
            self._progress(self.file, done, self.path.stat().st_size)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())

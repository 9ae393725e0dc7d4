"""Passages in a file, read one by one as they are needed; and what makes two of them the same.

Covered: JSON Lines with the offset of every line, a sequence over the mapped file with the latest
passages kept, digests of passages that add up to a digest of the whole.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from bot.types import Passage
from retrieval.columns import mapped

_FIELDS = tuple(field.name for field in fields(Passage))
_LINES = "passages.jsonl"
_OFFSETS = "offsets.npy"
_KEPT = 20_000
_MODULUS = 1 << 128


def as_record(passage: Passage) -> dict[str, Any]:
    """A passage as JSON has it (`dataclasses.asdict` copies deeply, which is ten times slower)."""
    record = {name: getattr(passage, name) for name in _FIELDS}
    record["attributes"] = dict(passage.attributes)
    record["alternatives"] = list(passage.alternatives)
    for day in ("valid_from", "valid_until"):
        record[day] = record[day].isoformat() if record[day] else None
    return record


def passage_of(record: dict[str, Any]) -> Passage:
    """The passage of a record that `as_record` made."""
    for day in ("valid_from", "valid_until"):
        record[day] = date.fromisoformat(record[day]) if record[day] else None
    record["alternatives"] = tuple(record["alternatives"])
    return Passage(**record)


def digest(passage: Passage) -> int:
    """128 bits over everything in a passage."""
    line = json.dumps(as_record(passage), sort_keys=True)
    return int.from_bytes(hashlib.blake2b(line.encode(), digest_size=16).digest())


def content_hash(passages: Iterable[Passage]) -> str:
    """A digest of everything in the passages, whatever their order."""
    return changed_hash("0", added=passages)


def changed_hash(
    before: str, added: Iterable[Passage] = (), removed: Iterable[Passage] = ()
) -> str:
    """The `content_hash` after a change, from the one before it."""
    total = int(before, 16) + sum(map(digest, added)) - sum(map(digest, removed))
    return f"{total % _MODULUS:032x}"


def write_passages(passages: Iterable[Passage], folder: Path) -> None:
    """Write into `folder`, which must exist."""
    offsets = [0]
    with (folder / _LINES).open("wb") as stream:
        for passage in passages:
            line = json.dumps(as_record(passage), ensure_ascii=False) + "\n"
            offsets.append(offsets[-1] + stream.write(line.encode()))
    np.save(folder / _OFFSETS, np.array(offsets, np.int64))


class PassageFile(Sequence[Passage]):
    """The passages that `write_passages` wrote. Safe to share between threads."""

    def __init__(self, lines: mmap.mmap | bytes, offsets: NDArray[np.int64]) -> None:
        self._lines = lines
        self._offsets = offsets
        self._read = lru_cache(_KEPT)(self._decoded)

    @classmethod
    def open(cls, folder: Path) -> PassageFile:
        """Map the files in `folder`.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        offsets: Any = mapped(folder / _OFFSETS)
        path = folder / _LINES
        if path.stat().st_size != int(offsets[-1]):
            raise ValueError(f"{path} is not as long as it was written")
        if not int(offsets[-1]):
            return cls(b"", offsets)
        with path.open("rb") as stream:
            return cls(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, position: int) -> Passage: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Passage, ...]: ...
    def __getitem__(self, position: int | slice) -> Passage | tuple[Passage, ...]:
        if isinstance(position, slice):
            return tuple(self._read(at) for at in range(*position.indices(len(self))))
        if not -len(self) <= position < len(self):
            raise IndexError(position)
        return self._read(int(position) % len(self))

    def __iter__(self) -> Iterator[Passage]:
        return (self._decoded(position) for position in range(len(self)))

    def _decoded(self, position: int) -> Passage:
        start, end = int(self._offsets[position]), int(self._offsets[position + 1])
        return passage_of(json.loads(self._lines[start:end]))

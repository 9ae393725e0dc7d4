"""What is known of every passage without reading it: who it is, when it may answer, its script.

Covered: columns over positions, kept in files that are mapped; looking up an id or the translations
of an entry. Not covered: the passages themselves (`retrieval.passage_file`).

Ids are kept as 64-bit digests: a million of them take 8 MB, and two of a million are alike once in
thirty million times; whoever acts on a match compares the passage itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.types import Passage

_ALWAYS = np.iinfo(np.int32).max


def key_of(text: str) -> int:
    """The digest by which a text is looked up."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


class KeyColumn:
    """A key per position, and the positions of a key."""

    def __init__(
        self, keys: NDArray[np.uint64], ordered: NDArray[np.uint64], order: NDArray[np.int32]
    ) -> None:
        """`ordered` is `keys[order]`, ascending."""
        self.keys = keys
        self._ordered = ordered
        self._order = order

    @classmethod
    def of(cls, texts: Iterable[str]) -> KeyColumn:
        """Keys of one text per position."""
        keys = np.array([key_of(text) for text in texts], np.uint64)
        order = np.argsort(keys, kind="stable")
        return cls(keys, keys[order], order.astype(np.int32))

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Positions of all that have one of `keys`."""
        lows = np.searchsorted(self._ordered, keys, "left")
        highs = np.searchsorted(self._ordered, keys, "right")
        spans = [self._order[low:high] for low, high in zip(lows, highs, strict=True)]
        return np.concatenate([*spans, np.zeros(0, np.int32)]).astype(np.int64)

    def save(self, folder: Path, name: str) -> None:
        """Write into `folder`."""
        np.save(folder / f"{name}.keys.npy", self.keys)
        np.save(folder / f"{name}.ordered.npy", self._ordered)
        np.save(folder / f"{name}.order.npy", self._order)

    @classmethod
    def load(cls, folder: Path, name: str) -> KeyColumn:
        """Map what `save` wrote."""
        parts = (mapped(folder / f"{name}.{part}.npy") for part in ("keys", "ordered", "order"))
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Columns:
    """One value per position. Days are proleptic ordinals, both inclusive."""

    ids: KeyColumn
    entries: KeyColumn
    chinese: NDArray[np.bool_]
    product: NDArray[np.bool_]
    first_day: NDArray[np.int32]
    last_day: NDArray[np.int32]

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Columns:
        """Columns of `passages`."""
        return cls(
            ids=KeyColumn.of(passage.passage_id for passage in passages),
            entries=KeyColumn.of(passage.group or passage.passage_id for passage in passages),
            chinese=np.array([p.lang.startswith("zh") for p in passages], np.bool_),
            product=np.array([p.kind == "product" for p in passages], np.bool_),
            first_day=np.array(
                [p.valid_from.toordinal() if p.valid_from else 0 for p in passages], np.int32
            ),
            last_day=np.array(
                [p.valid_until.toordinal() if p.valid_until else _ALWAYS for p in passages],
                np.int32,
            ),
        )

    def valid_on(self, day: date) -> NDArray[np.bool_]:
        """Mask of what may answer on `day`."""
        ordinal = day.toordinal()
        return np.asarray((self.first_day <= ordinal) & (ordinal <= self.last_day))

    @property
    def dated(self) -> bool:
        """Whether any passage is not valid for ever."""
        return bool((self.first_day > 0).any() or (self.last_day < _ALWAYS).any())

    def save(self, folder: Path) -> None:
        """Write into `folder`, which must exist."""
        self.ids.save(folder, "ids")
        self.entries.save(folder, "entries")
        np.save(folder / "chinese.npy", self.chinese)
        np.save(folder / "product.npy", self.product)
        np.save(folder / "first_day.npy", self.first_day)
        np.save(folder / "last_day.npy", self.last_day)

    @classmethod
    def load(cls, folder: Path) -> Columns:
        """Map what `save` wrote.

        Raises:
            OSError, ValueError, EOFError: a file is missing or damaged.
        """
        return cls(
            KeyColumn.load(folder, "ids"),
            KeyColumn.load(folder, "entries"),
            mapped(folder / "chinese.npy"),
            mapped(folder / "product.npy"),
            mapped(folder / "first_day.npy"),
            mapped(folder / "last_day.npy"),
        )


def mapped(path: Path) -> NDArray[Any]:
    """An array in a file, read when it is looked at; an empty one cannot be mapped."""
    array = np.load(path, mmap_mode="r" if path.stat().st_size > 128 else None)
    return np.asarray(array) if array.size else array

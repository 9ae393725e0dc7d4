"""The folder that holds a shop's saved index, while several processes follow the same knowledge.

Covered: who saves (the first to be done), taking over what another process joined, so that all
come to stand on the same files. Not covered: the files (`retrieval.index_files`).
"""

from __future__ import annotations

from pathlib import Path

import structlog

from bot.errors import IndexMismatchError
from bot.protocols import Encoder
from retrieval.index import HybridIndex
from retrieval.index_files import Saved, load_index, read_manifest, save_index

log = structlog.get_logger(__name__)


class SharedFolder:
    """Where one process saves its index and finds those of the others."""

    def __init__(self, folder: Path, encoder: Encoder, index: HybridIndex) -> None:
        """`index` is what this process starts with, loaded from `folder` or not."""
        self._folder = folder
        self._encoder = encoder
        self._seen = ""
        saved = self._saved()
        if saved and saved.base == index.base.name:
            self._seen = saved.edits

    def other_base(self, index: HybridIndex) -> HybridIndex | None:
        """What another process saved, when it stands on another base than `index`."""
        saved = self._saved()
        if saved is None or saved.edits == self._seen or saved.base == index.base.name:
            return None
        if (saved.manifest.encoder, saved.manifest.dimension) != (
            self._encoder.name,
            self._encoder.dimension,
        ):
            return None
        self._seen = saved.edits
        try:
            return load_index(self._folder, self._encoder)
        except IndexMismatchError as error:
            log.warning("the saved index is built anew", reason=error.message)
            return None

    def save(self, index: HybridIndex, replaces: HybridIndex | None = None) -> bool:
        """Save unless another process was there first; whether it was done.

        `replaces` is what `index` was joined from.

        Raises:
            StoreError: the disk is full or the folder cannot be written.
        """
        base = (replaces or index).base.name

        def ours_to_replace(saved: Saved | None) -> bool:
            if saved is None or saved.edits == self._seen:
                return True
            mine, theirs = index.manifest, saved.manifest
            if (mine.encoder, mine.dimension) != (theirs.encoder, theirs.dimension):
                return True
            same = mine.knowledge_stamp == theirs.knowledge_stamp and replaces is None
            newer = theirs.knowledge_version > mine.knowledge_version
            return saved.base == base and not same and not newer

        written = save_index(index, self._folder, ours_to_replace)
        if written:
            self._seen = written
        return bool(written)

    def mapped(self) -> HybridIndex | None:
        """What this process saved last, read from its files: they need less memory than arrays."""
        saved = self._saved()
        if saved is None or saved.edits != self._seen:
            return None
        return load_index(self._folder, self._encoder)

    def _saved(self) -> Saved | None:
        try:
            return read_manifest(self._folder)
        except IndexMismatchError:
            return None

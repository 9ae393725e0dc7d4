"""An index on disk: a manifest that names the folders with the data, replaced in one step.

Layout: `<folder>/manifest.json`, `<folder>/data-<name>/` with the large segment, and
`<folder>/edits-<name>/` with what was edited since: passages, vectors and the mask of what they
replace. A folder is complete before the manifest names it, so that a crash at any moment leaves
the old index readable; an edit writes the small folder only.

Writers take turns on a lock that ends with its process.

Files up to `CHECKED_BYTES` in all are compared with their digests when they are loaded; of a larger
index only the sizes, since reading all of it is what mapping avoids.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from bot.errors import IndexMismatchError, StoreError
from bot.protocols import Encoder
from retrieval.dense import DenseFacts
from retrieval.index import FORMAT_VERSION, HybridIndex, Manifest
from retrieval.passage_file import PassageFile, write_passages
from retrieval.passages import search_text
from retrieval.segment import Segment
from retrieval.text import terms

REBUILD = "run: shopkeeper index"
CHECKED_BYTES = 200_000_000
_MANIFEST = "manifest.json"
_LOCK = ".lock"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Saved:
    """What a manifest file says: the index, names of its folders, size and digest of every file."""

    manifest: Manifest
    base: str
    edits: str
    files: Mapping[str, tuple[int, str]]


def save_index(
    index: HybridIndex, folder: Path, may_replace: Callable[[Saved | None], bool] | None = None
) -> str:
    """Write `index` into `folder` and remove the data it replaces.

    Args:
        index: what to save.
        folder: made when it is missing.
        may_replace: asked about what is saved, None for nothing readable, while no other process
            can write; when it says no, nothing is written.

    Returns:
        The name of this save, unlike any other; "" when nothing was written.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK):
            before = _saved_in(folder)
            if may_replace and not may_replace(before):
                return ""
            name = secrets.token_hex(6)
            base, edits = f"data-{index.base.name}", f"edits-{name}"
            if not (folder / base).exists():
                _write(folder / base, index.base.save)
            _write(folder / edits, lambda data: _write_edits(index, data))
            # The large segment does not change: it is not read again for every edit.
            known = before.files if before and before.base == index.base.name else {}
            files = _described(folder, base, edits, known)
            names = {"base": index.base.name, "edits": name}
            _replace(folder / _MANIFEST, {**asdict(index.manifest), **names, "files": files})
            for old in (*folder.glob("*data-*"), *folder.glob("*edits-*")):
                if old.name not in {base, edits}:
                    shutil.rmtree(old, ignore_errors=True)
            return name
    except (OSError, RuntimeError) as error:  # FAISS reports a full disk as RuntimeError
        raise StoreError(
            f"the index cannot be written to {folder}: {error}",
            fix="free some disk space or choose another SHOPKEEPER_HOME",
        ) from error


def load_index(folder: Path, encoder: Encoder | None) -> HybridIndex:
    """Read the index in `folder`.

    Raises:
        IndexMismatchError: there is none, it is damaged, or of another encoder or format.
    """
    for attempt in range(_ATTEMPTS):
        saved = read_manifest(folder)
        _check(saved.manifest, encoder, folder)
        try:
            return _read_data(folder, saved)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError) as error:
            replaced = attempt + 1 < _ATTEMPTS and read_manifest(folder).edits != saved.edits
            if replaced:  # another process saved a newer index while we read
                continue
            raise IndexMismatchError(
                f"the index in {folder} is damaged: {error}", fix=REBUILD
            ) from error
    raise IndexMismatchError(f"the index in {folder} changes faster than it is read", fix=REBUILD)


def read_manifest(folder: Path) -> Saved:
    """What is saved in `folder`.

    Raises:
        IndexMismatchError: nothing, or nothing that this program can read.
    """
    path = folder / _MANIFEST
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format_version"] != FORMAT_VERSION:
            raise IndexMismatchError(
                f"the index in {folder} has format {record['format_version']}, "
                f"this program reads format {FORMAT_VERSION}",
                fix=REBUILD,
            )
        base, edits = str(record.pop("base")), str(record.pop("edits"))
        files = {name: (int(f[0]), str(f[1])) for name, f in record.pop("files").items()}
        facts = record.pop("dense")
        dense = DenseFacts(**facts) if facts else None
        return Saved(Manifest(**record, dense=dense), base, edits, files)
    except FileNotFoundError:
        raise IndexMismatchError(f"there is no index in {folder}", fix=REBUILD) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise IndexMismatchError(f"{path} cannot be read: {error}", fix=REBUILD) from error


def _saved_in(folder: Path) -> Saved | None:
    try:
        return read_manifest(folder)
    except IndexMismatchError:
        return None


def _write(data: Path, fill: Callable[[Path], None]) -> None:
    """A folder that is whole as soon as it has its name."""
    part = data.with_name(f".{data.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        fill(part)
        for file in part.iterdir():
            _flush(file)
        part.rename(data)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write_edits(index: HybridIndex, data: Path) -> None:
    write_passages(index.delta.passages, data)
    np.save(data / "dead.npy", np.flatnonzero(index.dead))
    np.save(data / "owners.npy", index.delta.owners)
    if index.delta.dense is not None:
        np.save(data / "vectors.npy", index.delta.dense.vectors())


def _read_data(folder: Path, saved: Saved) -> HybridIndex:
    _check_files(folder, saved)
    base = Segment.load(folder / f"data-{saved.base}", saved.base, saved.manifest.dense)
    data = folder / f"edits-{saved.edits}"
    dead = np.zeros(len(base), np.bool_)
    dead[np.load(data / "dead.npy")] = True
    passages = tuple(PassageFile.open(data))
    delta = Segment.of(
        passages,
        base.lexical.beside(terms(search_text(passage)) for passage in passages),
        np.load(data / "vectors.npy") if saved.manifest.dense else None,
        np.load(data / "owners.npy"),
        kind="flat",
    )
    return HybridIndex(saved.manifest, base, delta, dead)


def _check(manifest: Manifest, encoder: Encoder | None, folder: Path) -> None:
    expected = (encoder.name, encoder.dimension) if encoder else ("", 0)
    if (manifest.encoder, manifest.dimension) == expected:
        return
    raise IndexMismatchError(
        f"the index in {folder} was built with {_called(manifest.encoder, manifest.dimension)}, "
        f"but {_called(*expected)} is in use",
        fix=REBUILD,
    )


def _called(name: str, dimension: int) -> str:
    return f"encoder {name!r} ({dimension} dimensions)" if name else "no encoder"


def _described(
    folder: Path, base: str, edits: str, known: Mapping[str, tuple[int, str]]
) -> dict[str, tuple[int, str]]:
    """Size and digest of every file; no digests when there is too much to read."""
    paths = [path for name in (base, edits) for path in sorted((folder / name).iterdir())]
    sizes = [path.stat().st_size for path in paths]
    checked = sum(sizes) <= CHECKED_BYTES
    described = {}
    for path, size in zip(paths, sizes, strict=True):
        name = f"{path.parent.name}/{path.name}"
        described[name] = known.get(name) or (size, _digest(path) if checked else "")
    return described


def _check_files(folder: Path, saved: Saved) -> None:
    for name, (size, digest) in saved.files.items():
        path = folder / name
        if path.stat().st_size != size or (digest and _digest(path) != digest):
            raise ValueError(f"{name} is not as it was written")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace(path: Path, record: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    _flush(part)
    part.replace(path)
    if hasattr(os, "O_DIRECTORY"):
        _flush(path.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

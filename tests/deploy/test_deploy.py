"""What operators install: each file passes its own linter, holds no secret, names what exists.

Covered: compose (the specification's own schema), systemd units (`systemd-analyze`, where the
machine has it; their syntax and names everywhere). Not covered: building the image, which needs a
Docker daemon and the internet.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.config import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
COMPOSE = DEPLOY / "docker-compose.yml"
_SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_compose_obeys_its_schema() -> None:
    command = [*(sys.executable, "-m", "check_jsonschema"), "--builtin-schema"]
    done = _run(*command, "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_of_compose_would_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:"))
    command = [*(sys.executable, "-m", "check_jsonschema"), "--builtin-schema"]
    assert _run(*command, "vendor.compose-spec", str(wrong)).returncode == 1


def test_both_containers_are_watched_and_confined() -> None:
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert set(services) == {"postgres", "shop"}
    for service in services.values():
        assert service["healthcheck"]["test"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert services["shop"]["read_only"] is True
    assert services["shop"]["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in services["shop"]["ports"])
    assert "ports" not in services["postgres"]


@pytest.mark.parametrize("file", [COMPOSE, DEPLOY / "env.example", *UNITS], ids=lambda f: f.name)
def test_no_file_holds_a_secret(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        name, separator, value = re.sub(r"^[\s#-]+", "", line).replace(": ", "=", 1).partition("=")
        if separator and name.isidentifier() and _SECRET.search(name):
            assert value == "" or value.startswith("${"), line
        assert not re.search(r"://[^/\s:]+:[^$@/\s]+@", line), line


def test_every_setting_that_is_named_exists() -> None:
    known = {f"SHOPKEEPER_{name.upper()}" for name in Settings.model_fields}
    for file in (*DEPLOY.iterdir(), ROOT / "docs" / "deployment.md"):
        named = set(re.findall(r"SHOPKEEPER_[A-Z_]*[A-Z]", file.read_text(encoding="utf-8")))
        assert named <= known | {"SHOPKEEPER_PASSWORD"}, (file.name, named - known)


def test_the_image_is_made_of_what_is_there() -> None:
    for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY"):
            *sources, _ = line.split()[1:]
            assert all((ROOT / source).exists() for source in sources), line


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_pass_systemds_own_check(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"\[[A-Z]\w+\]|[A-Z]\w+=.*", line) for line in lines)
    if shutil.which("systemd-analyze") is None:
        return
    # It looks whether the programs are there.
    program = "/opt/shopkeeper/.venv/bin/shopkeeper"
    for other in UNITS:
        there = other.read_text(encoding="utf-8").replace(program, shutil.which("true") or "")
        (tmp_path / other.name).write_text(there)
    done = _run("systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name))
    complaints = [line for line in done.stderr.splitlines() if "shopkeeper" in line]
    assert done.returncode == 0, done.stderr
    assert complaints == []


@pytest.mark.parametrize("name", ["shopkeeper.service", "shopkeeper-backup.service"])
def test_services_are_confined(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert line in text.splitlines()
    if shutil.which("systemd-analyze") is None:
        return
    limit = ["--offline=true", "--threshold=20", "--no-pager"]  # of 100; unconfined is 96
    done = _run("systemd-analyze", "security", *limit, str(DEPLOY / name))
    assert done.returncode == 0, done.stdout[-500:]

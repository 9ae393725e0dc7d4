"""The examples of docs/webhooks.md, run as they stand against a server on loopback."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.channels.webhooks.pipeline import Pipeline
from bot.config import Settings
from bot.store.events import KINDS
from bot.store.queue import SqlQueue
from tests.channels.webhooks.support import serving
from tests.channels.webhooks.systems import META_VERIFY, SYSTEMS

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
EXAMPLES = [
    block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) if "curl" in block
]


@pytest.fixture
def pipeline(sqlite_engine: Engine) -> Pipeline:
    adapters = {name: system.adapter for name, system in SYSTEMS.items()}
    return Pipeline(adapters, SqlQueue(sqlite_engine), quiet_s=0.0)


@pytest.fixture
def url(pipeline: Pipeline) -> Iterator[str]:
    with serving(pipeline) as address:
        yield address


def system_of(block: str) -> str:
    found = re.search(r"/webhooks/([a-z]+)", block)
    assert found is not None
    return found[1]


def test_every_system_has_an_example() -> None:
    assert sorted(map(system_of, EXAMPLES)) == sorted(SYSTEMS)


@pytest.mark.parametrize("block", EXAMPLES, ids=system_of)
def test_the_example_is_accepted_and_stored(pipeline: Pipeline, url: str, block: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "URL": url, "SHOPKEEPER_META_VERIFY_TOKEN": META_VERIFY}
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", block],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert pipeline.queue.stats().inbox.pending == 1


def test_every_setting_and_event_it_names_exists() -> None:
    named = set(re.findall(r"SHOPKEEPER_([A-Z_]+)", PAGE))
    known = {name.upper() for name in Settings.model_fields}
    assert named <= known
    for kind in KINDS:
        assert f"`{kind}`" in PAGE

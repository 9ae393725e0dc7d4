"""Whose work may be taken over at once: only that of processes that are certainly dead."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import worker_name as names
from bot.channels.worker_name import is_gone, worker_name


def test_names_differ_and_their_own_process_lives() -> None:
    assert worker_name() != worker_name()
    assert is_gone(worker_name()) is False


def test_a_process_that_ended_is_gone() -> None:
    script = "from bot.channels.worker_name import worker_name; print(worker_name())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert is_gone(done.stdout.strip()) is True


def test_nothing_is_known_of_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    place, _, _ = worker_name().rpartition(":")[0].rpartition(":")
    assert is_gone(f"{place}:4194999:abc") is True
    assert is_gone("elsewhere/1/2:4194999:abc") is False
    monkeypatch.setattr(names, "_BOOT", names.Path("/nowhere"))
    assert is_gone(f"{place}:4194999:abc") is False


@given(st.text(max_size=60))
def test_any_other_name_is_left_alone(name: str) -> None:
    assert is_gone(name) is False

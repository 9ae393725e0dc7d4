from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.corpora import write_corpora


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """A folder like the one of the public corpora, with a few rows in each file."""
    return write_corpora(tmp_path / "data")

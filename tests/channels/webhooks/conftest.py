"""A peer for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.channels.webhooks.chatwoot_peer import ChatwootPeer, running_peer


@pytest.fixture
def peer() -> Iterator[ChatwootPeer]:
    """A Chatwoot that listens on loopback."""
    with running_peer() as running:
        yield running

"""The whole application against requests derived from its own OpenAPI document, for half a minute.

Longer: `python -m bench.fuzz --seconds 600`.
"""

from __future__ import annotations

from bench.fuzz import fuzz


def test_no_request_brings_the_server_down_or_to_a_5xx() -> None:
    assert fuzz(20) == []

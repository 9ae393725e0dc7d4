"""What strangers send, to every connected system alike, over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.channels.webhooks.adapter import Parsed, Refused
from bot.channels.webhooks.pipeline import MAX_BODY_BYTES, Pipeline
from bot.store.queue import SqlQueue
from tests.channels.webhooks.support import serving
from tests.channels.webhooks.systems import SYSTEMS, System, as_json

ALL = sorted(SYSTEMS)
TIMED = sorted(name for name, system in SYSTEMS.items() if system.timed)


@pytest.fixture
def pipeline(sqlite_engine: Engine) -> Pipeline:
    adapters = {name: system.adapter for name, system in SYSTEMS.items()}
    return Pipeline(adapters, SqlQueue(sqlite_engine), quiet_s=0.0)


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with serving(pipeline) as url, httpx.Client(base_url=url, timeout=10) as opened:
        yield opened


def stored(pipeline: Pipeline) -> int:
    return pipeline.queue.stats().inbox.pending


def post(client: httpx.Client, name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return client.post(f"/webhooks/{name}", content=body, headers=headers)


@pytest.mark.parametrize("name", ALL)
def test_a_good_request_is_stored_once_however_often_it_is_replayed(
    pipeline: Pipeline, client: httpx.Client, name: str
) -> None:
    system = SYSTEMS[name]
    headers = system.headers()
    for _ in range(3):
        assert post(client, name, system.body, headers).status_code == 200
    if system.timed:
        later = system.headers(at=int(time.time()) - 7)
        assert post(client, name, system.body, later).status_code == 200, "repeated by the sender"
    assert stored(pipeline) == 1
    assert pipeline.counts.events(name, "duplicate") == (3 if system.timed else 2)


@pytest.mark.parametrize("name", ALL)
def test_what_was_not_signed_like_this_is_refused(
    pipeline: Pipeline, client: httpx.Client, name: str
) -> None:
    system = SYSTEMS[name]
    body, headers = system.body, system.headers()
    other = SYSTEMS["slack" if name == "chatwoot" else "chatwoot"]
    assert reserialised(system) != body
    forgeries = {
        "unsigned": (body, {}),
        "signed by somebody else": (body, other.headers(body)),
        "truncated": (body[:-5], headers),
        "longer": (body + b"\n", headers),
        "re-serialised": (reserialised(system), headers),
        "another body": (as_json(system.big(10)), headers),
        "empty": (b"", headers),
    }
    for what, (sent, with_headers) in forgeries.items():
        answer = post(client, name, sent, with_headers)
        assert answer.status_code == 401, what
        assert answer.json()["error"] in ("no_signature", "bad_signature"), what
    assert stored(pipeline) == 0
    assert post(client, name, body, headers).status_code == 200, "the good one still counts"


def reserialised(system: System) -> bytes:
    """The same JSON, written in another way."""
    parsed = json.loads(system.body)
    return as_json(parsed) if system.escaped else json.dumps(parsed).encode()


@pytest.mark.parametrize("name", TIMED)
def test_a_signed_time_counts(pipeline: Pipeline, client: httpx.Client, name: str) -> None:
    system, now = SYSTEMS[name], int(time.time())
    wrong = [
        (system.headers(at=now - 400), "too_old"),
        (system.headers(at=now + 400), "in_the_future"),
    ]
    signed_before = system.headers(at=now - 400)
    for header in signed_before:
        if "timestamp" in header.lower():
            moved = signed_before | {header: str(now)}
            wrong.append((moved, "bad_signature"))
            for nonsense in ("now", f"{now}.5", "-1", "9" * 30, f"0x{now}", "١٢٣"):
                sent = system.headers() | {header: nonsense}
                try:
                    answer = post(client, name, system.body, sent)
                except UnicodeEncodeError:
                    continue
                assert answer.status_code == 401, nonsense
    for headers, error in wrong:
        answer = post(client, name, system.body, headers)
        assert (answer.status_code, answer.json()) == (401, {"error": error})
    assert stored(pipeline) == 0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_too_large_is_refused_unread(
    pipeline: Pipeline, client: httpx.Client, name: str, streamed: bool
) -> None:
    body = as_json(SYSTEMS[name].big(MAX_BODY_BYTES))
    headers = SYSTEMS[name].headers(body)
    half = len(body) // 2
    content = iter([body[:half], body[half:]]) if streamed else body
    answer = client.post(f"/webhooks/{name}", content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"error": "too_large"})
    assert stored(pipeline) == 0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"id":"x"}', b"{}"]
)
def test_a_signed_body_that_makes_no_sense_is_refused_or_ignored(name: str, body: bytes) -> None:
    system = SYSTEMS[name]
    headers = {key.lower(): value for key, value in system.headers(body).items()}
    result = system.adapter.parse(body, headers)
    if isinstance(result, Parsed):
        assert all(type(item).__name__ == "Ignored" for item in result.items)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_event_with_anything_anywhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """Take a good event and put any JSON in some of its places."""
    system = SYSTEMS[name]
    headers = {key.lower(): value for key, value in system.headers().items()}
    payload = json.loads(system.body)
    for _ in range(data.draw(st.integers(1, 4))):
        place = payload
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(list(keys)))
            deeper = place[key]
            if isinstance(deeper, dict | list) and deeper and data.draw(st.booleans()):
                place = deeper
                continue
            place[key] = data.draw(JSON)
            break
    assert isinstance(system.adapter.parse(json.dumps(payload).encode(), headers), Parsed | Refused)


@pytest.mark.parametrize("name", ALL)
@given(body=st.binary(max_size=200), headers=st.data())
@settings(max_examples=25)
def test_anything_is_refused_by_the_signature(
    name: str, body: bytes, headers: st.DataObject
) -> None:
    system = SYSTEMS[name]
    names = [key.lower() for key in system.headers()]
    given_headers = headers.draw(st.dictionaries(st.sampled_from(names), st.text(max_size=40)))
    if body.startswith(b"webhook_id="):
        return
    assert isinstance(system.adapter.verify(given_headers, body, datetime.now(UTC)), Refused)
    assert isinstance(system.adapter.parse(body, given_headers), Parsed | Refused)

"""A secret that gets into a log line does not get out of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import BLOT, MIN_SECRET_CHARS, Blotter, configure, secrets_in

SECRET = 'hunter2"ü\\/+='


@pytest.fixture
def as_before() -> Iterator[None]:
    """Logging as it was, whatever the test sets."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@given(st.text(min_size=MIN_SECRET_CHARS).filter(lambda s: len(s.strip()) >= MIN_SECRET_CHARS))
def test_a_known_secret_never_gets_through_however_it_is_written(secret: str) -> None:
    blotter = Blotter([secret])
    secret = secret.strip()
    for form in (secret, json.dumps(secret), repr(secret), f"x{secret}y", json.dumps([secret])):
        assert secret not in blotter.clean(form).replace(BLOT, "")
    assert blotter.clean(f"?key={quote(secret, safe='')}&x=1").endswith("&x=1")


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_a_line_without_secrets_of_known_shape_is_kept(line: str) -> None:
    innocent = line.replace("=", " ").replace(":", " ").replace("_", " ")
    innocent = innocent.casefold().replace("bearer", "").replace("basic", "")
    assert Blotter().clean(innocent) == innocent


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Authorization: Bearer k3yk3yk3y12345678", "Authorization"),
        ('{"api_access_token": "k3y-of-chatwoot"}', "api_access_token"),
        ("postgresql+psycopg://shop:k3yk3yk3y@db/shop", "postgresql+psycopg://shop"),
        ("whsec_QUJDREVGR0hJSktMTU5PUA== is no secret", "whsec_"),
        ("shk_abcdefghijkl_ZZZZZZZZZZZZ was refused", "shk_abcdefghijkl_"),
        ("password=k3yk3yk3y&name=li", "name=li"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(line: str, kept: str) -> None:
    cleaned = Blotter().clean(line)
    assert BLOT in cleaned
    assert kept in cleaned
    assert Blotter().clean(cleaned) == cleaned
    for secret in ("k3y", "QUJD", "ZZZZ"):
        assert secret not in cleaned


def test_fixes_that_name_a_setting_stay_readable() -> None:
    line = "set SHOPKEEPER_CHATWOOT_TOKEN to the bot's access token; see `keys create`"
    assert Blotter().clean(line) == line


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("as_json", [True, False])
def test_both_kinds_of_loggers_lose_secrets_from_traces_too(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure("INFO", json=as_json, secrets=[SECRET])
    try:
        int(f"cannot sign in with {SECRET}")
    except ValueError:
        structlog.get_logger("ours").exception("failed", password=SECRET)
        logging.getLogger("theirs").exception("failed with %s", SECRET)
    written = capsys.readouterr().err
    assert written.count("ValueError") >= 2
    assert "hunter2" not in written


@pytest.mark.usefixtures("as_before")
def test_a_line_tells_the_conversation_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure("INFO", json=True)
    with structlog.contextvars.bound_contextvars(conversation="web-42"):
        structlog.get_logger().info("ours")
        logging.getLogger("theirs").warning("theirs")
    structlog.get_logger().info("elsewhere")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("conversation") for line in lines] == ["web-42", "web-42", None]
    assert [line["event"] for line in lines] == ["ours", "theirs", "elsewhere"]
    assert all(line["timestamp"] and line["level"] for line in lines)


@pytest.mark.usefixtures("as_before")
def test_setting_it_up_twice_writes_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("INFO", json=True)
    configure("INFO", json=True)
    logging.getLogger("theirs").warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_secrets_are_known_by_the_names_of_their_variables() -> None:
    found = secrets_in(
        {
            "SHOPKEEPER_GENERIC_SECRET": "whsec_a whsec_b",
            "SHOPKEEPER_CHATWOOT_TOKEN": "tok",
            "PGPASSWORD": "pg",
            "SHOPKEEPER_HOME": "var",
        }
    )
    assert {"whsec_a", "whsec_b", "tok", "pg"} <= set(found)
    assert "var" not in found

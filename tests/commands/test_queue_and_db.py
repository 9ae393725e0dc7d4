"""`shopkeeper queue` and `shopkeeper db` as an operator uses them, against a real database."""

from __future__ import annotations

import json
from pathlib import Path

from alembic import command

from bot.store.engine import alembic_config, known_revisions
from bot.store.queue import SqlQueue
from bot.store.sql import SqlTurnStore, migrate, open_engine
from bot.store.transactions import writing
from tests.commands.test_cli import refused, shopkeeper
from tests.store.samples import a_turn, event, reply


def _shop(home: Path) -> None:
    """A shop with one event and one reply given up."""
    engine = open_engine(f"sqlite:///{home / 'shopkeeper.db'}")
    migrate(engine)
    queue = SqlQueue(engine)
    queue.receive(event("k", "chatwoot:1:7"))
    queue.fail(queue.claim_inbox("w")[0], "[broken]", permanent=True)
    queue.enqueue([reply("r", "chatwoot:1:7")])
    queue.fail(queue.claim_outbox("w")[0], "401 from Chatwoot", permanent=True)
    SqlTurnStore(engine).save(a_turn("c", "你好", turn_id="t"))
    engine.dispose()


def test_what_was_given_up_is_seen_tried_again_or_closed(tmp_path: Path) -> None:
    _shop(tmp_path)
    listed = shopkeeper("queue", "list", home=tmp_path)
    assert listed.returncode == 0, listed
    for told in ("401 from Chatwoot", "[broken]", "chatwoot:1:7", "queue replay"):
        assert told in listed.stdout
    found = json.loads(shopkeeper("queue", "list", "--json", home=tmp_path).stdout)
    assert [found["counts"][box]["dead"] for box in ("inbox", "outbox")] == [1, 1]
    assert [row["status"] for row in found["rows"]] == ["dead", "dead"]
    assert "content" not in found["rows"][0]

    assert "text r" in shopkeeper("queue", "show", "outbox", "1", home=tmp_path).stdout
    assert (
        "1 to be tried again" in shopkeeper("queue", "replay", "inbox", "1", home=tmp_path).stdout
    )
    assert "1 closed" in shopkeeper("queue", "drop", "outbox", "--all", home=tmp_path).stdout
    left = shopkeeper("queue", "list", "--status", "all", "--json", home=tmp_path)
    states = {row["box"]: row["status"] for row in json.loads(left.stdout)["rows"]}
    assert states == {"inbox": "pending", "outbox": "discarded"}


def test_rows_must_be_named(tmp_path: Path) -> None:
    refused(shopkeeper("queue", "replay", "inbox", home=tmp_path), "name the rows", "--all")
    refused(shopkeeper("queue", "show", "inbox", "12", home=tmp_path), "no row 12", "queue list")


def test_a_shop_is_backed_up_lost_and_put_back(tmp_path: Path) -> None:
    home = tmp_path / "shop"
    home.mkdir()
    _shop(home)
    made = shopkeeper("db", "backup", str(tmp_path), home=home)
    assert made.returncode == 0, made
    (file,) = tmp_path.glob("shopkeeper-*.db")
    refused(shopkeeper("db", "restore", str(file), home=home), "not empty", "--replace")
    (home / "shopkeeper.db").unlink()
    assert "restored" in shopkeeper("db", "restore", str(file), home=home).stdout
    assert "already" in shopkeeper("db", "upgrade", home=home).stdout
    assert "sound" in shopkeeper("db", "check", home=home).stdout
    listed = json.loads(shopkeeper("queue", "list", "--json", home=home).stdout)
    assert listed["counts"]["outbox"]["dead"] == 1


def test_a_shop_of_an_earlier_version_is_diagnosed_unchanged_and_upgraded_by_any_use(
    tmp_path: Path,
) -> None:
    newest, first = known_revisions()[0], known_revisions()[-1]
    engine = open_engine(f"sqlite:///{tmp_path / 'shopkeeper.db'}")
    with writing(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, first)
    engine.dispose()
    for _ in range(2):  # looking changes nothing
        told = shopkeeper("doctor", "--json", home=tmp_path)
        assert "Traceback" not in told.stderr
        findings = {finding["what"]: finding for finding in json.loads(told.stdout)}
        found = findings["database"]
        assert not found["ok"]
        assert f"at revision {first}, this program needs revision {newest}" in found["detail"]
        assert found["fix"] == "shopkeeper db upgrade"
    assert shopkeeper("queue", "list", home=tmp_path).returncode == 0
    assert f"are at {newest} already" in shopkeeper("db", "upgrade", home=tmp_path).stdout

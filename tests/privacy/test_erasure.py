"""A customer who was erased is nowhere any more, and nobody else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.errors import InputError
from bot.store.audit import AuditFilter, SqlAudit
from bot.store.erasure import erase_customer
from bot.store.export import export_customer
from bot.store.personal import IMPERSONAL, CustomerRef, find_customer, personal_tables
from bot.store.queries import ConsoleQueries
from bot.store.retention import apply_retention
from bot.store.tables import metadata
from bot.store.turns import SqlTurnStore
from tests.privacy.filled import MARKER, OTHER, files_with, fill, stored_with, tables_with
from tests.store.samples import NOON, a_turn

WHO = CustomerRef(customer_id=f"chatwoot:1:{MARKER}")


def test_the_marker_is_put_into_every_table_that_holds_customers(
    engine: Engine, tmp_path: Path
) -> None:
    """Otherwise the next test would prove less than it says."""
    fill(engine, tmp_path / "exports")
    assert tables_with(engine, MARKER) >= {table.name for table in personal_tables()}
    assert "audit_log" in tables_with(engine, MARKER)


def test_an_erased_customer_is_nowhere_in_the_database_or_its_files(
    engine: Engine, tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    fill(engine, exports)
    fill(engine, exports, OTHER)
    exported = export_customer(engine, WHO, actor="command:test")
    (exports / "customer-1.json").write_text(exported.document, encoding="utf-8")
    kept = tables_with(engine, OTHER)

    erased = erase_customer(engine, WHO, actor="command:test", exports=exports)

    assert len(erased.conversation_ids) == 3
    assert stored_with(engine, MARKER) == set()
    assert tables_with(engine, OTHER) == kept
    assert files_with(exports, MARKER) == []
    assert files_with(exports, OTHER) == ["training.jsonl"]
    assert erased.files == ("customer-1.json", "training.jsonl")
    engine.dispose()
    assert files_with(tmp_path, MARKER) == []


def test_nothing_is_left_in_the_file_even_before_it_is_compacted(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    fill(sqlite_engine, tmp_path / "exports")
    erase_customer(sqlite_engine, WHO, actor="t", exports=tmp_path / "exports", compact=False)
    with sqlite_engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_engine.dispose()
    assert files_with(tmp_path, MARKER) == []


def test_erasing_twice_and_erasing_a_stranger_are_harmless(engine: Engine, tmp_path: Path) -> None:
    fill(engine, tmp_path / "exports")
    erase_customer(engine, WHO, actor="t")
    again = erase_customer(engine, WHO, actor="t")
    assert (again.conversation_ids, sum(count for _, count in again.rows)) == ((), 0)


def test_the_audit_log_tells_of_the_erasure_but_not_of_whom(engine: Engine, tmp_path: Path) -> None:
    fill(engine, tmp_path / "exports")
    export_customer(engine, WHO, actor="api:abc")
    erased = erase_customer(engine, WHO, actor="console:li")
    audit = SqlAudit(engine)
    (entry,) = audit.entries(AuditFilter(action="customer.erase"))
    assert (entry.entry_id, entry.actor, entry.subject) == (erased.audit_entry, "console:li", "")
    assert "3 conversations" in entry.detail
    about = audit.entries(AuditFilter(subject=f"erased:{erased.audit_entry}"))
    assert {one.action for one in about} == {"conversation.read", "customer.export"}


@pytest.mark.parametrize(
    "ref",
    [
        CustomerRef(email="Li.Wei@Example.com"),
        CustomerRef(phone="138 0013 8000"),
        CustomerRef(conversation_id="by-mail"),
        CustomerRef(customer_id="li.wei@example.com"),
    ],
)
def test_a_customer_is_found_by_every_name(sqlite_engine: Engine, ref: CustomerRef) -> None:
    turns = SqlTurnStore(sqlite_engine)
    turns.save(a_turn("by-mail", customer_id="li.wei@example.com"))
    turns.save(a_turn("by-phone", customer_id="generic:+8613800138000", channel="generic"))
    turns.save(a_turn("stranger", customer_id="chatwoot:1:8613800138000", channel="chatwoot"))
    wanted = "by-phone" if ref.phone else "by-mail"
    assert find_customer(sqlite_engine, ref).conversation_ids == (wanted,)


def test_who_only_mentions_the_address_is_reported_and_erased_on_request(
    sqlite_engine: Engine,
) -> None:
    turns = SqlTurnStore(sqlite_engine)
    turns.save(a_turn("one", "write to LI.WEI@example.com please"))
    turns.save(a_turn("two", "我的电话是１３８-００１３-８０００"))
    turns.save(a_turn("three", "not.li.wei@example.com, 138001380001"))
    ref = CustomerRef(email="li.wei@example.com", phone="+86 138 0013 8000")
    found = find_customer(sqlite_engine, ref)
    assert (found.conversation_ids, found.mentioned_in) == ((), ("one", "two"))
    both = CustomerRef(email=ref.email, phone=ref.phone, mentions=True)
    erase_customer(sqlite_engine, both, actor="t")
    assert SqlTurnStore(sqlite_engine).history("one") == ()
    assert SqlTurnStore(sqlite_engine).history("three") != ()


def test_nobody_is_not_a_customer() -> None:
    with pytest.raises(InputError, match="no customer"):
        CustomerRef(channel="web")


def test_an_export_holds_everything_that_is_stored(engine: Engine, tmp_path: Path) -> None:
    fill(engine, tmp_path / "exports")
    fill(engine, tmp_path / "exports", OTHER)
    exported = export_customer(engine, WHO, actor="t")
    document = json.loads(exported.document)
    assert OTHER not in exported.document
    counted = dict(exported.rows)
    assert all(counted[table.name] > 0 for table in personal_tables()), counted
    told = dict.fromkeys(counted, 0)
    for conversation in document["conversations"]:
        told["conversations"] += 1
        for name in counted:
            told[name] += len(conversation.get(name, []))
    for name, rows in document["other"].items():
        told[name] += len(rows)
    assert told == counted
    web = next(c for c in document["conversations"] if c["id"] == f"web-{MARKER}")
    assert web["turns"][1]["data"]["mood"]["unhappy"] is True
    assert [m["speaker"] for m in web["messages"]][:2] == ["customer", "bot"]
    assert web["feedback"][0]["comment"] == f"{MARKER} does not like it"


def test_every_table_is_known_to_hold_customers_or_not_to() -> None:
    """A new table without a decision would be forgotten by export and erasure."""
    for table in personal_tables():
        names = {"conversation_id", "conversation_key", "turn_id"} & set(table.c.keys())
        assert names or table.name == "conversations", f"{table.name}: see bot/store/personal.py"
    assert set(metadata.tables) >= IMPERSONAL


def test_retention_erases_what_is_idle_and_keeps_the_rest(engine: Engine, tmp_path: Path) -> None:
    turns = SqlTurnStore(engine)
    turns.save(a_turn("old", "老问题", at=NOON.replace(year=2020)))
    turns.save(a_turn("young", "新问题", at=NOON))
    now = NOON.replace(day=20)
    counted = apply_retention(engine, 365, actor="t", dry_run=True, now=now)
    assert (counted.conversations, counted.dry_run) == (1, True)
    assert turns.history("old") != ()
    assert apply_retention(engine, 365, actor="t", now=now).conversations == 1
    assert turns.history("old") == ()
    assert turns.history("young") != ()
    assert ConsoleQueries(engine).counts().all == 1
    assert apply_retention(engine, 365, actor="t", now=now).conversations == 0
    with pytest.raises(InputError):
        apply_retention(engine, 0, actor="t")

"""Who read or changed what: every page and form leaves an entry, and admins can read them."""

from __future__ import annotations

import pytest

from bot.errors import StoreError
from bot.store.audit import AuditFilter, SqlAudit
from bot.store.transactions import writing
from tests.console.conftest import PASSWORD, Desk


def entries(desk: Desk, **wanted: str) -> list[tuple[str, str, str, str]]:
    found = SqlAudit(desk.shop.engine).entries(AuditFilter(**wanted))
    return [(one.actor, one.action, one.subject, one.detail) for one in reversed(found)]


def test_reading_a_conversation_leaves_an_entry(anna: Desk) -> None:
    conversation = anna.ids[0]
    assert anna.client.get(f"/console/c/{conversation}").status_code == 200
    assert entries(anna, subject=conversation) == [
        ("console:anna", "console.read.conversation", conversation, "")
    ]


def test_pages_that_renew_themselves_are_not_recorded_again(anna: Desk) -> None:
    before = len(entries(anna))
    anna.client.get(f"/console/c/{anna.ids[0]}?part=pulse")
    anna.client.get("/console/?part=rows")
    assert len(entries(anna)) == before


def test_what_agents_do_is_recorded_but_not_what_they_write(anna: Desk) -> None:
    conversation = anna.ids[0]
    anna.do("take_over", conversation)
    anna.do("reply", conversation, text="Dear Mrs Li, 13812345678")
    anna.client.get("/console/?q=13812345678")
    told = entries(anna)
    assert ("console:anna", "console.do.take_over", conversation, "") in told
    assert ("console:anna", "console.do.reply", conversation, "") in told
    assert ("console:anna", "console.read.conversation_list", "", "searched") in told
    assert "13812345678" not in str(told)
    assert "Mrs Li" not in str(told)


def test_signing_in_and_failing_to_is_recorded(desk: Desk) -> None:
    desk.sign_in("anna", "wrong password")
    desk.sign_in("my password, in the wrong field", "x")
    desk.sign_in()
    assert entries(desk, action="console.sign_in") == [
        ("console", "console.sign_in_failed", "anna", ""),
        ("console", "console.sign_in_failed", "", ""),
        ("console:anna", "console.sign_in", "", ""),
    ]


def test_only_admins_read_the_audit_log_and_a_refusal_is_recorded(anna: Desk) -> None:
    assert anna.client.get("/console/audit").status_code == 403
    assert entries(anna, action="console.read.audit") == [
        ("console:anna", "console.read.audit", "", "refused: no right")
    ]


def test_an_admin_reads_filters_and_pages(desk: Desk) -> None:
    desk.shop.parts.agents.create("chef", PASSWORD, "admin")
    audit = SqlAudit(desk.shop.engine)
    for number in range(130):
        audit.record("command:root", "knowledge.import", f"file-{number}", "<b>bold</b>")
    desk.sign_in("chef")
    page = desk.client.get("/console/audit").text
    assert "file-129" in page
    assert "&lt;b&gt;bold" in page
    assert "file-20<" not in page
    before = audit.entries(AuditFilter(subject="file-40"))[0].entry_id
    assert "file-20<" in desk.client.get(f"/console/audit?before={before}").text
    assert "file-129" not in desk.client.get("/console/audit?subject=file-20").text
    assert "审计日志" in desk.client.get("/console/audit?lang=zh").text


def test_the_log_can_be_added_to_only(engine) -> None:  # type: ignore[no-untyped-def]
    audit = SqlAudit(engine)
    audit.record("console:li", "console.read.conversation", "c1")
    for statement in (
        "UPDATE audit_log SET actor = 'somebody else'",
        "UPDATE audit_log SET subject = 'c2'",
        "UPDATE audit_log SET subject = 'erased:1', actor = 'x'",
        "DELETE FROM audit_log",
    ):
        with pytest.raises(StoreError, match="append-only"), writing(engine) as connection:
            connection.exec_driver_sql(statement)
    (entry,) = audit.entries()
    assert (entry.actor, entry.subject) == ("console:li", "c1")

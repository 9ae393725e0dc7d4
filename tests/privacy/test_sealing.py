"""Texts at rest: sealed with a key, readable without one, never lost to a wrong one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from bot.errors import ConfigError, StoreError
from bot.store.columns import clean_text
from bot.store.engine import migrate, open_engine
from bot.store.erasure import compact_database, erase_customer
from bot.store.personal import CustomerRef
from bot.store.queries import ConsoleQueries
from bot.store.records import ConversationFilter
from bot.store.resealing import Resealed, seal_everything, unseal_everything
from bot.store.sealing import Keyring, from_stored, is_sealed, to_stored
from bot.store.subscribers import SqlSubscribers
from bot.store.turns import SqlTurnStore
from tests.privacy.filled import MARKER, files_with, fill, opens, stored_with, tables_with
from tests.store.samples import a_turn

KEY, NEWER = Keyring.new_key(), Keyring.new_key()
SECRET = "我的手机号是13812345678，身份证号11010519491231002X"
PIECES = ("13812345678", "11010519491231002X", "我的手机号", "手机")


@pytest.fixture
def sealed(database_url: str) -> Engine:
    """A database with a key."""
    engine = open_engine(database_url, [KEY])
    migrate(engine)
    yield engine
    engine.dispose()


@given(st.text(max_size=200))
def test_what_is_sealed_is_read_back_and_says_nothing(text: str) -> None:
    ring = Keyring([KEY])
    text = clean_text(text)
    stored = to_stored(text, ring)
    assert from_stored(stored, ring) == text
    assert is_sealed(stored) == bool(text)
    assert len(text) < 8 or text not in stored


@given(st.text(max_size=60), st.sampled_from(["", "enc0:", "enc1:", "enc1:gAAAAB", "enc0:enc1:"]))
def test_no_plain_text_can_look_sealed(text: str, start: str) -> None:
    """Else a customer could write a line that makes the whole conversation unreadable."""
    text = clean_text(start + text)
    for ring in (None, Keyring([KEY])):
        assert from_stored(to_stored(text, None), ring) == text


def test_a_sealed_token_written_by_a_customer_stays_a_text() -> None:
    text = "enc1:" + Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    assert from_stored(to_stored(text, None), None) == text
    ring = Keyring([KEY])
    assert from_stored(to_stored(text, ring), ring) == text


@pytest.mark.parametrize("keys", [[], ["short"], [KEY, "x" * 44], [" "]])
def test_a_key_that_is_none_is_named_but_not_repeated(keys: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Keyring(keys)
    assert not any(key.strip() and key in str(caught.value) for key in keys)


def test_nothing_a_customer_wrote_is_readable_in_the_database(
    sealed: Engine, tmp_path: Path
) -> None:
    turns = SqlTurnStore(sealed)
    turns.save(a_turn("c1", SECRET, reply="您的手机号我们收到了。"))
    assert turns.history("c1")[0].text == SECRET
    for piece in PIECES:
        assert stored_with(sealed, piece) == set()
    sealed.dispose()
    assert files_with(tmp_path, *PIECES) == []


def test_the_columns_for_analytics_are_masked_under_the_seal(sealed: Engine) -> None:
    from bot.types import Action

    SqlTurnStore(sealed).save(a_turn("c1", SECRET, action=Action.ABSTAIN, reason="not_found"))
    (left,) = ConsoleQueries(sealed).unanswered_questions()
    assert left.question == "我的手机号是[phone]，身份证号[id_card]"
    assert tables_with(sealed, "13812345678") == {"conversations", "turns", "messages"}


def test_a_missing_or_wrong_key_is_refused_and_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url, [KEY])
    migrate(engine)
    SqlTurnStore(engine).save(a_turn("c1", SECRET))
    engine.dispose()
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    before = file.read_bytes()
    for keys, told in (([], "no key is given"), ([NEWER], "lacks 1 of the 1 keys")):
        with pytest.raises(StoreError, match=told):
            open_engine(sqlite_url, keys)
    assert file.read_bytes() == before
    engine = open_engine(sqlite_url, [KEY])
    assert SqlTurnStore(engine).history("c1")[0].text == SECRET
    engine.dispose()


def test_plain_rows_stay_readable_and_are_sealed_by_one_command(
    database_url: str, tmp_path: Path
) -> None:
    plain = open_engine(database_url)
    fill(plain, tmp_path / "exports")
    plain.dispose()
    engine = open_engine(database_url, [KEY])
    migrate(engine)
    assert "messages" in tables_with(engine, MARKER)
    found = ConsoleQueries(engine).conversations(ConversationFilter(search="angry"))
    assert found.items
    bars: list[tuple[str, int, int]] = []
    first = seal_everything(engine, lambda *told: bars.append(told))
    assert first.changed > 0
    assert first.left == 0
    assert {name for name, done, total in bars if done == total} >= {"messages", "turns"}
    names_only = {"conversations", "turns", "messages", "inbox", "outbox", "audit_log", "events"}
    assert stored_with(engine, f"I am {MARKER}") == set()
    assert stored_with(engine, MARKER) <= names_only | {
        "review_items",
        "feedback",
        "handovers",
        "episodes",
        "timers",
    }
    assert "messages" in tables_with(engine, MARKER)
    assert seal_everything(engine) == Resealed(first.rows, 0, 0)
    assert ConsoleQueries(engine).conversations(ConversationFilter(search="angry")).items
    compact_database(engine)
    engine.dispose()
    assert files_with(tmp_path, f"I am {MARKER}", "is very angry") == []
    assert not opens(database_url)


def test_a_key_is_rotated_without_a_gap(database_url: str) -> None:
    engine = open_engine(database_url, [KEY])
    migrate(engine)
    SqlTurnStore(engine).save(a_turn("c1", "first text"))
    engine.dispose()
    engine = open_engine(database_url, [NEWER, KEY])
    migrate(engine)
    turns, queries = SqlTurnStore(engine), ConsoleQueries(engine)
    turns.save(a_turn("c1", "second text"))
    assert [entry.text for entry in turns.history("c1") if entry.speaker == "customer"] == [
        "first text",
        "second text",
    ]
    for word in ("first", "second"):
        assert queries.conversations(ConversationFilter(search=word)).items
    # Each key is still needed until everything is sealed anew.
    assert not opens(database_url, KEY)
    assert not opens(database_url, NEWER)
    seal_everything(engine)
    engine.dispose()
    assert opens(database_url, NEWER)
    assert not opens(database_url, KEY)


SIGNS, SIGNS_NEXT = "whsec_" + "A" * 32, "whsec_" + "B" * 32


def test_a_stolen_database_forges_no_events(sealed: Engine, tmp_path: Path) -> None:
    """The secrets that sign events once lay beside the sealed texts as they are."""
    subscribers = SqlSubscribers(sealed)
    subscribers.add("crm", "https://crm.example", [SIGNS])
    subscribers.rotate("crm", SIGNS_NEXT)
    subscribers.declare("settings", "https://bi.example", [SIGNS])
    assert [one.secrets for one in subscribers.list()] == [(SIGNS_NEXT, SIGNS), (SIGNS,)]
    assert stored_with(sealed, "whsec_") == set()
    assert subscribers.retire("crm") == 1
    sealed.dispose()
    assert files_with(tmp_path, "whsec_") == []


def test_secrets_from_before_sign_on_and_are_sealed_when_written_or_by_the_command(
    database_url: str,
) -> None:
    plain = open_engine(database_url)
    for name in ("bi", "crm"):
        SqlSubscribers(plain).add(name, f"https://{name}.example", [SIGNS])
    plain.dispose()
    engine = open_engine(database_url, [KEY])
    migrate(engine)
    subscribers = SqlSubscribers(engine)
    assert {one.secrets for one in subscribers.list()} == {(SIGNS,)}
    subscribers.rotate("crm", SIGNS_NEXT)
    assert stored_with(engine, SIGNS_NEXT) == set()
    assert stored_with(engine, SIGNS) == {"subscribers"}, "the other one was not written yet"
    assert seal_everything(engine).changed == 1
    assert stored_with(engine, "whsec_") == set()
    engine.dispose()

    engine = open_engine(database_url, [NEWER, KEY])
    migrate(engine)
    assert seal_everything(engine).changed == 2
    engine.dispose()
    engine = open_engine(database_url, [NEWER])
    assert [one.secrets for one in SqlSubscribers(engine).list()] == [
        (SIGNS,),
        (SIGNS_NEXT, SIGNS),
    ]
    unseal_everything(engine)
    assert stored_with(engine, SIGNS_NEXT) == {"subscribers"}
    engine.dispose()


def test_a_shop_can_go_back_to_plain_texts(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, [KEY])
    migrate(engine)
    SqlTurnStore(engine).save(a_turn("c1", SECRET))
    unseal_everything(engine)
    engine.dispose()
    plain = open_engine(sqlite_url)
    assert SqlTurnStore(plain).history("c1")[0].text == SECRET
    assert ConsoleQueries(plain).conversations(ConversationFilter(search="3812345")).items
    plain.dispose()


def test_sealing_without_a_key_says_how_to_get_one(sqlite_engine: Engine) -> None:
    with pytest.raises(ConfigError, match="privacy key"):
        seal_everything(sqlite_engine)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("shoes", True),
        ("SHOES", True),
        ("shoe", False),  # a part of a word
        ("红色跑鞋", True),
        ("跑鞋", True),
        ("色跑", True),
        ("蓝色", False),
        ("鞋", False),  # a single character
        ("13812345678", True),
        ("１３８１２３４５６７８", True),
        ("138-1234-5678", True),
        ("li.wei@example.com", True),
        ("ML-20241122-0042", True),
        ("red shoes", True),
        ("red boots", False),
    ],
)
def test_search_under_encryption_does_what_it_says(
    sqlite_url: str, search: str, found: bool
) -> None:
    engine = open_engine(sqlite_url, [KEY])
    migrate(engine)
    turns = SqlTurnStore(engine)
    turns.save(a_turn("c1", "红色跑鞋 red shoes, 138 1234 5678, li.wei@example.com", reply=""))
    turns.save(a_turn("c1", "my order ML-20241122-0042 is late", reply=""))
    turns.save(a_turn("c2", "something else", reply=""))
    page = ConsoleQueries(engine).conversations(ConversationFilter(search=search))
    assert [item.conversation_id for item in page.items] == (["c1"] if found else [])
    engine.dispose()


def test_a_damaged_text_is_an_error_not_an_empty_line(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, [KEY])
    migrate(engine)
    SqlTurnStore(engine).save(a_turn("c1", SECRET))
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE messages SET text = substr(text, 1, 60) || 'A' || substr(text, 62)")
    raw.close()
    with pytest.raises(StoreError, match="damaged"):
        SqlTurnStore(engine).history("c1")
    engine.dispose()


def test_erasing_works_on_sealed_texts(sealed: Engine, tmp_path: Path) -> None:
    fill(sealed, tmp_path / "exports")
    who = CustomerRef(customer_id=f"chatwoot:1:{MARKER}")
    erase_customer(sealed, who, actor="t", exports=tmp_path / "exports")
    assert stored_with(sealed, MARKER) == set()
    assert tables_with(sealed, MARKER) == set()

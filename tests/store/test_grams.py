"""The pieces of words: whatever holds a word holds its pieces, in Python and in PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from bot.store.engine import open_engine
from bot.store.grams import grams
from bot.store.queries import ConsoleQueries, ConversationFilter
from bot.store.sql import SqlTurnStore
from bot.store.transactions import reading
from tests.store.samples import a_turn

WORDS = st.text(st.sampled_from("ab退货é1 -"), max_size=8)


@given(WORDS, WORDS, WORDS)
def test_whatever_holds_a_word_holds_its_pieces(before: str, word: str, after: str) -> None:
    assert set(grams(word)) <= set(grams(before + word + after))


def test_two_chinese_characters_have_a_piece_and_two_letters_have_none() -> None:
    assert grams("退货") == ("退货",)
    assert grams("A4") == ()
    assert grams("退") == ()
    assert grams("refund") == ("ref", "efu", "fun", "und")


@pytest.fixture(scope="module")
def server(postgres: object, migrated_postgres: str) -> Iterator[Engine]:
    engine = open_engine(postgres.url(migrated_postgres))  # type: ignore[attr-defined]
    yield engine
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize(
    "said",
    ["", "退", "退货", "refund", "A4 纸", "a\U0001f45fb", "ab", "７天 7天内", "123456789012345678"],
)
def test_postgres_cuts_like_python(server: Engine, said: str) -> None:
    with reading(server) as connection:
        found = connection.execute(text("SELECT shop_grams(:t)"), {"t": said}).scalar_one()
    assert set(grams(said)) <= set(found)
    assert set(found) - set(grams(said)) <= {said}


@pytest.mark.postgres
def test_blind_words_are_pieces_as_they_are(server: Engine) -> None:
    blind = "0123456789abcdef01 ffffffffffffffffff"
    with reading(server) as connection:
        found = connection.execute(text("SELECT shop_grams(:t)"), {"t": blind}).scalar_one()
    assert set(found) == set(blind.split())


@pytest.mark.postgres
def test_a_search_reads_the_index(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    SqlTurnStore(engine).save(a_turn("c", "我想退货", turn_id="t", customer_id="chat:Li"))
    found = ConsoleQueries(engine)
    for word, count in (("退货", 1), ("退", 1), ("换货", 0), ("chat:li", 1), ("li", 1), ("zz", 0)):
        assert len(found.conversations(ConversationFilter(search=word)).items) == count, word
    query = "SELECT id FROM messages WHERE shop_grams(search_text) @> ARRAY['退货']"
    with reading(engine) as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {query}").scalars().all()
    assert any("ix_messages_grams" in line for line in plan)
    engine.dispose()

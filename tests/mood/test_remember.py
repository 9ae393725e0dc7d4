from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bot.remember import RememberingEncoder
from tests.mood.parts import WordEncoder


def test_a_text_is_encoded_once_and_comes_back_the_same() -> None:
    words = WordEncoder()
    shared = RememberingEncoder(words)
    first = shared.encode(["angry", "happy", "angry"], "query")
    second = shared.encode(["happy", "angry"], "query")
    assert words.encoded == ["angry", "happy"]
    np.testing.assert_array_equal(first[[1, 0]], second)


def test_query_and_passage_are_different_texts() -> None:
    words = WordEncoder()
    shared = RememberingEncoder(words)
    shared.encode(["angry"], "query")
    shared.encode(["angry"], "passage")
    assert words.encoded == ["angry", "angry"]


def test_the_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    words = WordEncoder()
    shared = RememberingEncoder(words, capacity=2)
    for text in ("angry", "happy", "angry", "human"):
        shared.encode([text], "query")
    words.encoded.clear()
    shared.encode(["angry"], "query")
    shared.encode(["happy"], "query")
    assert words.encoded == ["happy"]


def test_a_batch_for_an_index_does_not_push_the_customers_out() -> None:
    words = WordEncoder()
    shared = RememberingEncoder(words, capacity=3)
    shared.encode(["angry"], "query")
    shared.encode([f"passage {i}" for i in range(10)], "passage")
    words.encoded.clear()
    shared.encode(["angry"], "query")
    assert words.encoded == []


def test_no_texts_are_no_vectors() -> None:
    assert RememberingEncoder(WordEncoder()).encode([], "query").shape == (0, WordEncoder.dimension)


def test_many_threads_get_their_own_vectors() -> None:
    shared = RememberingEncoder(WordEncoder(), capacity=4)
    texts = [f"{'angry ' * (i % 7)}{'happy ' * (i % 5)}" for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: shared.encode([text], "query")[0], texts))
    np.testing.assert_array_equal(np.stack(found), WordEncoder().encode(texts, "query"))


def test_a_changed_result_does_not_change_what_is_remembered() -> None:
    shared = RememberingEncoder(WordEncoder())
    shared.encode(["angry"], "query")[:] = 0
    assert shared.encode(["angry"], "query").any()

"""Texts made comparable: folding of width, case and script, and the words that BM25 counts.

Covered: NFKC, case, traditional to simplified Chinese, rjieba words plus character bigrams for
Chinese, Snowball stems without stop words for English, whole words for every other script.
Not covered: synonyms, spelling correction and pinyin; the dense search bridges those.

Words and bigrams together, stems, and the stop words were each kept because they scored higher
than the alternatives, the shop's product names as words of their own were not (docs/retrieval.md
has the figures). Both searches see simplified Chinese;
what a customer reads keeps the shop's own script.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import rjieba
import snowballstemmer
from bm25s.stopwords import STOPWORDS_EN
from opencc import OpenCC

from bot.types import Lang

MAX_WORD_CHARS = 64
"""Longer runs of letters are noise (base64, hashes) and would only swell the vocabulary."""

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:[.'’\-/][^\W_{_HAN}]+)*")
_IS_HAN = re.compile(rf"[{_HAN}]")
_JOINER = re.compile(r"[.'’\-/]")
_HAS_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\ud800-\udfff]")
"""Characters that nobody sees: joiners, marks of direction, halves of characters."""

STOP_WORDS = frozenset(STOPWORDS_EN)
"""English words too common to search for (Lucene's list)."""

_to_simplified = OpenCC("t2s").convert
_stemmer = threading.local()


def fold(text: str) -> str:
    """`text` in one width, case and Chinese script, without invisible characters."""
    return str(_to_simplified(INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()))


def simplified(text: str) -> str:
    """`text` in simplified Chinese, otherwise unchanged: what the encoder is given."""
    return str(_to_simplified(text)) if has_han(text) else text


def has_han(text: str) -> bool:
    """Whether any Chinese character occurs."""
    return _IS_HAN.search(text) is not None


def guess_lang(text: str) -> Lang:
    """Language by script alone: enough to file a passage whose source names no language."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return "other"
    han = sum(1 for char in letters if _IS_HAN.match(char))
    if han * 4 >= len(letters):
        return "zh-Hans" if _to_simplified(text) == text else "zh-Hant"
    latin = sum(1 for char in letters if ord(char) < 0x250)
    return "en" if latin * 2 >= len(letters) else "other"


def numbers(text: str) -> frozenset[str]:
    """The numbers written in digits, thousands separators dropped."""
    found = (match.group() for match in _NUMBER.finditer(fold(text)))
    return frozenset(re.sub(r",(?=\d{3}\b)", "", number) for number in found)


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    # The stemmer keeps its working buffer in itself, so every thread has its own.
    if not hasattr(_stemmer, "english"):
        _stemmer.english = snowballstemmer.stemmer("english")
    return str(_stemmer.english.stemWord(word))


def terms(text: str) -> list[str]:
    """The terms of `text` that BM25 counts, in order, repeated ones kept."""
    return list(_terms(fold(text)))


def _terms(folded: str) -> Iterator[str]:
    for match in _RUN.finditer(folded):
        run = match.group()
        if _IS_HAN.match(run):
            yield from _chinese(run)
        elif len(run) <= MAX_WORD_CHARS:
            yield from _words(run)


def _chinese(run: str) -> Iterator[str]:
    yield from rjieba.cut(run)
    if len(run) == 1:
        yield run
    for start in range(len(run) - 1):
        yield run[start : start + 2]


def _words(run: str) -> Iterator[str]:
    parts = _JOINER.split(run)
    if len(parts) > 1 and (_HAS_DIGIT.search(run) or "-" in run):
        yield run  # "ml-ket-1701", "39.90", "usb-c": the whole is rarer than its parts
    for part in parts:
        if part not in STOP_WORDS:
            yield _stem(part)

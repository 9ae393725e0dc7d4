"""Colours by their common names, in English and Chinese, so that 藏青 and "navy" meet "blue".

Covered: the words shops use for plain colours and their shades. A shade counts as itself and as
its plain colour: "navy" finds navy first, "blue" finds navy too. Not covered: patterns, metals as
materials, and which shade is prettier.
"""

from __future__ import annotations

import re
from functools import lru_cache

from retrieval.text import fold

_SHADES: dict[str, str] = {
    "red": "red cherry crimson scarlet burgundy rust 红 樱桃红 酒红 铁锈红",
    "blue": "blue navy azure cobalt turquoise teal 蓝 藏青 藏蓝 青色",
    "green": "green olive khaki sage moss mint emerald 绿 橄榄 卡其 军绿 薄荷",
    "black": "black 黑",
    "white": "white 白",
    "grey": "grey gray graphite anthracite charcoal silver 灰 石墨 炭黑 银",
    "yellow": "yellow lemon mustard gold golden 黄 柠檬 金色",
    "orange": "orange terracotta 橙 橘 陶土",
    "pink": "pink rose 粉",
    "purple": "purple violet lilac lavender 紫",
    "brown": "brown tan coffee chestnut 棕 褐 咖啡色",
    "beige": "beige sand oat cream ivory natural 米色 米白 沙色 燕麦色 奶油 杏色 原木色",
}
_COLOUR_OF = {word: plain for plain, words in _SHADES.items() for word in words.split()}
_SPECIFIC = {
    "navy",
    "藏青",
    "藏蓝",
    "olive",
    "khaki",
    "sage",
    "moss",
    "mint",
    "silver",
    "sand",
    "oat",
}
_AMBIGUOUS = {
    "cherry",
    "rust",
    "sage",
    "rose",
    "coffee",
    "natural",
    "gold",
    "golden",
    "cream",
    "oat",
}
"""Words that mean something else at least as often: a colour in a product's facts, not in a question."""
_LATIN = re.compile(r"[a-z]+")
_HAN_ASKED = re.compile(
    r"[樱桃酒铁锈藏深浅墨苔海港天湖军薄荷玫]*[红蓝绿黑白灰黄橙橘粉紫棕褐银金]色"
    r"|(?<![明黄坦])[红蓝绿黑白灰橙橘粉紫棕](?:的|款|那)|藏青|藏蓝|米色|米白|沙色|卡其|咖啡色|燕麦色|杏色"
)


def colours_in(folded: str) -> frozenset[str]:
    """Plain colours that a folded question asks for."""
    words = set(_LATIN.findall(folded)) - _AMBIGUOUS
    found = {_COLOUR_OF[word] for word in words if word in _COLOUR_OF}
    for match in _HAN_ASKED.finditer(folded):
        found |= _in_han(match.group())
    return frozenset(found)


@lru_cache(maxsize=10_000)
def colours_of(value: str) -> frozenset[str]:
    """Plain colours of a product, from the value of its colour."""
    folded = fold(value)
    found = {_COLOUR_OF[word] for word in _LATIN.findall(folded) if word in _COLOUR_OF}
    return frozenset(found | _in_han(folded))


def _in_han(text: str) -> set[str]:
    """Longest names first: 藏青 is blue, 炭黑 is grey and not black."""
    found = set()
    for word in sorted(_COLOUR_OF, key=len, reverse=True):
        if not word.isascii() and word in text:
            found.add(_COLOUR_OF[word])
            text = text.replace(word, " ")
    return found

"""A text in plain characters, each of which knows where it comes from.

Covered: full-width and mathematical digits, digits of every script, emoji digits, dashes and spaces
of every kind, zero-width characters, digits written as Chinese characters (一三八 …, 幺). Not
covered: numbers spelled as words ("one three eight", 十三).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bot.privacy.kinds import PLACEHOLDER

_CHINESE = {
    char: str(digit)
    for digit, chars in enumerate(
        ("零〇○", "一幺壹", "二贰貳", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
    )
    for char in chars
}
_DIGIT = "0-9" + "".join(_CHINESE)
_SPELLED = re.compile(rf"[{_DIGIT}](?:[ .-]?[{_DIGIT}]){{6,}}")
_MASKED = "\ufffc"


@dataclass(frozen=True, slots=True)
class Plain:
    """`text[i]` comes from `original[starts[i]:ends[i]]`."""

    text: str
    starts: tuple[int, ...] | range
    ends: tuple[int, ...] | range

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` is in the original; `end` must be greater than `start`."""
        return self.starts[start], self.ends[end - 1]


def plain(text: str) -> Plain:
    """`text` in plain characters. Placeholders of earlier masking become something inert."""
    if text.isascii():
        return Plain(_inert(text), range(len(text)), range(1, len(text) + 1))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for at, char in enumerate(text):
        for piece in _plain_char(char):
            pieces.append(piece)
            starts.append(at)
            ends.append(at + 1)
        if not _plain_char(char) and ends:
            # What is dropped belongs to the digit before it (the box around an emoji digit).
            ends[-1] = at + 1
    found = _inert("".join(pieces))
    return Plain(_SPELLED.sub(_as_digits, found), tuple(starts), tuple(ends))


def _plain_char(char: str) -> str:
    if char < "\x7f":
        return char
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if char == "\N{KEYCAP TEN}":
        return "10"
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if category == "Zs":
        return " "
    return "".join(" " if part.isspace() and part != "\n" else part for part in _narrow(char))


def _narrow(char: str) -> str:
    narrow = unicodedata.normalize("NFKC", char)
    # Letters that fall apart (ligatures, ㎏) stay recognisable; nothing is worth 18 characters.
    return narrow if len(narrow) <= 4 else char


def _inert(text: str) -> str:
    return PLACEHOLDER.sub(lambda found: _MASKED * len(found[0]), text)


def _as_digits(found: re.Match[str]) -> str:
    return "".join(_CHINESE.get(char, char) for char in found[0])

"""Bytes to text: which encoding a shop's file is in, and whether it is text at all.

Covered: UTF-8 with and without BOM, UTF-16 with and without BOM, GBK (as GB18030), Big5 and
Windows-1252, files cut off inside a character, binary files. Not covered: other encodings, which
come out as one of these or as a problem.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 20_000
_ENOUGH = 0.9
"""Share of a sample's characters that must be common ones for an encoding to be believed."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, the encoding it was read with, and what was odd about it ("" if nothing)."""

    text: str
    encoding: str
    oddity: str = ""


def decode(data: bytes) -> Decoded | None:
    """The text in `data`, without BOM and with `\\n` line ends; None when it is not text."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _checked(_lenient(data[len(bom) :], encoding))
    wide = _wide_encoding(data)
    if wide:
        return _checked(_lenient(data, wide))
    if b"\x00" in data[:_SAMPLE]:
        return None
    strict = _utf8(data)
    if strict is not None:
        return _checked(strict)
    for encoding, subset in (("gb18030", "gb2312"), ("big5", "big5"), ("cp1252", "cp1252")):
        decoded = _lenient(data, encoding)
        if _share_of_common(decoded.text, subset) >= _ENOUGH:
            return _checked(decoded)
    return _checked(_lenient(data, "utf-8"))


def _utf8(data: bytes) -> Decoded | None:
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            text = data[: error.start].decode("utf-8")
            return Decoded(text, "utf-8", "the file ends inside a character, as if cut off")
    return None


def _lenient(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    broken = text.count("\ufffd")
    oddity = f"{broken} characters could not be read as {encoding}" if broken else ""
    return Decoded(text, encoding, oddity)


def _checked(decoded: Decoded) -> Decoded | None:
    """None for what is mostly control or unreadable characters, line ends made equal otherwise."""
    sample = decoded.text[:_SAMPLE]
    odd = sum(1 for char in sample if char == "\ufffd" or (char < " " and char not in "\t\r\n\f"))
    if sample and odd > len(sample) * 0.05:
        return None
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, decoded.encoding, decoded.oddity)


def _wide_encoding(data: bytes) -> str:
    """UTF-16 without BOM: line ends and commas put a zero in the same half of every pair."""
    sample = data[:_SAMPLE]
    if len(sample) < 4 or len(data) % 2:
        return ""
    for encoding, low, high in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
        pairs = zip(sample[low::2], sample[high::2], strict=False)
        plain = sum(1 for letter, zero in pairs if zero == 0 and letter in _PLAIN)
        reverse = sum(1 for zero in sample[low::2] if zero == 0)
        if plain * 50 >= len(sample) and reverse * 100 <= len(sample):
            return encoding
    return ""


_PLAIN = frozenset(range(0x20, 0x7F)) | {9, 10, 13}


def _share_of_common(text: str, subset: str) -> float:
    """How many of the non-ASCII characters a smaller, older encoding has as well."""
    rare = [char for char in text[:_SAMPLE] if char > "\x7f"]
    if not rare:
        return 1.0
    known = 0
    for char in rare:
        try:
            char.encode(subset)
        except UnicodeEncodeError:
            continue
        known += 1
    return known / len(rare)

"""Bytes to text: which encoding a shop's file is in, and whether it is text at all.

Covered: UTF-8 with and without BOM, UTF-16 with and without BOM, GBK (as GB18030), Big5 and
Windows-1252, files cut off inside a character, binary files; small files as one text, files of any
size line by line. Not covered: other encodings, which come out as one of these or as a problem.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 20_000
_BLOCK = 1 << 20
_ENOUGH = 0.9
"""Share of a sample's characters that must be common ones for an encoding to be believed."""
MAX_LINE = 1_000_000
"""Characters; a longer line is handed on in pieces, so that memory stays bounded."""
_CUT = "the file ends inside a character, as if cut off"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is to be read. `bom` counts bytes to skip, `oddity` is "" when all is well."""

    name: str
    bom: int = 0
    oddity: str = ""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"{self.name} with BOM" if self.bom else self.name


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, the encoding it was read with, and what was odd about it ("" if nothing)."""

    text: str
    encoding: str
    oddity: str = ""


def decode(data: bytes) -> Decoded | None:
    """The text in `data`, without BOM and with `\\n` line ends; None when it is not text."""
    encoding = encoding_of(io.BytesIO(data))
    if encoding is None:
        return None
    text = data[encoding.bom :].decode(encoding.name, "replace")
    if encoding.oddity == _CUT:
        text = text.rstrip("\ufffd")
    oddity = encoding.oddity or unreadable(text.count("\ufffd"), encoding.name)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, encoding.label, oddity)


def unreadable(broken: int, encoding: str) -> str:
    """What to say about characters that could not be read; "" when there are none."""
    return f"{broken} characters could not be read as {encoding}" if broken else ""


class TextLines:
    """The lines of a text file of any size, with `\\n` line ends, read as they are asked for.

    `broken` counts the characters that could not be read so far, `used` the bytes.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self._path = path
        self._encoding = encoding
        self.broken = 0
        self.used = 0

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as raw:
            raw.seek(self._encoding.bom)
            wrapped = io.TextIOWrapper(raw, self._encoding.name, errors="replace")
            while line := wrapped.readline(MAX_LINE):
                self.broken += line.count("\ufffd")
                self.used = raw.tell()
                yield line


def encoding_of(stream: BinaryIO) -> Encoding | None:
    """How to read a file; None when it is not text. Reads it to the end, a block at a time."""
    head = stream.read(_SAMPLE)
    encoding = _from_head(head)
    if encoding is None and b"\x00" in head:
        return None
    if encoding is None:
        encoding, sample = _from_bytes(stream, head)
    else:
        sample = head[encoding.bom :]
    text = sample[: len(sample) // 2 * 2].decode(encoding.name, "replace")
    odd = sum(1 for char in text if char == "\ufffd" or (char < " " and char not in "\t\r\n\f"))
    return None if text and odd > max(1, len(text) * 0.05) else encoding


def _from_head(head: bytes) -> Encoding | None:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Encoding(name, len(bom))
    wide = _wide_encoding(head)
    return Encoding(wide) if wide else None


def _from_bytes(stream: BinaryIO, head: bytes) -> tuple[Encoding, bytes]:
    """UTF-8 when the whole file is; otherwise what fits around the first byte that is not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    block, done = head, 0
    while block:
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            # `start` counts from what the decoder had kept back of the block before.
            at = max(0, done + error.start - 4)
            return _around(stream, at)
        done += len(block)
        block = stream.read(_BLOCK)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return Encoding("utf-8", oddity=_CUT), head
    return Encoding("utf-8"), head


def _around(stream: BinaryIO, at: int) -> tuple[Encoding, bytes]:
    stream.seek(max(0, at - _SAMPLE))
    before = stream.read(min(at, _SAMPLE))
    start = before.rfind(b"\n") + 1  # no second byte of GB18030 or Big5 is a line end
    sample = before[start:] + stream.read(_SAMPLE)
    for name, subset in (("gb18030", "gb2312"), ("big5", "big5"), ("cp1252", "cp1252")):
        if _share_of_common(sample.decode(name, "replace"), subset) >= _ENOUGH:
            return Encoding(name), sample
    return Encoding("utf-8"), sample


def _wide_encoding(sample: bytes) -> str:
    """UTF-16 without BOM: line ends and commas put a zero in the same half of every pair."""
    if len(sample) < 4:
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
